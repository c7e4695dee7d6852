"""Visitors' values as serving reads them: one round trip for position, privacy, the visitor and the session vector.

The privacy value has the last word, uncached: a visitor whose state is of an older epoch is not there, and a consent is
what both know together. Where the values may lack what the privacy topic says (Redis came back older), nothing is read.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct, field

from serving.rows import Reads
from stream.consent import Known, Word, all_joined
from stream.privacy import MARK, Privacy, joined, key_of, read_mark, unpack
from stream.profile import Shared
from stream.pseudonyms import Pseudonyms
from stream.state.keys import Keys, Tag
from stream.state.store import Position, Unavailable
from stream.tokens import FreshToken
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

    @property
    def agrees(self) -> bool:
        return self.consent.get("personalization", Word()).granted


_standing = msgspec.msgpack.Decoder(Standing)


class Seen(NamedTuple):
    """What was read; `met` says whether `min_fresh` was reached, None if nothing was asked for."""

    visitor: Any
    vector: bytes | None
    met: bool | None


_NOBODY = Seen(None, None, None)


class Level:
    """Up to which offset of the privacy topic Redis's values are known to have been level, by partition.

    A mark below that is another Redis, an older one: its values are not believed until the worker has raised it again.
    `begin` says where the topic ended when this process started; before that nothing is believed.
    """

    def __init__(self) -> None:
        self._least: dict[int, int] = {}

    @property
    def known(self) -> bool:
        return bool(self._least)

    def begin(self, ends: Mapping[int, int]) -> None:
        """The topic's ends by partition."""
        self._least.update({partition: max(end, self._least.get(partition, 0)) for partition, end in ends.items()})

    def holds(self, partition: int, packed: bytes | None) -> bool:
        """Whether values beside this mark may be believed."""
        least, mark = self._least.get(partition), read_mark(packed)
        if least is None or mark < least:
            return False
        self._least[partition] = mark
        return True


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
        pseudonyms: Pseudonyms,
        partitions: Callable[[], int],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self._reader, self._keys, self._partitions = reader, keys, partitions
        self._clock, self._sleep = clock, sleep
        self.level = Level()
        self.pseudonyms = pseudonyms
        self.pid_of = lru_cache(maxsize=65_536)(pseudonyms.of_visitor)

    async def read(self, visitor_id: str, wanted: FreshToken | None = None) -> Seen:
        """A visitor's value once `wanted` is in the state, or after `PATIENCE_S` as it is then; raises `Unavailable`.

        An empty `visitor_id` reads nobody, and only waits.
        """
        names = self._names(visitor_id)
        if wanted is None:
            return self._seen(visitor_id, await self._reader.mget(names[1:]), None) if names else _NOBODY
        own = bool(names) and wanted.partition == self.partition(visitor_id)
        position = self._keys.position(Tag(TOPIC, wanted.partition))
        end, tries = self._clock() + PATIENCE_S, 0
        while True:
            found = await self._reader.mget(names if own else [position])
            met = _offset(found[0]) > wanted.offset
            if met or self._clock() >= end:
                break
            await self._sleep(_STEPS_S[tries] if tries < len(_STEPS_S) else _LAST_STEP_S)
            tries += 1
        if not own:
            found = [None, *await self._reader.mget(names[1:])] if names else []
        return self._seen(visitor_id, found[1:], met) if names else Seen(None, None, met)

    async def many(self, visitor_ids: list[str]) -> dict[str, Any]:
        """The values of many visitors, one call for each hash tag; raises `Unavailable`."""
        tags: dict[int, list[str]] = {}
        for visitor_id in dict.fromkeys(visitor_ids):
            tags.setdefault(self.partition(visitor_id), []).append(visitor_id)
        found = await asyncio.gather(*[self._of_tag(partition, ids) for partition, ids in tags.items()])
        return {visitor_id: value for one in found for visitor_id, value in one.items()}

    async def epoch_of(self, visitor_id: str) -> int:
        """The epoch of a visitor's pseudonym now; raises `Unavailable`."""
        known = (await self.many([visitor_id]))[visitor_id]
        return 0 if known is None else int(known.epoch)

    async def _of_tag(self, partition: int, visitor_ids: list[str]) -> dict[str, Any]:
        root = self._keys.root(Tag(TOPIC, partition))
        names = [root + MARK]
        for pid in map(self.pid_of, visitor_ids):
            names += [f"{root}visitor:{pid}", root + key_of(pid)]
        mark, *found = await self._reader.mget(names)
        self.believe(partition, mark)
        pairs = zip(found[::2], found[1::2], strict=True)
        return {visitor_id: as_allowed(*pair) for visitor_id, pair in zip(visitor_ids, pairs, strict=True)}

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
            if one.customer == cid and one.epoch == visitors[pid].epoch and one.agrees
        }

    async def _standings(self, partition: int, pids: list[str]) -> dict[str, Standing]:
        """How visitors stand by their own values and their privacy values, uncached."""
        root = self._keys.root(Tag(TOPIC, partition))
        names = [root + MARK]
        for pid in pids:
            names += [f"{root}visitor:{pid}", root + key_of(pid)]
        mark, *found = await self._reader.mget(names)
        self.believe(partition, mark)
        try:
            return {
                pid: _standing_of(own, privacy)
                for pid, own, privacy in zip(pids, found[::2], found[1::2], strict=True)
                if own is not None
            }
        except msgspec.MsgspecError as error:
            raise Unavailable(f"a visitor's value cannot be read: {error}") from None

    def partition(self, visitor_id: str) -> int:
        """Where the visitor's state lies; raises `Unavailable` while nobody knows."""
        partitions = self._partitions()
        if not partitions:
            raise Unavailable("the topics' partitions are not known yet")
        return partition_of(visitor_id.encode(), partitions)

    def _names(self, visitor_id: str) -> list[str]:
        """Full keys of the position, the mark, the privacy value, the visitor and the vector; none for nobody."""
        if not visitor_id:
            return []
        tag, pid = Tag(TOPIC, self.partition(visitor_id)), self.pid_of(visitor_id)
        root = self._keys.root(tag)
        names = ("position", MARK, key_of(pid), f"visitor:{pid}", f"vector:{pid}")
        return [root + name for name in names]

    def _seen(self, visitor_id: str, found: list[bytes | None], met: bool | None) -> Seen:
        mark, privacy, visitor, vector = found
        self.believe(self.partition(visitor_id), mark)
        return Seen(as_allowed(visitor, privacy), vector, met)

    def believe(self, partition: int, mark: bytes | None) -> None:
        """Raise `Unavailable` if the values beside this mark may lack what the privacy topic says."""
        if not self.level.holds(partition, mark):
            raise Unavailable("Redis is older than the consents that are known: waiting for the worker to renew them")


def _standing_of(packed: bytes, packed_privacy: bytes | None) -> Standing:
    """What both values say; an erasure that the visitor's own does not know of yet is of another epoch."""
    own = _standing.decode(packed)
    privacy = joined(Privacy(consent=own.consent), unpack(packed_privacy))
    return Standing(max(own.epoch, privacy.epoch), privacy.consent, own.customer)


def as_allowed(packed: bytes | None, packed_privacy: bytes | None) -> Any:
    """A visitor's value as far as its privacy value lets it be; None where neither knows anything.

    A value that cannot be read is as one that could not be asked for.
    """
    try:
        visitor = None if packed is None else _visitor.decode(packed)
        if packed_privacy is None:
            return visitor
        privacy = unpack(packed_privacy)
    except msgspec.MsgspecError as error:
        raise Unavailable(f"the visitor's value cannot be read: {error}") from None
    if visitor is None or visitor.epoch < privacy.epoch:
        return Visitor(epoch=privacy.epoch, consent=privacy.consent)
    visitor.consent = all_joined(visitor.consent, privacy.consent)
    return visitor


def _offset(position: bytes | None) -> int:
    """The next offset that will be folded; 0 at the beginning."""
    return Position.parse(position.decode()).offset if position else 0
