"""The runner: when it commits, and that it acknowledges only what is committed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from stream.fold import Record
from stream.runner import Flush, Freshness, Runner
from stream.shard import Fenced
from stream.state.keys import Tag
from stream.state.memory import MemoryStore
from stream.state.store import Position
from tests.stream.worlds import NOW, event, records, visitor_shard

SOON = Flush(fold=4, records=4, rows=1_000, size_bytes=1_000_000, after_s=0.0)
SHARED = Flush(fold=1, records=1_000, rows=1_000, size_bytes=1_000_000, after_s=0.05)


@dataclass
class Batch:
    value: list[Record]
    start: int
    next_offset: int
    current: bool = True


@dataclass
class Message:
    message: Batch
    acked: list[int]
    store: MemoryStore = field(repr=False)

    def ack(self) -> bool:
        self.acked.append(offset(self.store))
        return True


def offset(store: MemoryStore) -> int:
    found = store.positions.get(Tag("events", 0))
    return Position.parse(found).offset if found else 0


class World:
    def __init__(self) -> None:
        self.store = MemoryStore()
        self.acked: list[int] = []

    async def runner(self, flush: Flush) -> Runner:
        self.runner_ = Runner(await visitor_shard(self.store), flush, Freshness())
        self.task = asyncio.create_task(self.runner_.run())
        return self.runner_

    def put(self, count: int, *, start: int = 0, next_offset: int | None = None, current: bool = True) -> None:
        log = records([event("view_item", f"v{start + n}", "i", at=NOW + n) for n in range(count)], start=start)
        batch = Batch(log, start, start + count if next_offset is None else next_offset, current)
        self.runner_.put(Message(batch, self.acked, self.store))

    async def settle(self) -> None:
        async with asyncio.timeout(5):
            while self.runner_._waiting.qsize() or self.runner_._folded or self.runner_.shard.unflushed:
                await asyncio.sleep(0)

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def test_a_visitors_events_are_committed_at_once() -> None:
    world = World()
    await world.runner(SOON)
    world.put(3)
    await world.settle()
    assert (offset(world.store), world.acked) == (3, [3])
    await world.end()


async def test_a_large_fetch_is_cut_and_acknowledged_at_its_end() -> None:
    world = World()
    await world.runner(SOON)
    world.put(10)
    await world.settle()
    assert (offset(world.store), world.acked) == (10, [10])
    await world.end()


async def test_shared_state_is_committed_at_once_after_a_quiet_time_and_then_waits() -> None:
    world = World()
    await world.runner(SHARED)
    world.put(2)
    await world.settle()
    assert world.acked == [2]
    world.put(2, start=2)
    world.put(2, start=4)
    while world.runner_._waiting.qsize():
        await asyncio.sleep(0)
    assert offset(world.store) == 2
    await world.settle()
    assert (offset(world.store), world.acked) == (6, [2, 6, 6])
    await world.end()


async def test_rows_force_a_commit() -> None:
    world = World()
    await world.runner(SHARED._replace(rows=3, after_s=60))
    world.put(1)
    await world.settle()
    world.put(5, start=1)
    async with asyncio.timeout(5):
        while offset(world.store) < 3:
            await asyncio.sleep(0)
    assert offset(world.store) < 6
    await world.end()


async def test_a_gap_of_compaction_at_the_end_moves_the_position() -> None:
    world = World()
    await world.runner(SOON)
    world.put(2, next_offset=7)
    await world.settle()
    assert offset(world.store) == 7
    world.put(1, start=7)
    await world.settle()
    assert offset(world.store) == 8
    await world.end()


async def test_what_was_applied_is_not_applied_again() -> None:
    world = World()
    runner = await world.runner(SOON)
    world.put(3)
    await world.settle()
    world.put(3)
    await world.settle()
    assert runner.shard.state.read("clock").applied == 3
    await world.end()


async def test_a_batch_of_a_lost_partition_is_dropped() -> None:
    world = World()
    await world.runner(SOON)
    world.put(3, current=False)
    await world.settle()
    assert (offset(world.store), world.acked) == (0, [])
    await world.end()


async def test_a_hole_ends_the_shard() -> None:
    world = World()
    await world.runner(SOON)
    world.put(2)
    await world.settle()
    world.put(1, start=5)
    with pytest.raises(Fenced, match="offset 2 was expected, 5 was delivered"):
        await world.task


def test_freshness_counts_into_its_buckets() -> None:
    freshness = Freshness()
    freshness.observe([1_000, 996, 0, 5_000], 1_001)
    assert freshness.counts[0] == 2  # 1 ms, and one from a clock ahead of ours
    assert freshness.counts[1] == 1  # 5 ms
    assert sum(freshness.counts) == 4
    assert freshness.sum_ms == 1_007
