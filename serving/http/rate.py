"""How much one key may send: a token bucket (RFC 2697's committed rate and burst, in one colour)."""

from __future__ import annotations

import math
from collections.abc import Callable


class Rate:
    """Admits `a_second` units a second on average, `burst` at once.

    One bucket for each name; the names are the deployment's keys, so there are few.
    """

    def __init__(self, a_second: float, burst: float, clock: Callable[[], float]) -> None:
        self._a_second, self._burst, self._clock = a_second, burst, clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait_s(self, name: str, units: float) -> float:
        """Take `units` from the bucket and return 0, or take nothing and return the seconds until they are there."""
        now = self._clock()
        left, since = self._buckets.get(name, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._a_second)
        missing = units - left
        if missing > 0:
            self._buckets[name] = (left, now)
            return math.ceil(missing / self._a_second)
        self._buckets[name] = (left - units, now)
        return 0.0
