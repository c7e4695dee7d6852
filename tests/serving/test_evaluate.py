from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from serving.evaluate import evaluate
from stream.replay import BadFile
from tests.serving.histories import START_MS, view, views, written

EXACT = {f"{measure}@{cut}": 1.0 for measure in ("hr", "mrr", "ndcg") for cut in (1, 5, 10, 20)}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl.gz"


def test_a_history_that_repeats_itself_is_known_by_heart(file: Path) -> None:
    found = evaluate(written(file, views([["a", "b", "c"]] * 50)))
    assert found["next"] == {"n": 20} | EXACT
    assert found["new_in_session"] == {"n": 20} | EXACT
    assert found["first"]["n"] == 10
    assert found["first"]["hr@20"] == 1.0
    assert found["unseen_share"] == 0.0
    assert found["coverage@20"] == 1.0
    assert found["popularity@20"] == pytest.approx(1.0, abs=0.02)
    assert found["baselines"] == {}
    assert found["protocol"]["events_tested"] == 30
    assert found["seconds"] > 0
    json.dumps(found)


def test_random_continuations_score_at_chance(file: Path) -> None:
    rng = random.Random(1)
    items = [f"i{n}" for n in range(200)]
    found = evaluate(written(file, views(rng.sample(items, 5) for _ in range(1_500))), baselines=True)
    assert found["next"]["n"] == 1_200
    for one in (found["next"], found["baselines"]["vs_knn"], found["baselines"]["sr"]):
        assert 0.05 < one["hr@20"] < 0.13
    assert found["first"]["hr@20"] < 0.17
    assert found["unseen_share"] == 0.0


def test_an_item_that_nobody_has_seen_is_out_of_reach(file: Path) -> None:
    found = evaluate(written(file, views(["a", f"new{n}"] for n in range(100))), baselines=True)
    assert found["next"]["n"] == 20
    assert found["next"]["hr@20"] == 0.0
    assert {one["hr@20"] for one in found["baselines"].values()} == {0.0}
    assert found["unseen_share"] == 0.5


def test_learning_goes_on_while_it_is_tested(file: Path) -> None:
    events = views([["a", "b"]] * 40 + [["x", "y"]] * 10)
    assert evaluate(written(file, events))["next"]["hr@20"] == pytest.approx(0.9)


def test_items_of_the_session_count_unless_repeats_are_off(file: Path) -> None:
    written(file, views([["a", "b", "a", "b"]] * 40 + [["a", "c", "a"]]))
    with_repeats, without = evaluate(file), evaluate(file, no_repeats=True)
    assert (with_repeats["next"]["n"], with_repeats["first"]["n"]) == (25, 8)
    assert with_repeats["next"]["hr@20"] > 0.9
    assert without["next"]["n"] == without["new_in_session"]["n"] == with_repeats["new_in_session"]["n"] == 8
    assert without["next"]["hr@20"] == 7 / 8


def test_a_static_test_learns_nothing_from_what_it_tests(file: Path, tmp_path: Path) -> None:
    written(file, views([["a", "b"]] * 20))
    test = written(tmp_path / "test.jsonl.gz", views([["a", "b"], ["x", "y"]] * 20, prefix="t", start=1_000))
    frozen = evaluate(file, static=test, baselines=True)
    assert frozen["next"]["n"] == frozen["first"]["n"] == 40
    assert frozen["next"]["hr@20"] == frozen["baselines"]["vs_knn"]["hr@20"] == 0.5
    assert frozen["unseen_share"] == 0.5
    going_on = evaluate(file, static=test, learn=True)
    assert going_on["next"]["hr@20"] == pytest.approx(39 / 40)


