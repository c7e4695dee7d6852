"""Demand flags: what the counts show beyond doubt, with the numbers that show it. Pure.

A flag is true or absent. Each compares an exact count of late with the same item's own usual day, and needs both a
ratio that a shopper would call unusual (`TIMES`) and more than chance can give (`SURE` standard deviations, 1 in
4,000 for counts that vary as chance has them).

The least counts are above what two visitors can add in a day, three each (`stream/signals/session.py`).
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

from msgspec import Struct

from stream.demand.counts import DAY_MS, HOUR_MS, HOURS, Counts, between
from stream.demand.rates import Rate, Usual, bounds, contrast, slow_at, usual, weight
from stream.signals.demand import State

Name: TypeAlias = Literal["surging", "selling_fast", "low_stock", "cooling", "overstocked"]
FOR_SHOPPERS: Final = frozenset({"surging", "selling_fast", "low_stock"})

TIMES = 2.0
SURE = 3.5
LEAST_VISITS = 20
LEAST_ORDERS = 8
LEAST_USUAL_DAYS = 7.0
WEEK_DAYS = 7
COVER_DAYS = 7.0
OVER_DAYS = 180.0
LEAST_KNOWN_DAYS = 28.0
PROBABLE = 1.645  # of a Poisson count's mean: 95 % on one side


class Flag(Struct, frozen=True, gc=False, omit_defaults=True):
    """One flag, what it says, and by which numbers; `usually` and the counts are of the same span of time."""

    flag: Name
    says: str
    visits: int | None = None
    orders: int | None = None
    usually: float | None = None
    in_hours: int | None = None
    in_days: int | None = None
    left: int | None = None
    orders_a_day: float | None = None
    units_a_day: float | None = None
    lasts_days: int | None = None


class Window(NamedTuple):
    """A span of time that ends now: what was counted in it, how many days it is, and a usual day before it."""

    counted: Counts
    days: float
    visits: Usual
    orders: Usual


def flags(state: State, left: int | None, *, sellable: bool, now: int) -> tuple[Flag, ...]:
    """All flags of an item at `now` (ms); `left`: how many the shop has of it, None: it does not say."""
    if not state.since or now <= state.since:
        return ()
    day = _last_hours(state, now) if state.hours else None
    found = (
        _surging(day) if day else None,
        _selling_fast(day) if day and sellable else None,
        _low_stock(state, left, now) if left and sellable else None,
        _cooling(state, now),
        _overstocked(state, left, now) if left else None,
    )
    return tuple(one for one in found if one is not None)


def _surging(day: Window) -> Flag | None:
    visits = day.counted.visits
    if visits < LEAST_VISITS or not _above(visits, day.days, day.visits):
        return None
    usually = _rounded(day.visits.a_day)
    says = f"Seen in {visits} visits in {HOURS} hours, usually {_said(usually)}."
    return Flag("surging", says, visits=visits, usually=usually, in_hours=HOURS)


def _selling_fast(day: Window) -> Flag | None:
    orders = day.counted.orders
    if orders < LEAST_ORDERS or not _above(orders, day.days, day.orders):
        return None
    usually = _rounded(day.orders.a_day)
    says = f"Bought {orders} times in {HOURS} hours, usually {_said(usually)}."
    return Flag("selling_fast", says, orders=orders, usually=usually, in_hours=HOURS)


def _low_stock(state: State, left: int, now: int) -> Flag | None:
    """At no more than an order a unit, as if none took two, it is probably gone within a week."""
    orders, age = _lately(state, state.rates.orders, now)
    known = orders.a_day * orders.days
    if age < LEAST_USUAL_DAYS or known < LEAST_ORDERS:
        return None
    if left > COVER_DAYS * bounds(known, PROBABLE)[0] / orders.days:
        return None
    a_day = _rounded(orders.a_day)
    return Flag("low_stock", f"Only {left} left, bought {_times(a_day)} a day.", left=left, orders_a_day=a_day)


def _cooling(state: State, now: int) -> Flag | None:
    """Half as many visits in a week as usual, or fewer."""
    week = _last_days(state, now)
    expected = week.visits.a_day * week.days
    if expected < LEAST_VISITS or week.visits.days < LEAST_USUAL_DAYS:
        return None
    visits = week.counted.visits
    if visits * TIMES > expected or contrast(visits, week.days, week.visits) > -SURE:
        return None
    usually = _rounded(WEEK_DAYS * week.visits.a_day)
    says = f"Seen in {visits} visits in {WEEK_DAYS} days, usually {_said(usually)}."
    return Flag("cooling", says, visits=visits, usually=usually, in_days=WEEK_DAYS)


def _overstocked(state: State, left: int, now: int) -> Flag | None:
    """Even if it sold as much as its orders may mean at best, it would last for half a year."""
    orders, age = _lately(state, state.rates.orders, now)
    if age < LEAST_KNOWN_DAYS:
        return None
    units, sold = (slow_at(one, state.rates.at, now) for one in (state.rates.units, state.rates.orders))
    an_order = units / sold if sold > 0.0 else 1.0
    most = bounds(orders.a_day * orders.days, PROBABLE)[1] / orders.days * max(1.0, an_order)
    if left <= OVER_DAYS * most:
        return None
    a_day, days = _rounded(orders.a_day * an_order), int(left / most)
    says = f"{left} left, {_said(a_day)} sold a day: enough for {days} days or more."
    return Flag("overstocked", says, left=left, units_a_day=a_day, lasts_days=days)


def _above(count: int, days: float, before: Usual) -> bool:
    enough = before.days >= LEAST_USUAL_DAYS
    return enough and count >= TIMES * before.a_day * days and contrast(count, days, before) >= SURE


def _last_hours(state: State, now: int) -> Window:
    """The last `HOURS` hours, or up to an hour less: as far as whole hours of the clock lie in them."""
    last = now // HOUR_MS
    return _window(state, state.hours, last - HOURS + 1, last, HOUR_MS, now)


def _last_days(state: State, now: int) -> Window:
    """The last week of days (UTC), the one that is not over among them."""
    last = now // DAY_MS
    return _window(state, state.days, last - WEEK_DAYS + 1, last, DAY_MS, now)


def _window(state: State, buckets: dict[int, Counts], first: int, last: int, size: int, now: int) -> Window:
    begins = max(first * size, state.since)
    seen = bought = 0.0
    for bucket, one in buckets.items():
        if first <= bucket <= last:
            kept = weight(max(0.0, now - (bucket + 0.5) * size))
            seen += one.visits * kept
            bought += one.orders * kept
    rates = state.rates
    return Window(
        between(buckets, first, last),
        (now - begins) / DAY_MS,
        usual(slow_at(rates.visits, rates.at, now), seen, state.since, begins, now),
        usual(slow_at(rates.orders, rates.at, now), bought, state.since, begins, now),
    )


def _lately(state: State, rate: Rate | None, now: int) -> tuple[Usual, float]:
    """A usual day up to now, and for how many days the item is known."""
    found = usual(slow_at(rate, state.rates.at, now), 0.0, state.since, now, now)
    return found, (now - state.since) / DAY_MS


def _rounded(number: float) -> float:
    return float(f"{number:.2g}") if number < 10 else float(round(number))


def _said(number: float) -> str:
    return f"{number:g}" if number < 10 else f"{number:.0f}"


def _times(number: float) -> str:
    return "once" if number == 1 else f"{_said(number)} times"
