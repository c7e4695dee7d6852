"""Faust, one message per partition and fetch: the only file that touches its private parts (and aiokafka's).

A default Faust consumer pays four asyncio tasks a record. Here a message is a `Batch`, whatever one fetch brought of a
partition, positions come from `Seams.positions` instead of Kafka's group, and memory is bounded by what is not acked.

Every start, seek or loss of a partition gives it a new *epoch*. A batch carries the epoch that its fetch was made
under; of another epoch it is dropped on arrival, not `Batch.current` in an agent's hands, and its ack changes nothing.

Faust's and aiokafka's ways to stop in silence (GUARANTEES §1.7) end in `crash`, and a crash ends the process:
`stream.faust_app.serve`.
"""

# ruff: noqa: SLF001  # private parts of Faust and aiokafka are what this file is for
from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar, cast

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import ConsumerStoppedError, IllegalStateError, KafkaError, OffsetOutOfRangeError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.transports import TPorTopicSet
from faust.types.tuples import ConsumerMessage, Message
from mode import Service, ServiceT
from mode.threads import ServiceThread, WorkerThread

from stream.fold import Record
from stream.topics import TOPICS

if TYPE_CHECKING:
    from stream.faust_app import App

log = logging.getLogger(__name__)
_T = TypeVar("_T")
_NOUNS = {topic.name: topic.noun for topic in TOPICS.values()}
_RECORD_BYTES = 512  # what a `Record` costs beyond its value


class Stalled(Exception):
    """Faust has stopped fetching, and says nothing: leave the process and be restarted."""


@dataclass(frozen=True)
class Seams:
    """What the transport asks and tells; every callback runs in the app's loop, and one that raises ends the process.

    `positions` gives the stored position of each partition (None: begin with the log), and may wait for its store as
    long as it takes. `out_of_range(tp, position, log_start, log_end)` is asked when the log does not hold the position,
    and answers with the offset to go on at. `assigned` and `revoked` get whole sets: every rebalance revokes all first.
    """

    positions: Callable[[set[TP]], Awaitable[Mapping[TP, int | None]]]
    out_of_range: Callable[[TP, int, int, int], Awaitable[int]]
    assigned: Callable[[set[TP]], Awaitable[None]]
    revoked: Callable[[set[TP]], Awaitable[None]]


@dataclass(frozen=True)
class Tuning:
    """How records are fetched and how many may wait.

    `fetch_min_bytes` and `fetch_max_wait_ms` trade latency (at most the wait) against fetches a second; unacked batches
    hold at most about `buffer_bytes` in all; without a turn of the fetch loop for `stall_s` the process is left.
    """

    fetch_min_bytes: int = 64 * 1024
    fetch_max_wait_ms: int = 10
    fetch_max_bytes: int = 8 * 1024 * 1024
    buffer_bytes: int = 64 * 1024 * 1024
    stall_s: float = 30.0


class Batch(ConsumerMessage):
    """What one fetch brought of one partition: `value` is a list of `Record`, never empty.

    It covers the log from `start` up to `next_offset`: offsets missing in between were compacted away or are
    transaction markers, for a position that the log no longer holds goes to `Seams.out_of_range` instead. The next
    batch starts at `next_offset`, which is also what an ack makes committable. `log_end` is for lag.
    """

    value: list[Record]  # type: ignore[assignment]  # the raw codec hands on what Faust takes for bytes

    def __init__(self, consumer: Consumer, tp: TP, value: Any, epoch: int, start: int, next_offset: int) -> None:
        super().__init__(*tp, value[-1].offset, value[-1].timestamp / 1000, 0, None, None, value, None, -1, -1, tp)
        self.consumer, self.epoch, self.start, self.next_offset, self.log_end = consumer, epoch, start, next_offset, 0
        self.weight = sum(len(record.value or b"") for record in value) + _RECORD_BYTES * len(value)

    @property
    def current(self) -> bool:
        """False once its partition was revoked, assigned again or sought: drop it, another worker may have it now."""
        return self.consumer.epochs.get(self.tp) == self.epoch


class _Daemon(WorkerThread):
    def __init__(self, service: ServiceThread, **kwargs: Any) -> None:
        super().__init__(service, **kwargs)
        self.daemon = True  # a consumer that does not stop must not keep the process alive


