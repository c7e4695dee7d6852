"""How much one key and one address may send: token buckets (RFC 2697's committed rate and burst, in one colour)."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable

from serving.http import problem
from serving.http.exchange import Caller

KEY_A_SECOND = 20_000.0
KEY_AT_ONCE = 60_000.0
ADDRESS_AT_ONCE_S = 20
LEAST_AT_ONCE = 1_000
MOST_BUCKETS = 65_536


class Rate:
    """Admits `a_second` units a second on average, `burst` at once.

    One bucket for each name. Of more than `most` names those are forgotten that asked least recently, which lets them
    begin anew: a bound on memory, not on whoever has that many addresses.
    """

    def __init__(self, a_second: float, burst: float, clock: Callable[[], float], most: int = MOST_BUCKETS) -> None:
        self._a_second, self._burst, self._clock, self._most = a_second, burst, clock, most
        self._buckets: dict[Hashable, tuple[float, float]] = {}

    def wait_s(self, name: Hashable, units: float) -> float:
        """Take `units` from the bucket and return 0, or take nothing and return the seconds until they are there."""
        now = self._clock()
        left, since = self._buckets.pop(name, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._a_second)
        missing = units - left
        self._buckets[name] = (left if missing > 0 else left - units, now)
        if len(self._buckets) > self._most:
            del self._buckets[next(iter(self._buckets))]
        return math.ceil(missing / self._a_second) if missing > 0 else 0.0


class Limits:
    """What one key, and with a publishable key one address, may send: a request is a unit, each further event another.

    `an_address`: units a second of one address; 0: no limit.
    """

    def __init__(self, an_address: int, clock: Callable[[], float]) -> None:
        self._keys = Rate(KEY_A_SECOND, KEY_AT_ONCE, clock)
        burst = max(LEAST_AT_ONCE, ADDRESS_AT_ONCE_S * an_address)
        self._addresses = Rate(an_address, burst, clock) if an_address else None

    def charge(self, caller: Caller, units: int) -> None:
        """Take so many units; `Problem` 429 says when to come back."""
        if self._addresses is not None and caller.address is not None and not caller.key.secret:
            wait_s = self._addresses.wait_s(caller.address, units)
            if wait_s:
                raise problem.too_many(
                    "This address sends more than one address may; nothing was stored. A proxy in front of the API has "
                    "to be among LIVESHELF_TRUSTED_PROXIES, or all shoppers count as one.",
                    int(wait_s),
                )
        wait_s = self._keys.wait_s(caller.key.name, units)
        if wait_s:
            raise problem.too_many("This key sends more than it may; nothing was stored.", int(wait_s))