def test_what_went_before_the_session_helps_to_find_its_first_item(file: Path) -> None:
    favourites = [[f"own{n}", f"own{n}b"] for n in range(100)]
    events = [
        view(number, f"{visit}-{n}", item_id, visitor_id=f"v{n}")
        for number, (visit, n, item_id) in enumerate(
            (visit, n, item_id) for visit in range(2) for n, items in enumerate(favourites) for item_id in items
        )
    ]
    found = evaluate(written(file, events), baselines=True)
    assert found["first"]["n"] == 40
    assert found["first"]["hr@20"] == 1.0
    assert found["baselines"]["popularity"]["first"]["hr@20"] < 0.3


def test_sessions_without_a_name_end_after_half_an_hour(file: Path) -> None:
    def at(number: int, minute: int, item_id: str) -> dict[str, Any]:
        return view(number, "", item_id, session_id=None, occurred_at=START_MS + minute * 60_000)

    events = [at(0, 0, "a"), at(1, 20, "b"), at(2, 45, "c"), at(3, 90, "d")]
    found = evaluate(written(file, events), last=1.0)
    assert (found["first"]["n"], found["next"]["n"]) == (2, 2)


def test_an_event_twice_counts_once_and_bad_lines_are_counted(file: Path) -> None:
    events: list[Any] = views([["a", "b"]] * 10)
    found = evaluate(written(file, [*events, events[-1], "{", '{"event": "dance"}']), last=1.0)
    assert found["next"]["n"] == 10
    assert found["protocol"]["events"] == 23
    assert found["protocol"]["events_rejected"] == 2


def test_events_with_several_items_are_no_targets(file: Path) -> None:
    basket = view(99, "s9", "a", event="purchase", transaction_id="t", value="2", currency="EUR")
    basket["items"] = [{"item_id": "a", "price": "1"}, {"item_id": "b", "price": "1"}]
    found = evaluate(written(file, [*views([["a", "b"]] * 10), basket]), last=1.0)
    assert found["next"]["n"] + found["first"]["n"] == 20


def test_titles_of_a_catalogue_reach_items_that_nobody_has_seen(file: Path, tmp_path: Path) -> None:
    events = views([["lamp", "pan"]] * 40) + views([["lamp2", "shade"]], prefix="t", start=500)
    titles = {"lamp": "reading lamp", "pan": "frying pan", "lamp2": "brass desk lamp", "shade": "desk lamp shade"}
    more = {f"i{n}": f"cotton shirt size {n}" for n in range(100)}
    catalog = tmp_path / "catalog.jsonl"
    rows = [
        {"item_id": item_id, "title": title, "availability": "out_of_stock"}
        for item_id, title in (titles | more).items()
        if item_id != "pan"
    ]
    catalog.write_text("".join(json.dumps(row) + "\n" for row in rows))
    written(file, events)
    assert evaluate(file, last=1 / 82)["next"] == {"n": 1} | dict.fromkeys(EXACT, 0.0)
    assert evaluate(file, last=1 / 82, catalog=catalog)["next"]["hr@20"] == 1.0
    on_the_half = evaluate(file, last=0.5, catalog=catalog)["next"]
    assert (on_the_half["n"], on_the_half["hr@20"]) == (21, 1.0)


def test_a_catalogue_that_is_none_is_refused_by_line(file: Path, tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.jsonl"
    written(file, views([["a", "b"]] * 10))
    for line in ('{"item_id": 7}', '["b"]', "{", '{"title": "b"}'):
        catalog.write_text(f'{{"item_id": "a", "title": "A"}}\n{line}\n')
        with pytest.raises(BadFile, match="line 2"):
            evaluate(file, catalog=catalog)


def test_a_history_that_grants_nothing_is_refused(file: Path) -> None:
    events = [event | {"consent": {"personalization": False}} for event in views([["a", "b"]] * 10)]
    with pytest.raises(BadFile, match="consent"):
        evaluate(written(file, events))


def test_progress_grows_to_the_whole(file: Path) -> None:
    told: list[float] = []
    evaluate(written(file, views([["a", "b"]] * 600)), on_progress=told.append)
    assert told == sorted(told)
    assert len(told) > 2
    assert told[-1] == 1.0
