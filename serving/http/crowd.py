"""Client addresses, and how many visitors one of them teaches with (`GUARANTEES.md` §3: nobody moves the world).

Visitor ids cost nothing: whoever makes a thousand is a thousand visitors. An address costs something, so an hour's
visitors from one are counted, and those beyond the bound are served but not learnt from. Addresses stay in this
process's memory, neither logged nor counted by name.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from functools import lru_cache

import structlog

from serving.http.exchange import Scope

WINDOW_S = 3_600.0
MOST_VISITORS = 200_000
LONGEST = 64
_UNREADABLE = b"?"

log = structlog.get_logger()


def address_of(scope: Scope) -> bytes | None:
    """Whose request this is: an IPv4 address, or the 64 bits of an IPv6 network (a household's); None: this host."""
    client = scope.get("client")
    if client is None:
        return None
    host: str = client[0]
    return _network(host) if len(host) <= LONGEST else _UNREADABLE


@lru_cache(maxsize=65_536)
def _network(host: str) -> bytes | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return _UNREADABLE  # a proxy's X-Forwarded-For may say anything; all that is no address counts as one
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    if address.is_loopback:
        return None
    return address.packed if address.version == 4 else address.packed[:8]


class Crowd:
    """Counts visitors per address over a sliding hour.

    Parameters
    ----------
    an_address: how many visitors of one address teach within the hour; 0: all.
    clock: now, in seconds that only grow.
    most: visitors remembered over all addresses; beyond it the address that came least recently is forgotten.
    """

    def __init__(self, an_address: int, clock: Callable[[], float], most: int = MOST_VISITORS) -> None:
        self._an_address, self._clock, self._most = an_address, clock, most
        self._since: dict[bytes, dict[int, float]] = {}
        self._remembered = 0
        self._told = False

    def teaches(self, address: bytes | None, visitor_id: str) -> bool:
        """Whether an event of this visitor from this address may teach."""
        if address is None or not self._an_address:
            return True
        now, visitor = self._clock(), hash(visitor_id)
        since = self._since.setdefault(address, {})
        self._since[address] = self._since.pop(address)  # the newest stands last
        while since and next(iter(since.values())) <= now - WINDOW_S:
            del since[next(iter(since))]
            self._remembered -= 1
        if visitor in since:
            return True
        if len(since) >= self._an_address:
            self._tell()
            return False
        since[visitor] = now
        self._remembered += 1
        self._forget()
        return True

    def _tell(self) -> None:
        """Once: an operator who forgot the proxy learns why nothing is learnt any more."""
        if not self._told:
            self._told = True
            log.warning(
                "many_visitors_from_one_address",
                visitors=self._an_address,
                means="the others of this hour are served, but not learnt from",
                fix="if that address is a proxy of yours, name it in LIVESHELF_TRUSTED_PROXIES",
            )

    def _forget(self) -> None:
        while self._remembered > self._most and len(self._since) > 1:
            self._remembered -= len(self._since.pop(next(iter(self._since))))
