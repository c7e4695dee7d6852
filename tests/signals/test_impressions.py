"""How often the visitor was shown what, and what they ever looked at."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stream.fold import Emit
from stream.ingest import Accepted, admit
from stream.signals.impressions import ITEMS, SIGNAL, State, fold
from tests.stream.worlds import NOW, event, records

EMIT = Emit(("events", 0), {"events": 1})


def told(state: State, name: str, *items: str, at: int = 0, **more: Any) -> State:
    """The state after one event `at` seconds from now."""
    (accepted,) = [admit(record, 1) for record in records([event(name, "v", *items, at=NOW + at * 1_000, **more)])]
    assert isinstance(accepted, Accepted)
    fold(state, accepted, EMIT)
    return state


def seen(state: State, *items: str, **more: Any) -> State:
    return told(state, "view_item_list", *items, **more)


def test_an_item_counts_once_for_each_shelf_that_was_seen() -> None:
    state = State()
    for at in range(3):
        seen(state, "a", at=at * 60, decision_id=f"d{at}")
    assert (state.items["a"].ignored, state.items["a"].shown) == (3, 3)


def test_a_shelf_that_is_scrolled_back_to_counts_once() -> None:
    state = State()
    for at in range(3):
        seen(state, "a", at=at * 60, decision_id="d1")
        seen(state, "b", at=at * 60, page={"view_id": "v1"})
    assert {item_id: one.ignored for item_id, one in state.items.items()} == {"a": 1, "b": 1}


def test_a_shelf_that_is_made_anew_on_the_same_page_counts_once() -> None:
    state = seen(State(), "a", decision_id="d1", page={"view_id": "v1"})
    seen(state, "a", at=60, decision_id="d2", page={"view_id": "v1"})
    assert state.items["a"].ignored == 1


def test_two_impressions_in_one_second_without_any_ids_are_one_shelf() -> None:
    state = seen(State(), "a")
    told(state, "view_item_list", "a", at=0, event_id="another")
    assert state.items["a"].ignored == 1
    assert seen(state, "a", at=1).items["a"].ignored == 2


def test_interest_starts_the_count_anew_and_is_remembered() -> None:
    for name in ("select_item", "view_item", "add_to_cart"):
        state = seen(seen(State(), "a", "b", at=0), "a", "b", at=60)
        told(state, name, "a", at=70)
        told(state, "view_item", "a", at=71)
        a, b = state.items["a"], state.items["b"]
        assert (a.ignored, a.shown, a.clicked) == (0, 2, 1)
        assert (b.ignored, b.shown, b.clicked) == (2, 2, 0)


def test_a_click_that_comes_before_its_impression_answers_it() -> None:
    state = told(State(), "select_item", "a", decision_id="d1")
    seen(state, "a", at=5, decision_id="d1")
    assert (state.items["a"].ignored, state.items["a"].shown, state.items["a"].clicked) == (0, 1, 1)


def test_what_was_never_shown_takes_no_room() -> None:
    assert told(State(), "view_item", "a").items == {}


def test_only_the_newest_are_remembered() -> None:
    state = State()
    for n in range(ITEMS + 20):
        seen(state, f"i{n}", at=n * 10)
    seen(state, "i20", at=9_000)
    assert len(state.items) == ITEMS
    assert list(state.items)[-1] == "i20"
    assert "i19" not in state.items


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(sorted(SIGNAL.on)),
        st.sampled_from("abcd"),
        st.integers(0, 600),
        st.sampled_from([{}, {"decision_id": "d1"}, {"decision_id": "d2"}, {"page": {"view_id": "v1"}}]),
    ),
    max_size=40,
)


@given(EVENTS)
def test_nothing_is_ignored_or_looked_at_more_often_than_shown(happened: list[Any]) -> None:
    state = State()
    for number, (name, item_id, at, more) in enumerate(happened):
        told(state, name, item_id, at=at, event_id=f"e{number}", **more)
        if name != "view_item_list" and item_id in state.items:
            assert state.items[item_id].ignored == 0
    assert all(0 <= one.ignored <= one.shown and one.clicked <= one.shown for one in state.items.values())
