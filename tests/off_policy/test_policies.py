"""From a log of decisions and events to what other policies would have earned."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from typer.testing import CliRunner

from serving.cli import app
from serving.off_policy.logged import Join, decisions
from serving.off_policy.policies import POLICIES
from serving.off_policy.report import policies
from stream.fold import Record
from stream.replay import BadFile
from stream.settings import settings
from stream.tokens import DecisionToken, decision_id

NOW = 1_790_000_000_000
HOUR_MS = 3_600_000
CTR = [0.5, 0.4, 0.3, 0.2]


def token(number: int, at: int = NOW, *, click_window_s: int = 3_600, view_window_s: int = 60) -> str:
    return decision_id(
        b"key", DecisionToken("home", "", at, "a" * 26, 1, click_window_s, view_window_s, number.to_bytes(6))
    )


def record(number: int, *items: dict[str, Any], at: int = NOW, **more: Any) -> dict[str, Any]:
    shown = [{"position": n, "score": 1 / (n + 1), "recommender": "table", **one} for n, one in enumerate(items)]
    return {
        "decision_id": token(number, at), "decided_at": at, "placement": "home", "status": "ok", "pid": f"v{number}",
        "items": shown, **more,
    }  # fmt: skip


def event(name: str, visitor: str, item_id: str, at: int, **more: Any) -> dict[str, Any]:
    return {
        "event_id": f"{name}-{item_id}-{at}"[:64], "event": name, "occurred_at": at, "visitor_id": visitor,
        "items": [{"item_id": item_id}], **more,
    }  # fmt: skip


def lines(rows: Iterable[Any]) -> list[bytes]:
    return [json.dumps(row).encode() for row in rows]


def joined(records: Sequence[Any], events: Sequence[Any]) -> Any:
    shelves, _ = decisions(lines(records))
    Join(shelves).play(lines(events))
    return shelves


def test_a_click_belongs_to_the_decision_that_it_names() -> None:
    records = [record(n, {"item_id": "a"}, {"item_id": "b"}) for n in (1, 2)]
    (one, two) = joined(
        records,
        [
            event("select_item", "v1", "b", NOW + 1, decision_id=token(1)),
            event("view_item", "v1", "a", NOW + 2),
            event("view_item", "v2", "a", NOW + 3, decision_id=token(2)),
            event("view_item", "v2", "elsewhere", NOW + 4, decision_id=token(2)),
        ],
    )
    assert [slot.clicked for slot in one.items] == [False, True]
    assert [slot.clicked for slot in two.items] == [True, False]


@pytest.mark.parametrize(
    ("touched", "after_ms", "bought"),
    [("select_item", 3_599_999, True), ("select_item", 3_600_002, False), ("view_item_list", 59_999, True),
     ("view_item_list", 60_002, False)],
)  # fmt: skip
def test_a_purchase_has_the_windows_of_the_decision(touched: str, after_ms: int, bought: bool) -> None:
    events = [
        event(touched, "v1", "a", NOW + 1, decision_id=token(1)),
        event("purchase", "v1", "a", NOW + after_ms, transaction_id="t"),
    ]
    (one,) = joined([record(1, {"item_id": "a"})], events)
    assert one.items[0].bought == bought


def test_a_purchase_is_another_visitors_or_the_last_decisions() -> None:
    records = [record(n, {"item_id": "a"}, at=NOW + n) for n in (1, 2, 3)]
    clicks = [event("select_item", "v", "a", NOW + 9 + n, decision_id=token(n, NOW + n)) for n in (1, 2)]
    seen = event("view_item_list", "v", "a", NOW + 13, decision_id=token(3, NOW + 3))
    bought = [event("purchase", who, "a", NOW + 20, transaction_id=who) for who in ("other", "v", "v")]
    shelves = joined(records, [*clicks, seen, *bought])
    assert [shelf.items[0].bought for shelf in shelves] == [False, True, False]


def test_an_item_is_as_popular_as_it_was_when_the_shelf_was_made() -> None:
    before = [event("view_item", f"v{n}", "b", NOW - 10 + n) for n in range(3)]
    after = [event("view_item", f"v{n}", "a", NOW + 10 + n) for n in range(9)]
    (one,) = joined([record(1, {"item_id": "a"}, {"item_id": "b"})], [*before, *after])
    assert one.looks == {"a": 0, "b": 3}


def exploring(visitors: int, rng: Random, *, share: float = 0.3) -> Iterator[tuple[dict[str, Any], list[int]]]:
    """Shelves of four; a new item, which nobody clicks, is drawn for one of the last three places."""
    for number in range(visitors):
        items: list[dict[str, Any]] = [{"item_id": f"i{n}"} for n in range(4)]
        for one in items[1:]:
            one["propensity"] = 1 - share / 3
        place = rng.randrange(1, 4) if rng.random() < share else 0
        if place:
            gone = {"item_id": f"i{place}", "recommender": "table", "score": 1 / (place + 1)}
            new = f"new{rng.randrange(5)}"
            items[place] = {
                "item_id": new, "recommender": "exploration", "propensity": share / 15, "instead_of": gone
            }  # fmt: skip
        clicked = [n for n, rate in enumerate(CTR) if rng.random() < rate and (not place or n != place)]
        yield record(number, *items), clicked


def a_log(visitors: int, seed: int = 1) -> tuple[list[bytes], list[bytes]]:
    records, events = [], []
    for told, clicked in exploring(visitors, Random(seed)):
        records.append(told)
        events += [
            event("select_item", told["pid"], told["items"][n]["item_id"], NOW + 5, decision_id=told["decision_id"])
            for n in clicked
        ]
    return lines(records), lines(events)


def test_what_exploration_costs_and_what_more_of_it_would_cost() -> None:
    """New items are never clicked here, so the truth is known: each place gives up its share of its clicks."""
    records, events = a_log(4_000)
    found = policies(records, events)["policies"]
    lost = 0.3 * sum(CTR[1:]) / 3
    for name, truth in (("as_logged", sum(CTR) - lost), ("without_exploration", sum(CTR)),
                        ("exploring_twice", sum(CTR) - 2 * lost)):  # fmt: skip
        for estimator in ("snips", "dr"):
            low, high = found[name]["clicks"][estimator]["interval"]
            assert low <= truth <= high, (name, estimator)
            assert high - low < 0.15
    assert found["without_exploration"]["clicks"]["dr"]["above_logged"]["interval"][0] > 0
    assert found["exploring_twice"]["clicks"]["dr"]["above_logged"]["interval"][1] < 0


def test_a_policy_without_support_is_null_and_says_why() -> None:
    records, events = a_log(2_000)
    looked = lines(event("view_item", f"u{n}", "i3", NOW - 1_000 + n) for n in range(50))
    found = policies(records, [*looked, *events])["policies"]["popular"]["clicks"]
    assert (found["snips"], found["dr"]) == (None, None)
    assert "No overlap" in found["reason"]


def test_without_any_randomness_it_says_that_nothing_can_be_told() -> None:
    records = lines(record(n, {"item_id": "a"}, {"item_id": "b"}) for n in range(300))
    looked = lines(event("view_item", f"u{n}", "b", NOW - 1_000 + n) for n in range(5))
    found = policies(records, looked)
    assert found["protocol"]["places_random"] == 0
    assert found["policies"]["as_logged"]["clicks"]["snips"]["value"] == 0
    for name in ("without_exploration", "exploring_twice", "popular"):
        assert found["policies"][name]["clicks"]["snips"] is None
        assert found["policies"][name]["clicks"]["reason"]
    assert "nothing in this log was random" in found["policies"]["popular"]["clicks"]["reason"]


def test_each_policy_shows_one_item_at_each_place() -> None:
    shelves, _ = decisions(a_log(200)[0])
    for policy in POLICIES:
        for shelf in shelves:
            target = policy.target(shelf)
            assert all(0.0 <= one <= 1.0 for one in target.at), policy.name
            assert all(sum(mix.values()) == pytest.approx(1.0) for mix in target.mix), policy.name


def test_records_that_are_none_are_counted_and_doubles_count_once() -> None:
    records, events = a_log(200)
    broken = [b"{", b'{"decision_id": "x"}', json.dumps(record(1, {"item_id": "a", "propensity": 0})).encode()]
    found = policies([*records, *broken, *records[:50]], events)["protocol"]
    assert (found["decisions"], found["records_refused"]) == (200, 3)


def test_a_log_of_nothing_says_what_to_do() -> None:
    with pytest.raises(BadFile, match="--decisions"):
        policies(a_log(5)[0], [], placement="elsewhere")


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    settings.cache_clear()
    records, events = a_log(400)
    for name, rows in (("events", events), ("decisions", records)):
        (tmp_path / f"{name}.jsonl").write_bytes(b"\n".join(rows))
    return [str(tmp_path / "events.jsonl"), "--policy", "--decisions", str(tmp_path / "decisions.jsonl")]


def run(*words: str) -> tuple[int, str]:
    done = CliRunner(env={"COLUMNS": "240"}).invoke(app, ["evaluate", *words])
    return done.exit_code, done.output


def test_the_command_tells_in_json_and_in_a_table(files: list[str]) -> None:
    code, text = run(*files, "--json")
    assert code == 0, text
    found = json.loads(text)
    assert found["protocol"]["visitors"] == 400
    assert found["policies"].keys() == {policy.name for policy in POLICIES}
    code, text = run(*files)
    assert code == 0, text
    assert all(policy.name in text for policy in POLICIES)
    assert "effective" in text


def test_the_command_reads_the_decisions_of_the_events_time_from_kafka(
    files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Any, ...]] = []

    def within(_: Any, *span: Any) -> Iterator[list[Record]]:
        asked.append(span)
        for n, value in enumerate(Path(files[-1]).read_bytes().splitlines()):
            yield [Record("decisions", 0, n, NOW, b"v", value), Record("decisions", 0, n, NOW, b"v", None)]

    monkeypatch.setattr("serving.commands.policies.within", within)
    monkeypatch.setenv("LIVESHELF_BROKER_URL", "127.0.0.1:1")
    code, text = run(*files[:2], "--json")
    assert code == 0, text
    assert json.loads(text)["protocol"]["decisions"] == 400
    assert asked == [("decisions", NOW + 5 - HOUR_MS, NOW + 5 + HOUR_MS)]


def test_the_command_without_records_says_where_to_have_them(files: list[str]) -> None:
    code, text = run(*files[:2])
    assert code == 1
    assert "--decisions" in text
    code, text = run(*files, "--placement", "elsewhere")
    assert code == 1
    assert "elsewhere" in text
