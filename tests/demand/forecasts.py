"""Forecasts of tomorrow's units, ours as serving makes them and its rivals; [items, days], NaN where there is none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from stream.demand.counts import DAY_MS
from stream.demand.daily import ahead, forecast
from stream.entries import Bought
from stream.signals.demand import State, fold
from tests.demand.online_retail import Floats, sales


def ours(items: list[str]) -> Floats:
    """Each day's forecast at its beginning, from the signal's own state after all sales before it."""
    known, all_sales = {item: n for n, item in enumerate(items)}, sales()
    states, made = [State() for _ in items], np.full((len(items), all_sales.days), np.nan)
    waiting = iter([*(one for one in all_sales.lines if one.item_id in known), None])
    sale = next(waiting)
    for day in range(all_sales.days):
        today = all_sales.first_day + day
        for row, state in enumerate(states):
            units = forecast(ahead(state.daily, state.days, today), 1) if state.since else None
            made[row, day] = np.nan if units is None else units[0]
        while sale is not None and sale.at // DAY_MS == today:
            fold(states[known[sale.item_id]], Bought(0, 0, sale.item_id, sale.at, sale.units, True))
            sale = next(waiting)
    return made


def seasonal_naive(sold: Floats) -> Floats:
    """What was sold on the same day a week ago."""
    made = np.full(sold.shape, np.nan)
    made[:, 7:] = sold[:, :-7]
    return made


def moving_average(sold: Floats, days: int) -> Floats:
    """The mean of the last days."""
    return _over(sold, days, np.mean)


def moving_median(sold: Floats, days: int) -> Floats:
    """Their median."""
    return _over(sold, days, np.median)


def nothing(sold: Floats) -> Floats:
    """That nothing is sold."""
    return np.zeros(sold.shape)


def _over(sold: Floats, days: int, of: Callable[..., Floats]) -> Floats:
    made = np.full(sold.shape, np.nan)
    for day in range(days, sold.shape[1]):
        made[:, day] = of(sold[:, day - days : day], axis=1)
    return made