class _Thread(driver.AIOKafkaConsumerThread):
    """aiokafka in a thread of its own, so that heartbeats go on while the agents compute."""

    Worker = _Daemon

    def __post_init__(self) -> None:
        super().__post_init__()
        self._places: dict[TP, tuple[int, int]] = {}  # epoch, next offset

    def _create_worker_consumer(self, transport: driver.Transport) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        tuning = cast("App", self.app).tuning
        consumer._fetch_min_bytes = tuning.fetch_min_bytes
        consumer._fetch_max_wait_ms = tuning.fetch_max_wait_ms  # Faust says 1500
        consumer._fetch_max_bytes = tuning.fetch_max_bytes
        consumer._isolation_level = "read_committed"
        consumer._auto_offset_reset = "none"  # any other value jumps over lost records without a word
        return consumer

    async def call(self, coro: Coroutine[Any, Any, _T]) -> _T:
        """Run in this thread's loop. (Faust's own queue costs three tasks a call and serves two calls at a time.)"""
        try:
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coro, self.thread_loop))
        except asyncio.CancelledError:
            if cast("asyncio.Task[Any]", asyncio.current_task()).cancelling():
                raise
            raise ConsumerStoppedError from None  # not we were cancelled: the thread's end cancelled it

    async def poll(self, wanted: Collection[TP], wait_s: float) -> tuple[list[Batch], dict[TP, tuple[int, int]]]:
        """What was fetched of `wanted`, and (epoch, position) of those whose position the log does not hold."""
        consumer = self._ensure_consumer()
        consumer._coordinator.check_errors()  # Faust never asks, and waits for ever
        if consumer._closed or consumer._fetcher.error_future.done():
            raise ConsumerStoppedError
        fetched, lost = {}, {}
        with consumer._subscription.fetch_context():  # keeps us in the group, also while nothing is wanted
            try:
                async with asyncio.timeout(wait_s + 1):  # a rebalance holds up `fetched_records` without limit
                    if wanted:
                        most = consumer._max_poll_records
                        fetched = await consumer._fetcher.fetched_records(wanted, timeout=wait_s, max_records=most)
            except OffsetOutOfRangeError as error:
                lost = {TP(*tp): (self._places[tp][0], position) for tp, position in error.args[0].items()}
            except TimeoutError:
                pass
        return [self._batch(TP(*tp), records) for tp, records in fetched.items()], lost

    def _batch(self, tp: TP, fetched: list[ConsumerRecord[bytes, bytes]]) -> Batch:
        noun = _NOUNS.get(tp.topic, tp.topic)
        records = [Record(noun, tp.partition, r.offset, r.timestamp, r.key, r.value) for r in fetched]
        state = self._ensure_consumer()._subscription.subscription.assignment.state_value(tp)
        epoch, start = self._places.get(tp, (0, 0))
        self._places[tp] = epoch, state.position
        batch = Batch(cast("Consumer", self.consumer), tp, records, epoch, start, state.position)
        batch.log_end = state.highwater
        return batch

    async def place(self, targets: Mapping[TP, tuple[int, int | None]]) -> dict[TP, int]:
        """Seek to (epoch, offset or None for the log's start); gives the offsets of what is assigned just now."""
        consumer = self._ensure_consumer()
        unknown = [tp for tp, (_, offset) in targets.items() if offset is None]
        starts = await consumer.beginning_offsets(unknown) if unknown else {}
        placed = {}
        for tp, (epoch, stored) in targets.items():
            offset = starts[tp] if stored is None else stored
            with suppress(IllegalStateError):
                consumer.seek(tp, offset)
                self._places[tp] = epoch, offset
                placed[tp] = offset
        return placed

    async def bounds(self, tp: TP) -> tuple[int, int]:
        consumer = self._ensure_consumer()
        starts, ends = await consumer.beginning_offsets([tp]), await consumer.end_offsets([tp])
        return starts[tp], ends[tp]

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Offsets in Kafka only show the lag: no failure to write them may end the process, as Faust has it."""
        consumer = self._ensure_consumer()
        mine = {TopicPartition(*tp): offset for tp, offset in offsets.items() if tp in consumer.assignment()}
        try:
            async with asyncio.timeout(5):
                await consumer.commit(mine)
        except (KafkaError, TimeoutError) as error:
            log.warning("offsets were not committed (only lag displays read them): %s", error)
            return False
        return True


class Consumer(driver.Consumer):
    """Delivers batches, keeps count of what is not acked, and starts each partition where `Seams.positions` says."""

    _thread: _Thread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.epochs: dict[TP, int] = {}
        self._epoch = 0
        self._placed: set[TP] = set()
        self._waiting: dict[TP, deque[Batch]] = {}
        self._held: dict[TP, int] = {}  # weight of what waits
        self._committable: dict[TP, int] = {}
        self._changed = asyncio.Event()
        self._turned_at = monotonic()
        super().__init__(*args, **kwargs)
        self._app = cast("App", self.app)

    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    # -- where partitions start

    def _forget(self, tps: Iterable[TP]) -> None:
        for tp in tps:
            self._placed.discard(tp)
            for table in (self.epochs, self._waiting, self._held, self._committable, self._committed_offset):
                table.pop(tp, None)

    def _renew(self, tps: Iterable[TP]) -> None:
        self._forget(tps)
        for tp in tps:
            self._epoch += 1
            self.epochs[tp], self._waiting[tp], self._held[tp] = self._epoch, deque(), 0

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        await self._give_up(revoked)
        self._forget(revoked)
        await super().on_partitions_revoked(revoked)

    async def on_stop(self) -> None:
        await self._give_up(set(self.epochs))
        await super().on_stop()  # commits what is acked

    async def _give_up(self, tps: set[TP]) -> None:
        self._placed -= tps
        try:
            if tps:
                await self._app.seams.revoked(tps)
        except Exception as error:  # noqa: BLE001  # aiokafka would log it and go on
            await self.crash(error)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Faust calls this once it has set up an assignment; the seeking goes on when it has returned.

        (Faust waits for it `broker_request_timeout`, and then delivers from wherever aiokafka stands.)
        """
        tps = self.assignment()
        self._renew(tps)
        await self._app.seams.assigned(set(tps))
        self.add_future(self._start(dict(self.epochs)))
        return {}

    async def _start(self, epochs: Mapping[TP, int]) -> None:
        stored = await self._app.seams.positions(set(epochs))
        await self._place({tp: stored.get(tp) for tp, epoch in epochs.items() if self.epochs.get(tp) == epoch})

    async def _place(self, targets: Mapping[TP, int | None]) -> None:
        epochs = {tp: self.epochs[tp] for tp in targets}
        asked = {tp: (epochs[tp], offset) for tp, offset in targets.items()}
        for tp, offset in (await self._thread.call(self._thread.place(asked))).items():
            if self.epochs.get(tp) == epochs[tp]:
                self._placed.add(tp)
                if not self._waiting[tp]:
                    self._committable[tp] = offset
        self._changed.set()

    async def _find(self, tp: TP, epoch: int, position: int) -> None:
        start, end = await self._thread.call(self._thread.bounds(tp))
        if not start <= position <= end:
            position = await self._app.seams.out_of_range(tp, position, start, end)
        if self.epochs.get(tp) == epoch:
            await self._place({tp: position})

    async def seek(self, partition: TP, offset: int) -> None:
        """Drop everything buffered of `partition` (its batches are no longer current) and deliver from `offset`."""
        if partition in self.epochs:
            self._renew([partition])
            await self._place({partition: offset})

    # -- delivery

    async def _drain_messages(self, fetcher: ServiceT) -> None:
        while not (self.should_stop or fetcher.should_stop):
            if self.flow_active:
                self._turned_at = monotonic()
            self._changed.clear()
            room = self._app.tuning.buffer_bytes / max(1, len(self.epochs))
            wanted = {tp for tp in self._placed if self._held[tp] < room} if self.flow_active else set()
            # What is not wanted now may be so at any moment, and a poll that waits for others does not learn of it.
            wait_s = 1.0 if len(wanted) == len(self.epochs) else 0.05
            batches, lost = await self._thread.call(self._thread.poll(wanted, wait_s))
            for batch in batches:
                await self._deliver(batch)
            for tp, (epoch, position) in lost.items():
                if self.epochs.get(tp) == epoch:
                    self._placed.discard(tp)
                    self.add_future(self._find(tp, epoch, position))
            if not wanted:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), 1)

    async def _deliver(self, batch: Batch) -> None:
        if batch.current and batch.tp in self._placed and self._app.flow_control.is_active():
            batch.generation_id = self._app.consumer_generation_id
            self._waiting[batch.tp].append(batch)
            self._held[batch.tp] += batch.weight
            self._app.monitor.track_tp_end_offset(batch.tp, batch.log_end)
            await self.callback(batch)

    def ack(self, message: Message) -> bool:
        """Make the longest acked prefix of the partition's batches committable."""
        batch = cast("Batch", message)
        if batch.acked:
            return False
        batch.acked = True
        if not batch.current:
            return False
        waiting = self._waiting[batch.tp]
        self._held[batch.tp] -= batch.weight
        while waiting and waiting[0].acked:
            self._committable[batch.tp] = waiting.popleft().next_offset
        self._changed.set()
        return True

    def _filter_tps_with_pending_acks(self, topics: TPorTopicSet | None = None) -> Iterator[TP]:
        return (tp for tp in self._committable if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        return self._committable[tp]

    # -- health

    async def verify_all_partitions_active(self) -> None:
        """Faust's own check compares two different clocks, and fails in the middle of a rebalance."""

    @Service.task
    async def _watch(self) -> None:
        limit_s = self._app.tuning.stall_s
        async for _ in self.itertimer(1.0, name="watch"):
            if monotonic() - self._turned_at > limit_s:
                self._app.hurry(1)  # mode's own way out fails when the consumer's thread is dead
                await self.crash(Stalled(f"no fetch for {limit_s:.0f} s: leaving the process, to be restarted"))


class Transport(driver.Transport):
    """Faust's aiokafka transport with this module's consumer."""

    Consumer = Consumer
