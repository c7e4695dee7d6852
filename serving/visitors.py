"""Visitors' values as serving reads them: one round trip for the position, the visitor and the session vector."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct, field

from serving.rows import Reads
from stream.consent import Known
from stream.profile import Shared
from stream.state.keys import Keys, Tag
from stream.state.store import Position, Unavailable
from stream.tokens import FreshToken, pseudonym
from stream.topics import partition_of
from stream.visitor import Visitor

PATIENCE_S = 0.25
TOPIC = "events"
_STEPS_S = (0.001, 0.002, 0.003, 0.005, 0.008)
_LAST_STEP_S = 0.01

_visitor: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(Visitor)


class Standing(Struct):
    """The part of a visitor's value that says whether a customer's other visitors may know of it."""

    epoch: int = 0
    consent: Known = field(default_factory=dict)
    customer: str = ""


_standing = msgspec.msgpack.Decoder(Standing)


class Seen(NamedTuple):
    """What was read; `met` says whether `min_fresh` was reached, None if nothing was asked for."""

    visitor: Any
    vector: bytes | None
    met: bool | None


class Visitors:
    """Reads visitors' values.

    Parameters
    ----------
    partitions: how many partitions the events topic has; 0 while that is not known.
    """

    def __init__(
        self,
        reader: Reads,
        keys: Keys,
        pseudonym_key: bytes,
        partitions: Callable[[], int],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self._reader, self._keys, self._partitions = reader, keys, partitions
        self._clock, self._sleep = clock, sleep
        self.pid_of = lru_cache(maxsize=65_536)(lambda visitor_id: pseudonym(pseudonym_key, visitor_id))

    async def read(self, visitor_id: str, wanted: FreshToken | None = None) -> Seen:
        """A visitor's value once `wanted` is in the state, or after `PATIENCE_S` as it is then; raises `Unavailable`.

        An empty `visitor_id` reads nobody, and only waits.
        """
        names = self._names(visitor_id)
        if wanted is None:
            return _seen(await self._reader.mget(names[1:]), None) if names else Seen(None, None, None)
        own = bool(names) and wanted.partition == self._partition(visitor_id)
        position = self._keys.position(Tag(TOPIC, wanted.partition))
        end, tries = self._clock() + PATIENCE_S, 0
        while True:
            found = await self._reader.mget(names if own else [position])
            met = _offset(found[0]) > wanted.offset
            if met or self._clock() >= end:
                break
            await self._sleep(_STEPS_S[tries] if tries < len(_STEPS_S) else _LAST_STEP_S)
            tries += 1
        if own:
            return _seen(found[1:], met)
        return _seen(await self._reader.mget(names[1:]), met) if names else Seen(None, None, met)

    async def many(self, visitor_ids: list[str]) -> dict[str, Any]:
        """The values of many visitors, one call for each hash tag; raises `Unavailable`."""
        tags: dict[int, list[str]] = {}
        for visitor_id in dict.fromkeys(visitor_ids):
            tags.setdefault(self._partition(visitor_id), []).append(visitor_id)
        found = await asyncio.gather(*[self._of_tag(partition, ids) for partition, ids in tags.items()])
        return {visitor_id: value for one in found for visitor_id, value in one.items()}

    async def _of_tag(self, partition: int, visitor_ids: list[str]) -> dict[str, Any]:
        tag = Tag(TOPIC, partition)
        names = [self._keys.value(tag, f"visitor:{self.pid_of(visitor_id)}") for visitor_id in visitor_ids]
        found = await self._reader.mget(names)
        return {visitor_id: _decoded(packed) for visitor_id, packed in zip(visitor_ids, found, strict=True)}

    async def allowed(self, cid: str, visitors: Mapping[str, Shared]) -> set[str]:
        """Which of a customer's visitors agree to be used, and still belong there; raises `Unavailable`."""
        tags: dict[int, list[str]] = {}
        for pid, shared in visitors.items():
            tags.setdefault(shared.partition, []).append(pid)
        found = await asyncio.gather(*[self._standings(partition, pids) for partition, pids in tags.items()])
        return {
            pid
            for some in found
            for pid, one in some.items()
            if one.customer == cid and one.epoch == visitors[pid].epoch and one.consent.get("personalization", (0,))[0]
        }

    async def _standings(self, partition: int, pids: list[str]) -> dict[str, Standing]:
        root = self._keys.root(Tag(TOPIC, partition))
        found = await self._reader.mget([f"{root}visitor:{pid}" for pid in pids])
        try:
            return {pid: _standing.decode(one) for pid, one in zip(pids, found, strict=True) if one is not None}
        except msgspec.MsgspecError as error:
            raise Unavailable(f"a visitor's value cannot be read: {error}") from None

    def _partition(self, visitor_id: str) -> int:
        partitions = self._partitions()
        if not partitions:
            raise Unavailable("the topics' partitions are not known yet")
        return partition_of(visitor_id.encode(), partitions)

    def _names(self, visitor_id: str) -> list[str]:
        """Full keys of the position, the visitor and the vector; none for nobody."""
        if not visitor_id:
            return []
        tag, pid = Tag(TOPIC, self._partition(visitor_id)), self.pid_of(visitor_id)
        root = self._keys.root(tag)
        return [f"{root}position", f"{root}visitor:{pid}", f"{root}vector:{pid}"]


def _seen(found: list[bytes | None], met: bool | None) -> Seen:
    packed, vector = found
    return Seen(_decoded(packed), vector, met)


def _decoded(packed: bytes | None) -> Any:
    """A visitor's value; one that cannot be read is as one that could not be asked for."""
    if packed is None:
        return None
    try:
        return _visitor.decode(packed)
    except msgspec.MsgspecError as error:
        raise Unavailable(f"the visitor's value cannot be read: {error}") from None


def _offset(position: bytes | None) -> int:
    """The next offset that will be folded; 0 at the beginning."""
    return Position.parse(position.decode()).offset if position else 0
