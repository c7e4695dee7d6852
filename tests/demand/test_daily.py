"""Days and their forecast, with River's own Holt-Winters as the oracle."""

from __future__ import annotations

import random
from math import expm1, log1p
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st
from river.time_series import HoltWinters

from stream.demand.counts import Counts
from stream.demand.daily import (
    LEAST_DAYS,
    LEVEL,
    LONGEST_GAP,
    OPEN_DAYS,
    SEASON,
    TREND,
    WEEK,
    Daily,
    ahead,
    forecast,
    learnt,
    tracking,
)

DAY = 20_003


class Series:
    """An item's days, as its state has them."""

    def __init__(self, units: list[int]) -> None:
        self.daily: Daily | None = None
        self.days: dict[int, Counts] = {}
        for day, one in enumerate(units, DAY):
            self.sell(day, one)

    def sell(self, day: int, units: int) -> None:
        self.days[day] = Counts(units=units)
        self.daily = learnt(self.daily, self.days)

    def forecast(self, day: int) -> list[float] | None:
        return forecast(ahead(self.daily, self.days, day), WEEK)


def tracked(units: list[int]) -> float:
    series = Series(units)
    return tracking(ahead(series.daily, series.days, DAY + len(units)))


def rivers(units: list[int]) -> HoltWinters:
    """River's estimator, begun as ours: it takes the ratio to the level for the first season, where a sum is meant."""
    model = HoltWinters(LEVEL, TREND, SEASON, WEEK)  # type: ignore[no-untyped-call]
    first = [log1p(one) for one in units[:WEEK]]
    assert model.trend is not None
    assert model.season is not None
    model.level.append(fmean(first))
    model.trend.append(0.0)
    model.season.extend([one - fmean(first) for one in first])
    model._initialized = True
    for one in units[WEEK:]:
        model.learn_one(log1p(one))  # type: ignore[no-untyped-call]
    return model


@given(st.lists(st.integers(0, 2_000), min_size=LEAST_DAYS, max_size=120))
def test_it_forecasts_what_rivers_holt_winters_does(units: list[int]) -> None:
    made = Series(units).forecast(DAY + len(units))
    theirs = [expm1(max(0.0, one)) for one in rivers(units).forecast(WEEK)]  # type: ignore[no-untyped-call]
    assert made == pytest.approx(theirs, rel=1e-9, abs=1e-9)


def test_a_week_with_a_closed_day_is_learnt() -> None:
    days = [0 if day % WEEK == 5 else 20 + day % WEEK for day in range(140)]
    made = Series(days).forecast(DAY + 140)
    assert made is not None
    assert made == pytest.approx([0 if day % WEEK == 5 else 20 + day % WEEK for day in range(140, 147)], abs=0.6)


def test_nothing_is_said_of_an_item_before_its_second_week_is_over() -> None:
    assert Series([3] * (LEAST_DAYS - 1)).forecast(DAY + LEAST_DAYS - 1) is None
    assert Series([3] * LEAST_DAYS).forecast(DAY + LEAST_DAYS) is not None


def test_days_without_events_are_days_without_sales() -> None:
    quiet, told = Series([5] * 30), Series([5] * 30 + [0] * 10)
    before = repr((quiet.daily, quiet.days))
    assert quiet.forecast(DAY + 40) == pytest.approx(told.forecast(DAY + 40))
    assert repr((quiet.daily, quiet.days)) == before


def test_after_a_long_gap_an_item_begins_anew() -> None:
    series = Series([5] * 30)
    assert series.forecast(DAY + 29 + LONGEST_GAP) is not None
    assert series.forecast(DAY + 31 + LONGEST_GAP) is None
    series.sell(DAY + 200, 2)
    assert series.daily is not None
    assert (series.daily.days, series.days) == (0, {DAY + 200: Counts(units=2)})


def test_what_is_older_than_the_days_that_are_learnt_is_left_out() -> None:
    series = Series([5] * 30)
    known = repr(series.daily)
    series.sell(DAY + 29 - OPEN_DAYS - 1, 4)
    assert (repr(series.daily), len(series.days)) == (known, OPEN_DAYS + 1)


@given(st.lists(st.integers(0, 10**12), min_size=WEEK, max_size=200), st.integers(0, 60))
def test_a_forecast_is_finite_and_never_below_nothing(units: list[int], gap: int) -> None:
    made = Series(units).forecast(DAY + len(units) + gap)
    assert made is None or all(0.0 <= one < 1e15 for one in made)


def test_the_tracking_signal_tells_a_change_from_noise() -> None:
    rng = random.Random(3)
    noise = [rng.randrange(5, 15) for _ in range(200)]
    assert abs(tracked(noise)) < 0.6
    assert tracked([*noise, *[40] * 7]) > 0.8
    assert tracked([*noise, *[0] * 7]) < -0.8
