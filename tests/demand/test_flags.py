"""Flags are true or absent."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from serving.demand.flags import LEAST_ORDERS, LEAST_VISITS, Flag, flags
from stream.demand.counts import DAY_MS, HOUR_MS
from stream.entries import Bought, Seen
from stream.signals.demand import State, fold

START = 20_000 * DAY_MS


def seen(at: float) -> Seen:
    return Seen(0, 0, "a", int(at), "view_item", False, [])


def bought(at: float, units: int = 1) -> Bought:
    return Bought(0, 0, "a", int(at), units, True)


def spread(a_day: int, first: float, days: float) -> Iterator[float]:
    """So many times a day, evenly."""
    for n in range(int(a_day * days)):
        yield START + (first + n / a_day) * DAY_MS


def state_of(visits: Iterator[float] | list[float] = (), orders: Iterator[float] | list[float] = ()) -> State:  # type: ignore[assignment]
    state = State()
    entries: list[Seen | Bought] = [*map(seen, visits), *map(bought, orders)]
    for entry in sorted(entries, key=lambda one: one.at):
        fold(state, entry)
    return state


def told(state: State, now: float, left: int | None = None, *, sellable: bool = True) -> dict[str, Flag]:
    return {one.flag: one for one in flags(state, left, sellable=sellable, now=int(START + now * DAY_MS))}


def test_more_orders_than_usual_are_told_with_their_numbers() -> None:
    state = state_of(orders=[*spread(3, 0, 30), *spread(14, 30, 1)])
    flag = told(state, 30.97)["selling_fast"]
    assert (flag.orders, flag.in_hours) == (14, 24)
    assert flag.usually == pytest.approx(3, abs=0.2)
    assert flag.says == f"Bought 14 times in 24 hours, usually {flag.usually:g}."


def test_the_usual_is_not_unusual() -> None:
    assert told(state_of(spread(60, 0, 40), spread(14, 0, 40)), 40) == {}


def test_an_item_that_always_sells_a_lot_is_not_selling_fast_on_a_slightly_better_day() -> None:
    assert told(state_of(orders=[*spread(100, 0, 30), *spread(150, 30, 1)]), 31) == {}


def test_a_few_are_not_enough_however_rare_the_item() -> None:
    quiet = [*spread(1, 0, 30)]
    orders = [START + (30.5 + n / 100) * DAY_MS for n in range(LEAST_ORDERS - 1)]
    assert "selling_fast" not in told(state_of(quiet, orders), 31)
    assert "selling_fast" in told(state_of(quiet, [*orders, orders[-1] + 1]), 31)


def test_two_visitors_cannot_make_a_flag() -> None:
    """A visitor teaches three sessions a day."""
    assert min(LEAST_ORDERS, LEAST_VISITS) > 2 * 3


def test_one_order_of_many_units_is_one_order() -> None:
    state = state_of(spread(10, 0, 30))
    fold(state, bought(START + 30.2 * DAY_MS, 5_000))
    assert told(state, 30.5) == {}


def test_without_a_week_before_there_is_no_usual() -> None:
    assert told(state_of(orders=spread(200, 0, 1)), 1.0) == {}
    assert told(state_of(orders=[*spread(2, 0, 6), *spread(100, 6, 1)]), 7.0) == {}


def test_a_rush_is_over_when_a_day_has_passed() -> None:
    state = state_of([*spread(20, 0, 30), *spread(400, 30, 0.2)])
    assert told(state, 30.2)["surging"].visits == pytest.approx(80, abs=20)
    assert "surging" in told(state, 31.0)
    assert "surging" not in told(state, 31.3)


def test_counts_are_never_of_more_than_the_hours_that_they_say() -> None:
    """24 hours back from the middle of an hour begin in the middle of an hour, which then does not count."""
    state = state_of(spread(20, 0, 20))
    for n in range(50):
        fold(state, seen(START + 20 * DAY_MS + n))
    now = 21 * DAY_MS + HOUR_MS // 2
    assert told(state, now / DAY_MS) == {}
    assert "surging" in told(state, (now - HOUR_MS) / DAY_MS)


def test_what_is_gone_within_a_week_at_its_pace_is_low() -> None:
    state = state_of(orders=spread(4, 0, 30))
    assert told(state, 30, 3)["low_stock"].says == "Only 3 left, bought 4 times a day."
    assert "low_stock" not in told(state, 30, 60)
    assert "low_stock" not in told(state, 30, 0)
    assert "low_stock" not in told(state, 30, 3, sellable=False)
    assert "low_stock" not in told(state_of(spread(4, 0, 30)), 30, 3)  # nobody buys it


def test_an_hour_of_orders_is_no_pace() -> None:
    assert told(state_of(orders=spread(240, 0, 0.05)), 0.05, 300) == {}


def test_half_of_the_usual_visits_in_a_week_is_cooling() -> None:
    state = state_of([*spread(20, 0, 40), *spread(5, 40, 7)])
    flag = told(state, 47)["cooling"]
    assert flag.in_days == 7
    assert (flag.visits or 0) * 2 <= (flag.usually or 0)
    assert "cooling" not in told(state_of([*spread(20, 0, 40), *spread(14, 40, 7)]), 47)
    assert "cooling" not in told(state_of([*spread(2, 0, 40)]), 47)  # too few to tell


def test_half_a_year_of_stock_is_too_much() -> None:
    state = state_of([*spread(4, 0, 40)], spread(1, 0, 40))
    assert "overstocked" not in told(state, 40, 200)
    flag = told(state, 40, 2_000)["overstocked"]
    assert flag.left == 2_000
    assert flag.lasts_days is not None
    assert 180 <= flag.lasts_days <= 2_000
    assert "overstocked" not in told(state_of([*spread(4, 0, 20)]), 20, 2_000)  # not known for long enough


def test_an_item_that_nobody_buys_is_overstocked_only_beyond_what_that_leaves_open() -> None:
    state = state_of([*spread(4, 0, 40)])
    assert "overstocked" not in told(state, 40, 10)
    assert "overstocked" in told(state, 40, 200)


def test_an_item_of_which_nothing_is_known_has_no_flags() -> None:
    assert flags(State(), 3, sellable=True, now=START) == ()


def test_chance_alone_hardly_ever_makes_a_flag() -> None:
    """1,500 items whose visits and orders come at a constant rate."""
    rng, wrong = random.Random(8), 0
    for _ in range(1_500):
        a_day = rng.choice((0.5, 2, 8, 25))
        at, visits = 0.0, []
        while (at := at + rng.expovariate(a_day)) < 40:
            visits.append(START + at * DAY_MS)
        orders = [one for one in visits if rng.random() < 0.4]
        wrong += bool(told(state_of(visits, orders), 39.99).keys() - {"low_stock"})
    assert wrong <= 2
