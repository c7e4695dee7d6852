"""Item rows in this process's memory, refreshed all the time.

Twice a second each partition's owner is asked which rows it wrote of late. Those that requests use are read again, the
others when a request needs them: a row is as old as its flush (1 s) and that look, however many items there are, and it
costs nothing while nobody asks for it. A sweep reads the row of every item that has a code, for what is popular and for
what was missed, by hash tag, at most `CHUNK` a call, in max(1 s, items / 2,000 per s). What a request needs and nobody
has read yet is read at once, one call for each hash tag. A row is parsed when it is needed after it changed.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Protocol

import msgspec
import numpy as np
import structlog
from msgspec import Struct, field

from serving.ranking.row import Row, parse
from serving.shop import Shop
from stream.item import Flushes, Item
from stream.local_copy import LocalCopy
from stream.signals import popularity
from stream.state.keys import Keys, Tag
from stream.state.store import Unavailable
from stream.topics import partition_of

CHUNK = 200
A_SECOND = 2_000
LEAST_S = 1.0
LOOK_S = 0.5
ASKED_AGAIN_S = 0.25
PARSED = 50_000
STRANGERS = 50_000
COPIED = 5_000
KIND = "rows 1"
_TOPIC = "pairs"

log = structlog.get_logger()


class Reads(Protocol):
    """Reads values of one hash tag; `stream.state.pipe.Pipe`, or a dictionary in tests."""

    async def mget(self, keys: Sequence[str]) -> list[bytes | None]:
        """The values in order; raises `Unavailable`."""


class Popularity(Struct):
    """The part of a row that every row is asked for when it changed."""

    popularity: popularity.State = field(default_factory=popularity.State)


_item: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(Item)
_flushes = msgspec.msgpack.Decoder(Flushes)
_popularity = msgspec.msgpack.Decoder(Popularity)


class Rows:
    """The rows of all items that this process has heard of.

    Parameters
    ----------
    reader: for requests, with a short budget; `sweeper` for the sweep, with a longer one.
    partitions: how many partitions the rows' topic has; 0 while that is not known.

    Attributes
    ----------
    read_at: when the last row came; `away` whether the last look was not answered.
    """

    def __init__(
        self,
        shop: Shop,
        reader: Reads,
        sweeper: Reads,
        keys: Keys,
        partitions: Callable[[], int],
        copy: LocalCopy | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self._shop, self._reader, self._sweeper, self._keys = shop, reader, sweeper, keys
        self._partitions, self._copy = partitions, copy
        self._clock, self._sleep = clock, sleep
        self._packed: dict[str, bytes] = {}
        self._parsed: dict[str, Row] = {}
        self._asked: set[str] = set()
        self._broken: set[str] = set()
        self._strangers: dict[str, float] = {}
        self._tags: dict[int, list[str]] = {}
        self._tagged = 0
        self._heard: dict[int, int] = {}
        self._watched: Collection[str] = ()
        self.read_at = 0.0
        self.swept = asyncio.Event()
        self.away = False

    def __len__(self) -> int:
        return len(self._packed)

    def of(self, item_id: str) -> Row | None:
        """The item's parsed row, None if it has none or nobody has read it."""
        row = self._parsed.get(item_id)
        if row is None:
            packed = self._packed.get(item_id)
            if packed is not None and item_id not in self._broken:
                row = self._parse(item_id, packed)
        return row

    def packed(self, item_id: str) -> bytes | None:
        """The item's row as it was read; the same object until it changes."""
        return self._packed.get(item_id)

    def watch(self, item_ids: Collection[str]) -> None:
        """Read these again whenever they change, as those that requests use; the collection may grow."""
        self._watched = item_ids

    def missing(self, item_ids: Iterable[str]) -> list[str]:
        """Those that nobody has asked Redis for yet."""
        asked, strangers = self._asked, self._strangers
        return [item_id for item_id in item_ids if item_id not in asked and not self._refused(strangers, item_id)]

    def _refused(self, strangers: dict[str, float], item_id: str) -> bool:
        """Whether it had no row a moment ago; its first one is wanted soon, but not at the price of a flood."""
        at = strangers.get(item_id)
        return at is not None and self._clock() - at < ASKED_AGAIN_S

    async def read(self, item_ids: Sequence[str]) -> None:
        """Read rows now, one call for each hash tag, all at once; raises `Unavailable`."""
        partitions = self._partitions()
        if not partitions:
            raise Unavailable("the topics' partitions are not known yet")
        tags: dict[int, list[str]] = {}
        for item_id in item_ids:
            tags.setdefault(partition_of(item_id.encode(), partitions), []).append(item_id)
        await asyncio.gather(*[self._read(self._reader, partition, ids) for partition, ids in tags.items()])

    async def _read(self, reader: Reads, partition: int, item_ids: Sequence[str]) -> None:
        root = self._keys.value(Tag(_TOPIC, partition), "item:")
        found = await reader.mget([root + item_id for item_id in item_ids])
        for item_id, packed in zip(item_ids, found, strict=True):
            self._put(item_id, packed)
        self.read_at = self._clock()

    def _put(self, item_id: str, packed: bytes | None) -> None:
        if packed is None:
            return self._forget(item_id)
        self._asked.add(item_id)
        if self._packed.get(item_id) != packed:
            self._packed[item_id] = packed
            self._broken.discard(item_id)
            self._parsed.pop(item_id, None)
            self._strangers.pop(item_id, None)
            try:
                found = _popularity.decode(packed).popularity
            except msgspec.MsgspecError as error:
                return self._refuse(item_id, str(error))
            if not math.isfinite(found.fast + found.slow):
                return self._refuse(item_id, "a number in it is not finite")
            self._shop.board.put(item_id, found)
        return None

    def _forget(self, item_id: str) -> None:
        """There is no row (yet); the id may also have been made up by somebody."""
        if self._packed.pop(item_id, None) is not None:
            self._parsed.pop(item_id, None)
            self._shop.board.put(item_id, popularity.State())
        self._asked.discard(item_id)
        self._strangers[item_id] = self._clock()
        if len(self._strangers) > STRANGERS:
            del self._strangers[next(iter(self._strangers))]

    def _parse(self, item_id: str, packed: bytes) -> Row | None:
        try:
            row = parse(item_id, _item.decode(packed), self._shop.codes)
        except msgspec.MsgspecError as error:
            self._refuse(item_id, str(error))
            return None
        if not (np.isfinite(row.weights).all() and math.isfinite(row.total)):
            self._refuse(item_id, "a number in it is not finite")
            return None
        if len(self._parsed) >= PARSED:
            for old in list(self._parsed)[: PARSED // 4]:
                del self._parsed[old]
        self._parsed[item_id] = row
        return row

    def _refuse(self, item_id: str, reason: str) -> None:
        """A row that would spoil answers is as none, until it changes."""
        log.warning("row_not_readable", reason=reason, meaning="its item has no neighbours until the row changes")
        self._broken.add(item_id)

    # what changed

    async def follow(self) -> None:
        """Read again what the partitions' owners have written, for ever."""
        while True:
            await self._sleep(LOOK_S)
            await asyncio.gather(*[self._look(partition) for partition in range(self._partitions())])

    async def _look(self, partition: int) -> None:
        try:
            packed = (await self._sweeper.mget([self._keys.value(Tag(_TOPIC, partition), "recent")]))[0]
        except Unavailable:
            self.away = True
            return
        self.away = False
        with suppress(Unavailable):  # the next look, or the sweep, finds it
            flushes = _flushes.decode(packed) if packed else []
            changed = self._news(partition, flushes)
            used = [item_id for item_id in changed if item_id in self._parsed or item_id in self._watched]
            self._asked.difference_update(changed)
            for at in range(0, len(used), CHUNK):
                await self._read(self._sweeper, partition, used[at : at + CHUNK])
            if flushes:
                self._heard[partition] = flushes[-1][0]

    def _news(self, partition: int, flushes: Flushes) -> list[str]:
        """The items whose rows were written since the last look."""
        heard = self._heard.get(partition, -1)
        if flushes and flushes[-1][0] < heard:  # Redis came back older
            heard = -1
        return list(dict.fromkeys(item_id for applied, ids in flushes if applied > heard for item_id in ids))

    # the sweep

    async def sweep(self) -> None:
        """Read every item's row, for ever; the first time as fast as Redis answers."""
        while True:
            chunks = self._chunks()
            pause = max(LEAST_S, len(self._shop.codes) / A_SECOND) / max(1, len(chunks))
            for partition, item_ids in chunks:
                await self._read_again(partition, item_ids)
                await self._sleep(pause if self.swept.is_set() else 0)
            if chunks:
                self.swept.set()
            else:
                await self._sleep(LEAST_S / 4)

    async def _read_again(self, partition: int, item_ids: list[str]) -> None:
        while True:
            try:
                return await self._read(self._sweeper, partition, item_ids)
            except Unavailable:
                await self._sleep(LEAST_S / 4)

    def _chunks(self) -> list[tuple[int, list[str]]]:
        """All items that have a code, by hash tag."""
        partitions, ids = self._partitions(), self._shop.codes.ids
        if not partitions:
            return []
        for item_id in ids[self._tagged :]:
            self._tags.setdefault(partition_of(item_id.encode(), partitions), []).append(item_id)
        self._tagged = len(ids)
        return [
            (partition, of_tag[at : at + CHUNK])
            for partition, of_tag in self._tags.items()
            for at in range(0, len(of_tag), CHUNK)
        ]

    # the local copy

    def load(self) -> None:
        """Take the rows of the local copy; what Redis says replaces them."""
        for block in (self._copy.read() if self._copy else None) or ():
            for item_id, packed in msgspec.msgpack.decode(block, type=list[tuple[str, bytes]]):
                self._put(item_id, packed)

    async def save(self) -> None:
        """Write the rows of the most popular items to the local copy."""
        if self._copy is None or not self._packed:
            return
        popular = [item_id for item_id, _ in self._shop.board.top(self._newest_at(), COPIED)]
        try:
            await self._copy.write(self._blocks(popular))
        except OSError as error:
            log.warning("rows_not_copied", reason=str(error), meaning="a start without Redis knows no neighbours")

    def _blocks(self, item_ids: list[str]) -> Iterator[list[tuple[str, bytes]]]:
        for at in range(0, len(item_ids), CHUNK):
            some = item_ids[at : at + CHUNK]
            yield [(item_id, self._packed[item_id]) for item_id in some if item_id in self._packed]

    def _newest_at(self) -> int:
        return int(time.time() * 1000)
