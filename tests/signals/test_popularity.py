from __future__ import annotations

import pytest

from stream.entries import Bought, Seen
from stream.signals.popularity import DAY_MS, FAST_MS, SLOW_MS, State, current, fold

AT = 1_700_000_000_000


def seen(at: int) -> Seen:
    return Seen(0, 0, "a", at, "view_item", False, [])


def test_counts_halve_in_their_half_lives() -> None:
    state = State()
    fold(state, seen(AT))
    fold(state, seen(AT))
    assert current(state, AT) == (2.0, 2.0)
    assert current(state, AT + FAST_MS)[0] == pytest.approx(1.0)
    assert current(state, AT + SLOW_MS)[1] == pytest.approx(1.0)


def test_a_late_event_counts_as_if_it_had_been_on_time() -> None:
    on_time, late = State(), State()
    for at in (AT, AT + DAY_MS):
        fold(on_time, seen(at))
    for at in (AT + DAY_MS, AT):
        fold(late, seen(at))
    assert late.at == on_time.at == AT + DAY_MS
    assert current(late, AT + 2 * DAY_MS) == pytest.approx(current(on_time, AT + 2 * DAY_MS))


def test_steady_interest_tends_to_its_rate_and_a_rush_shows_in_the_fast_count_first() -> None:
    steady, rush = State(), State()
    for day in range(100):
        for hour in range(0, 24, 6):
            fold(steady, seen(AT + day * DAY_MS + hour * DAY_MS // 24))
    for _ in range(20):
        fold(rush, seen(AT + 100 * DAY_MS))
    now = AT + 100 * DAY_MS
    assert current(steady, now)[0] < current(rush, now)[0]
    assert current(steady, now)[1] > current(rush, now)[1]


def test_a_repeat_adds_nothing() -> None:
    state = State()
    fold(state, seen(AT))
    fold(state, Seen(0, 0, "a", AT, "view_item", True, []))
    fold(state, Seen(0, 0, "a", AT, "view_item", True, [("b", 1.0)], False))
    assert (state.seen, state.fast, state.slow) == (1, 1.0, 1.0)


def test_units_count_when_they_are_confirmed_and_claims_apart() -> None:
    state = State()
    fold(state, Bought(0, 0, "a", AT, 3, False))
    fold(state, Bought(1, 0, "a", AT, 2, True))
    assert (state.bought, state.claimed, state.seen) == (2, 1, 0)
