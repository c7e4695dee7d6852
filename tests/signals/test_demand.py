from __future__ import annotations

from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.demand.counts import DAY_MS, HOUR_MS, HOURS, Counts
from stream.demand.daily import OPEN_DAYS, ahead
from stream.demand.rates import FAST_MS, SLOW_MS, fast_at, slow_at
from stream.entries import Bought, Seen
from stream.signals.demand import State, fold

AT = 20_000 * DAY_MS


def seen(at: int, *, repeat: bool = False, counts: bool = True, cart: bool = False) -> Seen:
    return Seen(0, 0, "a", at, "view_item", repeat, [], counts, cart)


def bought(at: int, units: int = 1, *, confirmed: bool = True, first: bool = True) -> Bought:
    return Bought(0, 0, "a", at, units, confirmed, first)


def folded(*entries: Seen | Bought) -> State:
    state = State()
    for entry in entries:
        fold(state, entry)
    return state


def test_a_session_counts_once_for_each_thing() -> None:
    state = folded(
        seen(AT), seen(AT, repeat=True), seen(AT, counts=False, cart=True), bought(AT, 3), bought(AT, 2, first=False)
    )
    assert state.hours == {AT // HOUR_MS: Counts(1, 1, 1, 5)}
    assert state.days == {AT // DAY_MS: Counts(1, 1, 1, 5)}


def test_what_only_a_browser_tells_of_is_no_order() -> None:
    assert folded(bought(AT, confirmed=False)) == State()


def test_rates_halve_in_their_half_lives() -> None:
    state = folded(bought(AT, 4))
    units = state.rates.units
    assert fast_at(units, state.rates.at, AT + FAST_MS) == pytest.approx(2.0)
    assert slow_at(units, state.rates.at, AT + SLOW_MS) == pytest.approx(2.0)
    assert slow_at(state.rates.orders, state.rates.at, AT + SLOW_MS) == pytest.approx(0.5)


@given(st.lists(st.integers(0, 40 * 24).map(lambda hours: AT + hours * HOUR_MS), min_size=1, max_size=60))
def test_a_late_event_counts_in_the_rates_as_if_it_had_been_on_time(times: list[int]) -> None:
    late, on_time = folded(*map(seen, times)), folded(*map(seen, sorted(times)))
    assert late.since == on_time.since == min(times)
    now = max(times) + DAY_MS
    for one in ("visits", "orders"):
        for at in (fast_at, slow_at):
            found = (at(getattr(state.rates, one), state.rates.at, now) for state in (late, on_time))
            assert next(found) == pytest.approx(next(found))


@given(st.lists(st.integers(0, 400 * 24), min_size=1, max_size=300))
def test_a_state_is_small_whatever_is_folded(hours: list[int]) -> None:
    state = folded(*(bought(AT + hour * HOUR_MS, 1_000_000) for hour in hours))
    assert len(state.hours) <= HOURS
    assert len(state.days) <= OPEN_DAYS + 1
    assert len(msgspec.msgpack.encode(state)) < 900


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 90)), min_size=1, max_size=80), st.randoms())
def test_days_add_up_alike_whatever_partition_was_further(sales: list[tuple[int, int]], rng: Random) -> None:
    """Each may come as much too late as a day stays open."""
    in_time = sorted(sales)
    mixed = sorted(sales, key=lambda one: one[0] + rng.randrange(OPEN_DAYS))
    states = [folded(*(bought(AT + day * DAY_MS, units) for day, units in one)) for one in (in_time, mixed)]
    first, second = (ahead(one.daily, one.days, AT // DAY_MS + 60) for one in states)
    assert first == second


def test_a_wrong_clock_costs_one_hour_of_those_that_are_known() -> None:
    hours = [AT + hour * HOUR_MS for hour in range(HOURS)]
    state = folded(*map(seen, hours), seen(AT + 6 * DAY_MS))
    assert sorted(state.hours)[:-1] == [at // HOUR_MS for at in hours[1:]]
