"""Whatever a history has or lacks: the same numbers where it does not matter, and words for what is odd."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from serving.evaluate import evaluate
from stream.replay import BadFile
from tests.evaluation.test_screen import lines
from tests.serving.histories import START_MS, view, views, written

SESSIONS = [["a", "b", "c"], ["d", "e", "f"]] * 30
ITEMS = [
    {"item_id": one, "title": f"Thing {one}", "category": "All", "brand": "B", "price": "1.00", "currency": "EUR"}
    for one in "abcdef"
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl.gz"


def catalog(folder: Path, items: Iterable[dict[str, Any]]) -> Path:
    path = folder / "catalog.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in items))
    return path


def without(*fields: str) -> list[dict[str, Any]]:
    return [{name: value for name, value in one.items() if name not in fields} for one in ITEMS]


@pytest.mark.parametrize(
    "fields", [["title"], ["category"], ["price", "currency"], ["title", "category", "brand", "price"]]
)
def test_a_catalogue_may_lack_anything_but_ids(file: Path, tmp_path: Path, fields: list[str]) -> None:
    written(file, views(SESSIONS))
    found = evaluate(file, catalog=catalog(tmp_path, without(*fields)))
    assert found["next"]["hr@20"] == evaluate(file)["next"]["hr@20"] == 1.0
    listed = found["protocol"]["catalogue"]
    assert (listed["items"], listed["titles"]) == (6, 0 if "title" in fields else 6)
    assert listed["prices"] == (0 if "price" in fields else 6)


@pytest.mark.parametrize("blank", [None, "", "  "])
def test_a_blank_title_is_none(file: Path, tmp_path: Path, blank: str | None) -> None:
    written(file, views(SESSIONS))
    found = evaluate(file, catalog=catalog(tmp_path, [*ITEMS[:5], ITEMS[5] | {"title": blank}]))
    assert found["protocol"]["catalogue"]["titles"] == 5


def test_an_item_twice_keeps_its_title(file: Path, tmp_path: Path) -> None:
    written(file, views(SESSIONS))
    found = evaluate(file, catalog=catalog(tmp_path, [*ITEMS, {"item_id": "a", "category": "Other"}]))
    assert found["protocol"]["catalogue"]["items"] == found["protocol"]["catalogue"]["titles"] == 6


def test_a_price_that_nobody_can_read_is_counted(file: Path, tmp_path: Path) -> None:
    written(file, views(SESSIONS))
    path = catalog(tmp_path, [*ITEMS[:5], ITEMS[5] | {"price": "cheap"}])
    told = lines(str(file), "--catalog", str(path), "--json")
    assert json.loads("".join(told))["protocol"]["catalogue"]["unreadable_prices"] == 1
    assert any("1 unreadable prices" in line for line in lines(str(file), "--catalog", str(path)))


def test_a_catalogue_may_be_empty(file: Path, tmp_path: Path) -> None:
    written(file, views(SESSIONS))
    assert evaluate(file, catalog=catalog(tmp_path, []))["next"] == evaluate(file)["next"]


def test_names_of_customers_and_sessions_that_are_left_out_change_nothing(file: Path) -> None:
    events = views(SESSIONS)
    full = evaluate(written(file, [one | {"customer_id": one["visitor_id"]} for one in events]))
    anonymous = evaluate(written(file, [one | {"session_id": None} for one in events]))
    assert full["next"] == anonymous["next"]
    assert full["next"]["n"] == 24


def test_sessions_of_one_event_have_no_next(file: Path) -> None:
    written(file, views([[one] for one in "abcdef" * 20]))
    assert evaluate(file)["next"]["n"] == 0
    assert any("No session goes on" in line for line in lines(str(file)))


def test_a_part_without_a_target_is_said_to_be_none(file: Path) -> None:
    written(file, views([["a"]]))
    assert any("Nothing was tested" in line for line in lines(str(file)))


def test_what_the_guards_do_not_learn_from_is_counted(file: Path) -> None:
    events = [view(n, f"s{n // 2}", "ab"[n % 2], visitor_id="one") for n in range(40)]
    found = evaluate(written(file, events))
    assert found["protocol"]["steps_guarded"] == 40 - 2 * 3  # three sessions of a visitor a day teach
    assert any("34 views and carts taught nothing" in line for line in lines(str(file)))


def test_the_same_event_id_again_is_counted(file: Path) -> None:
    written(file, [*views(SESSIONS), views(SESSIONS)[-1]])
    assert evaluate(file)["protocol"]["steps_passed_over"] == 1


@pytest.mark.parametrize("step", [0, -1_000])
def test_times_that_stand_still_or_run_backwards_are_taken_as_they_come(file: Path, step: int) -> None:
    events = [one | {"occurred_at": START_MS + n * step} for n, one in enumerate(views(SESSIONS))]
    assert evaluate(written(file, events))["next"]["hr@20"] > 0.9


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "has no lines"),
        (["hello", "{}"], "none of the 2 lines.*line 1: .*not one JSON"),
        ([view(0, "s", "a", items=[{"item_id": 7}])], r"Expected `str`, got `int` in field items\[0\].item_id"),
        ([view(0, "s", "a", event="page_view"), "{"], r"1 of 2 lines are no events \(line 2: "),
    ],
)
def test_a_history_of_which_nothing_can_be_learnt_is_refused_with_the_reason(
    file: Path, rows: list[Any], words: str
) -> None:
    with pytest.raises(BadFile, match=words):
        evaluate(written(file, rows))
