"""Units a day, and a forecast of the next days: Holt-Winters with a week as its season, on log(1 + units).

The additive form, and the same numbers as River's `time_series.HoltWinters` (a test compares them day by day); that one
is not imported here, because its package brings pandas and scikit-learn: 124 MB and 1.4 s in every process, for three
lines. On units themselves one order of a wholesaler moves the forecast for weeks; by the logarithm a forecast is the
day as it typically is (a median rather than a mean), and that is what the errors of the bench are least for.

The days of late stay as they are counted, and a forecast goes on from the learnt days through them: what comes late, or
from another partition that is not as far, finds its day. A day is learnt when it is `OPEN_DAYS` old. Days are UTC's,
and those between are days without sales, of which a shop that is closed on Saturdays has one a week.

References
----------
Winters, P. R. (1960). Forecasting sales by exponentially weighted moving averages. Management Science 6(3).
Trigg, D. W. (1964). Monitoring a forecasting system. Operational Research Quarterly 15(3).
"""

from __future__ import annotations

from math import expm1, isfinite, log1p

from msgspec import Struct, field
from msgspec.structs import replace

from stream.demand.counts import Counts

WEEK = 7
# by `python -m tests.demand tune`, on other items than the bench reports
LEVEL, TREND, SEASON = 0.05, 0.01, 0.2
WATCHED = 0.1
OPEN_DAYS = 14
LONGEST_GAP = 56
LEAST_DAYS = 2 * WEEK


class Daily(Struct, array_like=True):
    """The days of one item that are learnt.

    `day` (since 1970) is the first that is not, `days` how many are, without a gap. `season` is by the day modulo 7; in
    the first week it holds the days themselves. `error` and `deviation` are the smoothed error of the forecasts and its
    smoothed size, on the scale of logarithms, `last` the newest error.
    """

    day: int = 0
    days: int = 0
    level: float = 0.0
    trend: float = 0.0
    season: list[float] = field(default_factory=list)
    error: float = 0.0
    deviation: float = 0.0
    last: float = 0.0


def learnt(daily: Daily | None, days: dict[int, Counts]) -> Daily | None:
    """What is known once the days that are old enough are learnt; these are taken out of `days`."""
    oldest, until = min(days), max(days) - OPEN_DAYS
    if daily is None and oldest >= until:
        return None
    daily = daily or Daily(oldest)
    _reach(daily, days, until)
    for day in [day for day in days if day < daily.day]:
        del days[day]
    return daily


def ahead(daily: Daily | None, days: dict[int, Counts], day: int) -> Daily:
    """What would have been learnt by the beginning of `day`; changes nothing."""
    found = Daily(min(days, default=day)) if daily is None else replace(daily, season=[*daily.season])
    _reach(found, days, day)
    return found


def forecast(daily: Daily, days: int) -> list[float] | None:
    """Units of so many days from the first on that is not learnt; None while too few days are known."""
    if daily.days < LEAST_DAYS:
        return None
    return [_units(daily, daily.day + step, step + 1) for step in range(days)]


def tracking(daily: Daily) -> float:
    """Trigg's signal: near 1 (-1) while days are above (below) their forecasts again and again."""
    return daily.error / daily.deviation if daily.deviation > 0.0 else 0.0


def _units(daily: Daily, day: int, steps: int) -> float:
    return expm1(max(0.0, daily.level + steps * daily.trend + daily.season[day % WEEK]))


def _reach(daily: Daily, days: dict[int, Counts], until: int) -> None:
    """Learn the days before `until`; over more than `LONGEST_GAP` days without anything all is forgotten."""
    while daily.day < until:
        if daily.day not in days:
            following = min((day for day in days if day > daily.day), default=until)
            if following - daily.day > LONGEST_GAP:
                _forget(daily, min(following, until))
                continue
        counted = days.get(daily.day)
        _end(daily, counted.units if counted else 0)


def _end(daily: Daily, units: int) -> None:
    """One day more is learnt."""
    sold, place = log1p(units), daily.day % WEEK
    if daily.days < WEEK:
        _begin(daily, sold, place)
    else:
        _learn(daily, sold, place)
    daily.days += 1
    daily.day += 1
    if not isfinite(daily.level + daily.trend + daily.error):
        _forget(daily, daily.day)


def _begin(daily: Daily, sold: float, place: int) -> None:
    """The first week makes the level and the season."""
    daily.season = daily.season or [0.0] * WEEK
    daily.season[place] = sold
    if daily.days == WEEK - 1:
        daily.level = sum(daily.season) / WEEK
        daily.season = [one - daily.level for one in daily.season]


def _learn(daily: Daily, sold: float, place: int) -> None:
    level, trend, season = daily.level, daily.trend, daily.season[place]
    daily.last = sold - max(0.0, level + trend + season)
    daily.error += WATCHED * (daily.last - daily.error)
    daily.deviation += WATCHED * (abs(daily.last) - daily.deviation)
    daily.level = LEVEL * (sold - season) + (1 - LEVEL) * (level + trend)
    daily.trend = TREND * (daily.level - level) + (1 - TREND) * trend
    daily.season[place] = SEASON * (sold - level - trend) + (1 - SEASON) * season


def _forget(daily: Daily, day: int) -> None:
    daily.day, daily.days = day, 0
    daily.level = daily.trend = daily.error = daily.deviation = daily.last = 0.0
    daily.season = []
