"""Feeds a shard: what was fetched of its partition, in commits of the right size, acknowledged when it is safe."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple, Protocol

from stream.fold import Record
from stream.shard import Fenced, Shard

BUCKETS_MS = (2, 5, 10, 15, 20, 30, 50, 75, 100, 150, 250, 500, 1_000, 2_500, 10_000, 60_000)


class Fetched(Protocol):
    """What one fetch brought of the partition (`stream.transport.Batch`)."""

    start: int
    next_offset: int

    @property
    def current(self) -> bool:
        """False once the partition is not ours any more."""

    @property
    def value(self) -> list[Record]:
        """The records, in order, at least one."""


class Acked(Protocol):
    """A message that is to be acknowledged once its batch is committed (Faust's event)."""

    @property
    def message(self) -> Fetched:
        """The batch."""

    def ack(self) -> bool:
        """Let the group's offset pass it."""


class Flush(NamedTuple):
    """When to commit: after so many records, changed rows or bytes; else at most once in `after_s` seconds.

    What comes after a quiet time is so committed at once, and a busy partition once in that time.

    A commit is one script call, so its size bounds how long Redis is held (`GUARANTEES.md` §1.10). `fold` records are
    folded between two looks at these bounds: one derived record alone may change hundreds of rows.
    """

    fold: int
    records: int
    rows: int
    size_bytes: int
    after_s: float


class Freshness:
    """How long events took from their record's timestamp to being visible: a histogram in ms."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS_MS) + 1)
        self.sum_ms = 0.0

    def observe(self, timestamps: Iterable[int], now_ms: float) -> None:
        for timestamp in timestamps:
            took = max(0.0, now_ms - timestamp)
            self.sum_ms += took
            place = 0
            while place < len(BUCKETS_MS) and took > BUCKETS_MS[place]:
                place += 1
            self.counts[place] += 1


class Runner:
    """Drives one shard until cancelled; raises what the shard raises."""

    def __init__(self, shard: Shard, flush: Flush, freshness: Freshness | None = None) -> None:
        self.shard = shard
        self._flush = flush
        self._freshness = freshness
        self._waiting: asyncio.Queue[Acked] = asyncio.Queue()
        self._folded: deque[Acked] = deque()
        self._timestamps: list[int] = []
        self._deadline = 0.0
        self._committed_at = 0.0

    def put(self, event: Acked) -> None:
        """Queue what was fetched; how much may wait is bounded where it is fetched."""
        self._waiting.put_nowait(event)

    async def run(self) -> None:
        while True:
            event = await self._next()
            if event is not None:
                await self._fold(event)
            if event is None or self._due():
                await self._commit()

    async def _next(self) -> Acked | None:
        """What was fetched next, or None when the commit is due first."""
        if not self.shard.unflushed:
            return await self._waiting.get()
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._waiting.get()
        except TimeoutError:
            return None

    async def _fold(self, event: Acked) -> None:
        batch, shard = event.message, self.shard
        if not batch.current:
            return
        at = shard.next_offset
        if at is not None and batch.start > at:
            raise Fenced(f"{shard.tag}: offset {at} was expected, {batch.start} was delivered; starting again")
        records = [record for record in batch.value if at is None or record.offset >= at]
        step = self._flush.fold
        for cut in range(0, len(records), step):
            some = records[cut : cut + step]
            if not shard.unflushed:
                self._deadline = self._committed_at + self._flush.after_s
            await shard.apply(some)
            self._timestamps += [record.timestamp for record in some]
            if self._full() and cut + step < len(records):
                await self._commit()
        shard.next_offset = max(batch.next_offset, shard.next_offset or 0)
        self._folded.append(event)
        if self._full():
            await self._commit()

    def _due(self) -> bool:
        """Whether it is time: what is a visitor's own as soon as nothing waits, what all share after its time."""
        if not self._flush.after_s:
            return self._waiting.empty()
        return asyncio.get_running_loop().time() >= self._deadline

    def _full(self) -> bool:
        shard, flush = self.shard, self._flush
        return shard.unflushed >= flush.records or shard.rows >= flush.rows or shard.bytes_expected >= flush.size_bytes

    async def _commit(self) -> None:
        await self.shard.flush()
        self._committed_at = asyncio.get_running_loop().time()
        if self._freshness is not None:
            self._freshness.observe(self._timestamps, time.time() * 1000)
        self._timestamps.clear()
        while self._folded:
            self._folded.popleft().ack()
