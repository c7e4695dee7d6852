"""The agents of one worker process: the shards of the partitions that it was assigned.

A Faust agent only hands what was fetched to its partition's runner; nothing here raises into Faust. What cannot go on
in this process leaves it, and the supervisor starts it again from what is stored.
"""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec
import structlog
from faust.types import TP

from stream.catalogue_copy import CatalogueCopy
from stream.cluster import Cluster
from stream.fold import Fold
from stream.privacy_copy import PrivacyCopy
from stream.producer import Producer
from stream.roster import AGENTS, fold_of
from stream.runner import Acked, Flush, Freshness, Runner
from stream.settings import Settings
from stream.shard import Fenced, Halt, Shard
from stream.state.keys import Keys, Tag
from stream.state.redis import RedisStore, UnsafeRedis
from stream.state.store import Unavailable
from stream.supervisor import HALTED, RESTART
from stream.topics import TOPICS
from stream.truth import restore
from stream.visitor import Vectorize

log = structlog.get_logger()

HEARTBEAT_S = 0.5
# A full collection walks through every value in memory (200 ms with 30,000 visitors) and finds next to nothing, as
# values hold no cycles; the two younger generations catch what asyncio leaves.
COLLECTED_AFTER = (10_000, 20, 1_000_000)
_NOUNS = {topic.name: topic.noun for topic in TOPICS.values()}


