"""Demand: how much an item is wanted, now and usually, and how many units a day it sells.

A session counts once for a visit, once for a cart and once for an order, whatever it repeats; units are those of
confirmed orders. So a visitor adds at most three a day to each (`stream/DESIGN.md`, Bounds).
"""

from __future__ import annotations

from msgspec import Struct, field

from stream.demand import counts, daily, rates
from stream.demand.counts import DAY_MS, HOUR_MS, Counts
from stream.demand.daily import Daily
from stream.demand.rates import Rates
from stream.entries import Bought, Seen
from stream.signal import Signal


class State(Struct, array_like=True):
    """One item's demand, known `since` (ms).

    `rates` decay, `hours` and `days` (by their number since 1970, UTC) are exact counts of late, `daily` is what is
    learnt of the days before, if there are any.
    """

    since: int = 0
    rates: Rates = field(default_factory=Rates)
    hours: dict[int, Counts] = field(default_factory=dict)
    days: dict[int, Counts] = field(default_factory=dict)
    daily: Daily | None = None


def fold(state: State, entry: Seen | Bought) -> None:
    """One visit, cart or confirmed order more."""
    new = _counted(entry)
    if new is None:
        return
    at = entry.at
    state.since = min(state.since or at, at)
    rates.add(state.rates, at, new)
    if counts.count(state.hours, at // HOUR_MS, new):
        counts.trim(state.hours, counts.HOURS)
    if counts.count(state.days, at // DAY_MS, new):
        state.daily = daily.learnt(state.daily, state.days)


def _counted(entry: Seen | Bought) -> Counts | None:
    if isinstance(entry, Bought):
        return Counts(0, 0, int(entry.first), entry.quantity) if entry.confirmed else None
    visit = entry.counts and not entry.repeat
    return Counts(int(visit), int(entry.cart)) if visit or entry.cart else None


SIGNAL = Signal(
    name="demand",
    scope="item",
    state=State,
    on=frozenset({"seen", "bought"}),
    fold=fold,
    explain="More shoppers than usual want this now.",
)
