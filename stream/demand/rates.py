"""Rates that forget: counts halved every `FAST_MS` and every `SLOW_MS`, and what they say of a usual day.

A usual day is the slow count without what a window of late adds to it, over the time that it stands for. Both are
sums with weights that fall by half in `SLOW_MS`, so that what is known for a week only is judged by that week.
"""

from __future__ import annotations

from math import log, sqrt
from typing import NamedTuple

from msgspec import Struct

from stream.demand.counts import DAY_MS, Counts

FAST_MS = DAY_MS
SLOW_MS = 14 * DAY_MS
_SLOW_DAYS = SLOW_MS / DAY_MS


class Rate(Struct, array_like=True, gc=False):
    """Two decayed counts of one thing, as of the `at` of their `Rates`."""

    fast: float = 0.0
    slow: float = 0.0


class Rates(Struct, array_like=True):
    """Decayed counts as of `at` (ms); what they count is as in `Counts`, None where nothing was."""

    at: int = 0
    visits: Rate | None = None
    carts: Rate | None = None
    orders: Rate | None = None
    units: Rate | None = None


def add(rates: Rates, at: int, new: Counts) -> None:
    """Count in what came at `at` (ms); what is late has decayed on its way."""
    fast = slow = 1.0
    passed = at - rates.at
    if passed:
        fast, slow = 2.0 ** (-abs(passed) / FAST_MS), 2.0 ** (-abs(passed) / SLOW_MS)
    if passed > 0:
        _decay(rates, fast, slow)
        rates.at = at
        fast = slow = 1.0
    if new.visits:
        rates.visits = _added(rates.visits, fast, slow)
    if new.carts:
        rates.carts = _added(rates.carts, fast, slow)
    if new.orders:
        rates.orders = _added(rates.orders, fast, slow)
    if new.units:
        rates.units = _added(rates.units, fast * new.units, slow * new.units)


def _decay(rates: Rates, fast: float, slow: float) -> None:
    for rate in (rates.visits, rates.carts, rates.orders, rates.units):
        if rate is not None:
            rate.fast *= fast
            rate.slow *= slow


def _added(rate: Rate | None, fast: float, slow: float) -> Rate:
    if rate is None:
        return Rate(fast, slow)
    rate.fast += fast
    rate.slow += slow
    return rate


def slow_at(rate: Rate | None, at: int, now: int) -> float:
    """The slow count at `now` of a rate that is as of `at` (ms)."""
    return 0.0 if rate is None else rate.slow * weight(max(0, now - at))


def fast_at(rate: Rate | None, at: int, now: int) -> float:
    """The fast count at `now` of a rate that is as of `at` (ms)."""
    return 0.0 if rate is None else rate.fast * float(2.0 ** (-max(0, now - at) / FAST_MS))


class Usual(NamedTuple):
    """How much is counted on a usual day, as sure as if that had been watched for so many whole `days`."""

    a_day: float
    days: float


UNKNOWN = Usual(0.0, 0.0)


def usual(slow: float, recent: float, since: int, until: int, now: int) -> Usual:
    """A usual day between `since` and `until` (ms).

    Parameters
    ----------
    slow: the slow count at `now`; `recent` the part of it that came after `until`.

    Notes
    -----
    A sum with weights w over days of rate λ has the mean λ∫w and the variance λ∫w²: as much is known from it as from a
    plain count over (∫w)²/∫w² days.
    """
    oldest, newest = (now - since) / DAY_MS, (now - until) / DAY_MS
    if oldest <= newest:
        return UNKNOWN
    weight = _integral(oldest, _SLOW_DAYS) - _integral(newest, _SLOW_DAYS)
    squares = _integral(oldest, _SLOW_DAYS / 2) - _integral(newest, _SLOW_DAYS / 2)
    return Usual(max(0.0, slow - recent) / weight, weight * weight / squares)


def weight(age_ms: float) -> float:
    """What one that was counted so long ago still counts in a slow count."""
    return float(2.0 ** (-age_ms / SLOW_MS))


def _integral(days: float, half: float) -> float:
    """The weights of the last `days`, added up."""
    return half / log(2.0) * (1.0 - float(2.0 ** (-days / half)))


def contrast(count: float, days: float, before: Usual) -> float:
    """How many standard deviations a count of so many days is above (below: negative) what is usual.

    References
    ----------
    Huffman, M. D. (1984). An improved approximate two-sample Poisson test. Applied Statistics 33(2).
    """
    if not days or not before.days:
        return 0.0
    share = days / before.days
    known = before.a_day * before.days
    return 2.0 * (sqrt(count + 0.375) - sqrt(share * (known + 0.375))) / sqrt(1.0 + share)


def bounds(count: float, deviations: float) -> tuple[float, float]:
    """Between which means a Poisson count was probably drawn, by its square root, whose deviation is a half."""
    low = max(0.0, sqrt(count) - deviations / 2.0)
    high = sqrt(count + 1.0) + deviations / 2.0
    return low * low, high * high