class Owner:
    """The partitions that this process owns."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.keys = Keys(settings.key_prefix)
        self.freshness = Freshness()
        self.lost = 0
        self.runners: dict[TP, Runner] = {}
        self._tasks: dict[TP, asyncio.Task[None]] = {}
        self._assignment = 0
        self._owning = asyncio.Lock()
        self._partitions: dict[str, int] = {}
        self._folds: dict[str, Callable[[], Fold]] = {}
        self._flushes: dict[str, Flush] = {}
        self._truths: dict[str, str] = {}

    async def open(self) -> None:
        """Connect, and refuse to start on what could lose state."""
        self.store = RedisStore(self.settings.redis_url, self.keys)
        self.privacy = PrivacyCopy(self.settings, self.store, leave)
        self.producer = Producer.of(self.settings, linger_ms=0)
        self._cluster = Cluster(self.settings)
        self._partitions = await asyncio.to_thread(self._cluster.partitions)
        self._topic_ids = await asyncio.to_thread(self._cluster.topic_ids)
        await self._safe_store()
        names = self.settings.agents.split(",")
        vectorize = self._follow_catalogue() if "visitor" in names else None
        for name in names:
            agent = AGENTS[name]
            self._folds[agent.topic] = fold_of(name, self.settings, self._partitions, vectorize)
            self._flushes[agent.topic] = agent.flush
            self._truths[agent.topic] = agent.truth
        self._beating = asyncio.create_task(self._beat())
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECTED_AFTER)

    def _follow_catalogue(self) -> Vectorize:
        """The process's own copy of the catalogue's title vectors, for the session vectors."""
        self._catalogue = CatalogueCopy(self.settings)
        self._catalogue.start()
        return self._catalogue.vectors.of_session

    async def assigned(self, tps: set[TP]) -> None:
        """A new assignment: what an earlier one still loads is out of date."""
        self._assignment += 1

    async def positions(self, tps: set[TP]) -> dict[TP, int | None]:
        """A fresh shard for each partition, and where it goes on."""
        assignment = self._assignment
        if not self._folds:
            await self.open()
        async with self._owning:
            await self.privacy.own({tp.partition for tp in tps if _NOUNS[tp.topic] == "events"})
        shards = {tp: self._shard(tp) for tp in tps}
        found = dict(zip(shards, await asyncio.gather(*map(self._started, shards.values())), strict=True))
        if assignment == self._assignment:
            for tp, shard in shards.items():
                self._start(tp, shard)
        return found

    async def _started(self, shard: Shard) -> int | None:
        await shard.start()
        if truth := self._truths[shard.tag.topic]:
            await restore(shard, self._cluster, truth, self.producer)
        return shard.next_offset

    def _shard(self, tp: TP) -> Shard:
        noun = _NOUNS[tp.topic]
        return Shard(
            self._folds[noun](), tp.partition, self._topic_ids[noun], self._partitions, self.store, self.producer
        )

    def _start(self, tp: TP, shard: Shard) -> None:
        noun = shard.tag.topic
        runner = self.runners[tp] = Runner(shard, self._flushes[noun], self.freshness if noun == "events" else None)
        self._tasks[tp] = asyncio.create_task(self._drive(runner), name=f"shard {shard.tag}")

    async def revoked(self, tps: set[TP]) -> None:
        tasks = [self._tasks.pop(tp) for tp in tps if tp in self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for tp in tps:
            self.runners.pop(tp, None)

    async def out_of_range(self, tp: TP, position: int, log_start: int, log_end: int) -> int:
        """The log does not hold the position: loss is counted and halts or goes on; a shorter log halts.

        Of a compacted log nothing is lost that is not in a later record; the embedded broker compacts by forgetting.
        """
        if position > log_end:
            raise Halt(
                f"{tp.topic}[{tp.partition}] ends at {log_end}, the stored position is {position}: the topic was cut "
                "or made anew. Restore the broker's data, or start with an empty Redis."
            )
        if self._truths[_NOUNS[tp.topic]]:
            self.runners[tp].shard.next_offset = log_start
            return log_start
        lost = log_start - position
        self.lost += lost
        log.critical("events lost to retention", topic=tp.topic, partition=tp.partition, lost=lost)
        if self.settings.on_loss == "halt":
            raise Halt(
                f"{tp.topic}[{tp.partition}]: {lost} records from offset {position} on were deleted before they were "
                "read. To accept the loss and go on, set LIVESHELF_ON_LOSS=continue."
            )
        self.runners[tp].shard.next_offset = log_start
        return log_start

    def put(self, event: Acked, tp: TP) -> None:
        runner = self.runners.get(tp)
        if runner is not None:
            runner.put(event)

    async def _drive(self, runner: Runner) -> None:
        try:
            await runner.run()
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001  # nothing may raise into Faust: whatever it is, leave the process
            leave(error)

    async def _safe_store(self) -> None:
        while True:
            try:
                return await self.store.check_safe()
            except Unavailable as error:
                log.warning("waiting for Redis", error=str(error))
                await asyncio.sleep(0.5)

    async def _beat(self) -> None:
        """Tell operators what this process does; nothing depends on it."""
        name = f"{socket.gethostname()}-{os.getpid()}"
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            try:
                await self.store.note(self.keys.worker(name), msgspec.msgpack.encode(self.report()), 10)
            except Unavailable:
                continue

    def report(self) -> dict[str, Any]:
        """The heartbeat: freshness (histogram in ms), records lost, records applied and next offset per partition."""
        shards = {str(Tag(r.shard.tag.topic, r.shard.tag.partition)): r.shard for r in self.runners.values()}
        return {
            "at": int(time.time() * 1000),
            "freshness": self.freshness.counts,
            "freshness_sum_ms": self.freshness.sum_ms,
            "lost": self.lost,
            "agents": self.settings.agents,
            "shards": {tag: [shard.flushed, shard.next_offset] for tag, shard in shards.items()},
        }


def leave(error: BaseException) -> None:
    """End the process without acknowledging anything: what is not committed is read again."""
    halted = isinstance(error, Halt | UnsafeRedis)
    if isinstance(error, Halt | UnsafeRedis | Fenced):
        log.critical("halting" if halted else "leaving, to start again from what is stored", why=str(error))
    else:
        log.critical("leaving after an error of our own", exc_info=error)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(HALTED if halted else RESTART)
