"""The board of what is popular now: every item's two decayed counts side by side, ranked when asked.

A snapshot holds one board and brings it up to date with the rows that it refreshes; ranking 20,000 items takes 0.5 ms,
so it is done every few seconds, not for every request.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from serving.ranking.codes import Codes
from serving.ranking.top import Top
from stream.signals import popularity

_ITEMS = 1024
STEADY = 5.0


class Board:
    """Popularity of items by code.

    Attributes
    ----------
    views: in how many sessions each item was seen, added up.
    newest_at: the newest event (ms) that any item's counts know.

    The last place of its arrays is nobody's, and stands for all codes beyond.
    """

    __slots__ = ("_at", "_codes", "_fast", "_seen", "_slow", "newest_at", "views")

    def __init__(self, codes: Codes) -> None:
        self._codes = codes
        self._at = np.zeros(_ITEMS)
        self._fast = np.zeros(_ITEMS)
        self._slow = np.zeros(_ITEMS)
        self._seen = np.zeros(_ITEMS, np.int64)
        self.views, self.newest_at = 0, 0

    def put(self, item_id: str, state: popularity.State) -> None:
        """Note an item's counts, in the place of older ones."""
        code = self._codes.code(item_id)
        if code + 1 >= len(self._at):
            self._grow(code + 2)
        self._at[code], self._fast[code], self._slow[code] = state.at, state.fast, state.slow
        self.views += state.seen - int(self._seen[code])
        self.newest_at = max(self.newest_at, state.at)
        self._seen[code] = state.seen

    def share(self, item_id: str) -> float:
        """The item's share of all `views`."""
        code = self._codes.known(item_id)
        return 0.0 if code is None or code >= len(self._seen) else int(self._seen[code]) / max(1, self.views)

    def rates(self, now: int, codes: NDArray[np.int32]) -> NDArray[np.float64]:
        """How often each of these items is seen a day, at `now` (ms): the mean of the fast and the slow estimate."""
        fast, slow = self._estimates(now, codes)
        rates: NDArray[np.float64] = (fast + slow) / 2
        return rates

    def _estimates(self, now: int, codes: NDArray[np.int32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        passed = np.maximum(now - self._at[codes], 0.0)
        fast = _rates(self._fast[codes], passed, popularity.FAST_MS)
        return fast, _rates(self._slow[codes], passed, popularity.SLOW_MS)

    def of(self, codes: NDArray[np.int32], now: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """For each of these codes the fast decayed count at `now` (ms), and the plain one."""
        passed = self._at.take(codes, mode="clip")
        passed -= now
        np.minimum(passed, 0.0, out=passed)
        passed /= popularity.FAST_MS
        fast: NDArray[np.float64] = 2.0**passed
        fast *= self._fast.take(codes, mode="clip")
        return fast, self.seen(codes)

    def rising(self, now: int, codes: NDArray[np.int32]) -> NDArray[np.float64]:
        """How often each of these items is seen a day, times how much oftener that is than it was.

        The fast estimate against the slow one says how a rate changes; `STEADY` views a day more in both keep an item
        that was hardly ever seen from rising by a single view.
        """
        fast, slow = self._estimates(now, codes)
        rising: NDArray[np.float64] = (fast + slow) / 2 * (fast + STEADY) / (slow + STEADY)
        return rising

    def seen(self, codes: NDArray[np.int32]) -> NDArray[np.int64]:
        """In how many sessions each of these was seen."""
        found: NDArray[np.int64] = self._seen.take(codes, mode="clip")
        return found

    def top(self, now: int, count: int, *, among: NDArray[np.int32] | None = None, rising: bool = False) -> Top:
        """The most popular items at `now`, best first, `among` some codes only; without those that were never seen.

        With `rising` what is becoming popular counts more.
        """
        known = min(len(self._codes), len(self._at))
        codes = np.arange(known, dtype=np.int32) if among is None else among[among < known]
        rates = self.rising(now, codes) if rising else self.rates(now, codes)
        if len(rates) > count:
            some = np.sort(np.argpartition(-rates, count)[:count])
            codes, rates = codes[some], rates[some]
        best = np.argsort(-rates, kind="stable")[: np.count_nonzero(rates > 0.0)]
        return Top(codes[best], rates[best], self._codes.ids)

    def _grow(self, least: int) -> None:
        more = max(least, 2 * len(self._at)) - len(self._at)
        self._at, self._fast, self._slow = (np.pad(old, (0, more)) for old in (self._at, self._fast, self._slow))
        self._seen = np.pad(self._seen, (0, more))


def _rates(counts: NDArray[np.float64], passed: NDArray[np.float64], half_life_ms: int) -> NDArray[np.float64]:
    """Times a day: a steady stream of r a half-life adds up to r / ln 2."""
    per_day = np.log(2) * popularity.DAY_MS / half_life_ms
    rates: NDArray[np.float64] = counts * 2.0 ** (-passed / half_life_ms) * per_day
    return rates
