"""A customer's other visitors, such as their other devices: what each lets be known, if their own consent allows.

The profile agent's value is kept for `CACHED_S`; whether a visitor's part of it may be used is asked anew each time.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import msgspec

from serving.rows import Reads
from stream.customers import partition_of_customer
from stream.entries import Summary
from stream.profile import Customer, Shared
from stream.pseudonyms import Pseudonyms
from stream.state.keys import Keys, Tag
from stream.state.store import Unavailable
from stream.topics import partition_of
from stream.visitor import RETENTION_MS

CACHED_S = 0.5  # a page asks for its shelves within that, and another device is a second away at most
CACHED = 1_000
_TOPIC = "profile"

_customer = msgspec.msgpack.Decoder(Customer)

Allowed: TypeAlias = Callable[[str, Mapping[str, Shared]], Awaitable[set[str]]]
"""Of a customer's visitors those who agree now; raises `Unavailable`."""


class Place(NamedTuple):
    """A customer's pseudonym, and the partition of the profile topic in which their value lies."""

    cid: str
    partition: int


class Customers:
    """Reads customers' values.

    Parameters
    ----------
    partitions: how many partitions the profile topic has; 0 while that is not known.
    allowed: which of a customer's (cid) visitors agree, now, that their part is used.
    """

    def __init__(
        self,
        reader: Reads,
        keys: Keys,
        pseudonyms: Pseudonyms,
        partitions: Callable[[], int],
        allowed: Allowed,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reader, self._keys, self._partitions, self._allowed = reader, keys, partitions, allowed
        self._clock = clock
        self._cached: dict[str, tuple[float, dict[str, Shared]]] = {}
        self._cid_of = lru_cache(maxsize=65_536)(pseudonyms.of_customer)
        self._first_cid_of = lru_cache(maxsize=65_536)(pseudonyms.first_of_customer)

    def named(self, customer_id: str) -> Place:
        """The customer that a request names; raises `Unavailable`."""
        partition = partition_of(self._first_cid_of(customer_id).encode(), self._known()[_TOPIC])
        return Place(self._cid_of(customer_id), partition)

    def tied(self, visitor: Any) -> Place:
        """The customer whose visitor this is; raises `Unavailable`."""
        return Place(visitor.customer, partition_of_customer(visitor, self._known()))

    async def others(self, customer: Place, pid: str, now: int) -> Sequence[Summary]:
        """What the customer's visitors but `pid` let be known at `now` (ms); raises `Unavailable`."""
        visitors = await self._visitors(customer)
        others = {
            other: shared for other, shared in visitors.items() if other != pid and now - shared.at <= RETENTION_MS
        }
        if not others:
            return ()
        allowed = await self._allowed(customer.cid, others)
        return [shared.summary for other, shared in others.items() if other in allowed]

    def _known(self) -> dict[str, int]:
        partitions = self._partitions()
        if not partitions:
            raise Unavailable("the topics' partitions are not known yet")
        return {_TOPIC: partitions}

    async def _visitors(self, customer: Place) -> dict[str, Shared]:
        """The customer's visitors as of at most `CACHED_S` ago; raises `Unavailable`."""
        cached = self._cached.get(customer.cid)
        if cached is not None and self._clock() - cached[0] < CACHED_S:
            return cached[1]
        found = await self._read(customer)
        self._keep(customer.cid, found)
        return found

    async def _read(self, customer: Place) -> dict[str, Shared]:
        tag = Tag(_TOPIC, customer.partition)
        (packed,) = await self._reader.mget([self._keys.value(tag, f"customer:{customer.cid}")])
        try:
            return {} if packed is None else _customer.decode(packed).visitors
        except msgspec.MsgspecError as error:
            raise Unavailable(f"the customer's value cannot be read: {error}") from None

    def _keep(self, cid: str, visitors: dict[str, Shared]) -> None:
        """Cache it, and let go of what is too old to be used, or too much."""
        cached, now = self._cached, self._clock()
        cached.pop(cid, None)
        cached[cid] = (now, visitors)
        while len(cached) > CACHED or now - next(iter(cached.values()))[0] >= CACHED_S:
            del cached[next(iter(cached))]
