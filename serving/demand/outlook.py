"""How an item sells and what is expected of its next days, for the shop's own servers.

An item of which too few days are known is expected to sell as its category does, an item with another.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from math import expm1, log, log1p
from statistics import fmean
from typing import Literal

from msgspec import Struct

from serving.demand.flagged import state_of
from serving.rows import Rows
from serving.shop import Shop
from stream.demand.counts import DAY_MS
from stream.demand.daily import WEEK, ahead, forecast, tracking
from stream.demand.rates import Rate, fast_at
from stream.signals.demand import State

LEAST_MEMBERS, MOST_MEMBERS = 5, 100
KEPT_MS = 60_000
KNOWN = 2_000
DRIFTS = 0.8
APART = 4.0


class Forecast(Struct, frozen=True, gc=False):
    """Units of today and the six days after it, each as that day typically is.

    `of`: whose days it is made from. `drift`: the days are above or below their forecasts again and again; `unusual`:
    yesterday was far from its own.
    """

    units: Sequence[float]
    of: Literal["item", "category"]
    drift: Literal["up", "down"] | None = None
    unusual: bool = False


class Expected(Struct, frozen=True, gc=False):
    """How often a day an item is seen, put into a cart and bought of late, how many units that is; the days to come."""

    visits_a_day: float
    carts_a_day: float
    orders_a_day: float
    units_a_day: float
    forecast: Forecast | None


class Outlook:
    """Made when it is asked for; what is expected of a category is kept for a minute."""

    def __init__(self, shop: Shop, rows: Rows) -> None:
        self._shop, self._rows = shop, rows
        self._categories: dict[str, tuple[int, Sequence[float] | None]] = {}

    def of(self, item_id: str, now: int) -> Expected:
        """What is expected of an item at `now` (ms)."""
        state, day = state_of(self._rows.packed(item_id)) or State(), now // DAY_MS
        rates = state.rates

        def a_day(rate: Rate | None) -> float:
            return round(_a_day(fast_at(rate, rates.at, now), state.since, now), 3)

        return Expected(
            a_day(rates.visits),
            a_day(rates.carts),
            a_day(rates.orders),
            a_day(rates.units),
            _own(state, day) or self._of_category(item_id, day, now),
        )

    def _of_category(self, item_id: str, day: int, now: int) -> Forecast | None:
        category = self._shop.category_of.get(item_id)
        if category is None:
            return None
        until, units = self._categories.get(category, (0, None))
        if now >= until or until - now > KEPT_MS:
            units = self._typical(category, day)
            if len(self._categories) >= KNOWN:
                self._categories.clear()
            self._categories[category] = now + KEPT_MS, units
        return None if units is None else Forecast(units, "category")

    def _typical(self, category: str, day: int) -> Sequence[float] | None:
        """The mean, on the scale of logarithms, of the members of which enough is known."""
        states = (state_of(self._rows.packed(one)) for one in islice(self._shop.members(category), MOST_MEMBERS))
        known = (ahead(one.daily, one.days, day) for one in states if one is not None)
        found = [units for one in known if (units := forecast(one, WEEK))]
        if len(found) < LEAST_MEMBERS:
            return None
        return [round(expm1(fmean(map(log1p, units))), 3) for units in zip(*found, strict=True)]


def _own(state: State, day: int) -> Forecast | None:
    daily = ahead(state.daily, state.days, day)
    units = forecast(daily, WEEK)
    if units is None:
        return None
    signal = tracking(daily)
    drift: Literal["up", "down"] | None = None
    if abs(signal) >= DRIFTS:
        drift = "up" if signal > 0 else "down"
    unusual = abs(daily.last) > APART * daily.deviation
    return Forecast([round(one, 3) for one in units], "item", drift, unusual)


def _a_day(fast: float, since: int, now: int) -> float:
    """A count that is halved every day as a rate: over the time that its weights add up to."""
    passed = (now - since) / DAY_MS if since else 0.0
    return fast * log(2.0) / (1.0 - float(2.0**-passed)) if passed > 0.0 else 0.0
