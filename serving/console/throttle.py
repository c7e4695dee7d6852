"""How often a sign-in may fail: five times a minute for a name, and for an address."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable

MOST_FAILURES = 5
WINDOW_S = 60.0


class Throttle:
    """Counts tries before they are checked, so that many at once are no way around, and forgives the good ones.

    What is older than the window is forgotten; how much there is within it the cost of a hash bounds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._tries: dict[str, list[float]] = {}

    def take(self, *names: str) -> int:
        """Count a try under each name and return 0, or count nothing and return the seconds to wait."""
        now = self._clock()
        self._forget(now - WINDOW_S)
        full = [self._tries[name] for name in names if len(self._tries.get(name, ())) >= MOST_FAILURES]
        if full:
            return max(1, math.ceil(max(tries[-MOST_FAILURES] for tries in full) + WINDOW_S - now))
        for name in names:
            self._tries.setdefault(name, []).append(now)
        return 0

    def forgive(self, *names: str) -> None:
        """The try that was counted last was a good one."""
        for name in names:
            if self._tries.get(name):
                self._tries[name].pop()

    def _forget(self, before: float) -> None:
        for name in [name for name, tries in self._tries.items() if tries[-1:] <= [before]]:
            del self._tries[name]
        for name, tries in self._tries.items():
            if tries[0] <= before:
                self._tries[name] = [at for at in tries if at > before]


def network_of(address: str) -> str:
    """What counts as one address: an IPv4 address, or the /64 that one IPv6 line has."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
