"""Histories so small that every number can be told by hand."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from serving.evaluate import evaluate
from tests.serving.histories import view, views, written

CLOSED: dict[str, Any] = {"currency": "EUR", "value": "1"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl.gz"


def purchase(number: int, session: str, *items: str, **more: Any) -> dict[str, Any]:
    lines = [{"item_id": item_id, "price": "1"} for item_id in items]
    return view(number, session, "", event="purchase", transaction_id=f"t{number}", **CLOSED, **more) | {"items": lines}


def ends_with(*events: dict[str, Any]) -> list[dict[str, Any]]:
    """After 40 sessions of a, b, which are learnt; the events are tested."""
    return [*views([["a", "b"]] * 40), *events]


def measured(file: Path, events: Iterable[dict[str, Any]], *, count: int, **more: Any) -> dict[str, Any]:
    every = list(events)
    return evaluate(written(file, every), last=count / len(every), **more)


def test_sessions_are_told_apart_by_their_steps_so_far(file: Path) -> None:
    items = ["a", "b", "a", "x", "a", "b", "a", "b", "a", "b", "a", "b"]
    found = measured(file, ends_with(*views([items], prefix="t", start=100)), count=12)
    lengths = {name: (one["n"], one["hr@20"]) for name, one in found["by_length"].items()}
    # x is the fourth step and out of reach, all others are known
    assert lengths == {"1": (1, 1.0), "2": (1, 1.0), "3-4": (2, 0.5), "5-9": (5, 1.0), "10+": (2, 1.0)}
    assert found["next"]["n"] == 11
    assert found["first"]["n"] == 1


def test_a_session_is_cold_if_nothing_was_known_of_its_visitor(file: Path) -> None:
    again = view(201, "s0", "a") | {"session_id": "later"}
    events = ends_with(
        view(100, "t", "a"), view(101, "t", "b"), view(102, "t", "a"), again, again | {"event_id": "e202"}
    )
    found = measured(file, events, count=5)
    assert (found["first"]["n"], found["next"]["n"]) == (2, 3)
    assert (found["cold_first"]["n"], found["cold_next"]["n"]) == (1, 1)
    assert found["cold_next"]["hr@1"] == 1.0


def test_items_that_nobody_has_seen_and_new_ones_are_apart(file: Path) -> None:
    sessions = [["a", "new"]] * 8
    found = measured(file, ends_with(*views(sessions, prefix="t", start=100)), count=16)
    # the first is out of reach; then 1 to 5 sessions had it before; then it is an item like others
    assert found["unseen_items"]["n"] == 1
    assert found["unseen_items"]["hr@20"] == 0.0
    assert found["cold_items"]["n"] == 5
    assert found["cold_items"]["hr@20"] == 1.0
    assert found["next"]["n"] == 8
    assert found["unseen_share"] == round(1 / 16, 5)


def test_an_item_is_not_known_by_its_own_session(file: Path) -> None:
    found = measured(file, ends_with(*views([["a", "new", "a", "new"]], prefix="t", start=100)), count=4)
    assert (found["unseen_items"]["n"], found["cold_items"]["n"]) == (1, 0)


def test_views_and_carts_are_apart(file: Path) -> None:
    cart = view(102, "t", "nowhere", event="add_to_cart", **CLOSED)
    found = measured(file, ends_with(view(100, "t", "a"), view(101, "t", "b"), cart), count=3)
    by_event = {name: (one["n"], one["hr@1"]) for name, one in found["by_event"].items()}
    assert by_event == {"view_item": (1, 1.0), "add_to_cart": (1, 0.0), "purchase": (0, 0.0)}


def test_what_was_bought_counts_where_it_came_up_first(file: Path) -> None:
    steps = [view(100, "t", "a"), view(101, "t", "b"), view(102, "t", "x"), view(103, "t", "b")]
    found = measured(file, ends_with(*steps, purchase(104, "t", "b", "x")), count=5, baselines=True)
    # b was found when it came first, x was not known; after x b stands elsewhere, which does not matter
    assert found["by_event"]["purchase"]["n"] == 2
    assert found["by_event"]["purchase"]["hr@1"] == 0.5
    assert found["baselines"]["ar"]["by_event"]["purchase"]["hr@1"] == 0.5
    assert found["next"]["n"] + found["first"]["n"] == 4


def test_what_comes_up_with_its_purchase_is_asked_for_just_before_it(file: Path) -> None:
    found = measured(file, ends_with(view(100, "t", "a"), purchase(101, "t", "b", "y")), count=2)
    assert found["by_event"]["purchase"]["n"] == 2
    assert found["by_event"]["purchase"]["hr@1"] == 0.5
    assert found["next"]["n"] == 0


def test_a_cart_of_several_does_not_teach_what_is_then_asked(file: Path) -> None:
    cart = view(101, "t", "", event="add_to_cart", **CLOSED) | {"items": [{"item_id": "a"}, {"item_id": "y"}]}
    found = measured(file, ends_with(view(100, "t", "a"), cart, purchase(102, "t", "y")), count=3)
    assert (found["by_event"]["purchase"]["n"], found["by_event"]["purchase"]["hr@20"]) == (1, 0.0)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"event_id": "e101"}, "a duplicate"),
        ({"consent": {"personalization": False}}, "no consent"),
        ({"edge": {"purchase_confirmed": False}}, "a claim of the browser"),
    ],
)
def test_purchases_that_do_not_count(file: Path, more: dict[str, Any], why: str) -> None:
    events = ends_with(view(100, "t", "a"), view(101, "t", "b"), purchase(102, "t", "b") | more)
    assert measured(file, events, count=3)["by_event"]["purchase"]["n"] == 0, why


def test_what_is_bought_twice_counts_once(file: Path) -> None:
    events = ends_with(view(100, "t", "a"), view(101, "t", "b"), purchase(102, "t", "b"), purchase(103, "t", "b"))
    assert measured(file, events, count=4)["by_event"]["purchase"]["n"] == 1


def test_a_session_that_began_before_the_test_has_no_purchases(file: Path) -> None:
    events = ends_with(view(100, "t", "a"), view(101, "t", "b"), purchase(102, "t", "b"))
    assert measured(file, events, count=2)["by_event"]["purchase"]["n"] == 0


def test_lists_without_repeats_have_room_for_what_is_new(file: Path) -> None:
    sessions = [["a", "b", "c"]] * 5
    found = measured(file, [*views([["a", "b", "c"]] * 40), *views(sessions, prefix="t", start=200)], count=15)
    assert found["new_in_session"]["n"] == found["no_repeats"]["n"] == 10
    assert found["no_repeats"]["hr@1"] == 1.0
    assert found["no_repeats"]["mrr@20"] >= found["new_in_session"]["mrr@20"]
    alone = evaluate(file, last=15 / 135, no_repeats=True)
    assert alone["next"] == alone["no_repeats"] == found["no_repeats"]


def test_differences_to_baselines_are_of_the_same_targets(file: Path) -> None:
    found = measured(
        file, [*views([["a", "b"]] * 80), *views([["x", "y"]], start=300, prefix="t")], count=42, baselines=True
    )
    for name, other in found["baselines"].items():
        for group in ("next", "first"):
            its = other if group == "next" else other["first"]
            difference = other["difference"][group]["hr@20"]
            assert difference["mean"] == pytest.approx(found[group]["hr@20"] - its["hr@20"], abs=2e-5), name
            low, high = difference["interval"]
            assert low <= difference["mean"] <= high
    low, high = found["intervals"]["next"]["hr@20"]
    assert low < found["next"]["hr@20"] == round(20 / 21, 5) < high == 1.0
    assert found["intervals"]["cold_items"]["hr@20"] is None
