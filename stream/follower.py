"""A follower reads a whole topic into memory and stays with it: from the first record to the end, then each new one.

It belongs to no consumer group, so every process has its own whole copy. librdkafka reads in a thread and reconnects
by itself; records reach the sink in the event loop. A log that no longer has what comes next (deleted and made anew) is
read again from its beginning.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from stream.fold import Record
from stream.messages import NO_ERROR, PARTITION_END, error_code, reader, record_of
from stream.topics import TOPICS

AWAY_AFTER_S = 2.5
_ASK_EVERY_S = 1.0
_READ_AT_ONCE = 100

log = structlog.get_logger()


class Sink(Protocol):
    """Where a follower's records go; all calls come from the event loop."""

    def restart(self) -> None:
        """A reading from the log's beginning starts: what follows replaces what is known."""

    def apply(self, records: Sequence[Record]) -> None:
        """Some records of one or more partitions, each partition's in order."""

    def caught_up(self) -> None:
        """Everything that lay in the log when the reading started has been applied."""


class Follower:
    """Follows `topic` (a noun) at `broker_url` into `sink`; `wait_ms` is how long a fetch waits for more.

    Attributes
    ----------
    partitions: how many partitions each of our topics has, by noun, as last seen.
    """

    def __init__(self, broker_url: str, topic: str, sink: Sink, *, wait_ms: int = 10) -> None:
        self.topic = topic
        self.partitions: dict[str, int] = {}
        self._sink = sink
        self._broker_url, self._wait_ms = broker_url, wait_ms
        self._heard_at = 0.0
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def live(self) -> bool:
        """Whether the broker answered a moment ago."""
        return time.monotonic() - self._heard_at < AWAY_AFTER_S

    def start(self) -> None:
        """Begin to follow; called in the event loop that the sink lives in."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._follow, name=f"follow-{self.topic}", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, 5)

    def _consumer(self) -> Consumer:
        """One that is soon back after a broker's return, and holds little of a long topic."""
        return reader(
            self._broker_url,
            wait_ms=self._wait_ms,
            auto_offset_reset="error",
            allow_auto_create_topics=False,
            queued_max_messages_kbytes=8_192,
            reconnect_backoff_ms=50,
            reconnect_backoff_max_ms=1_000,
            socket_timeout_ms=3_000,
        )

    def _follow(self) -> None:
        while not self._stopping.is_set():
            consumer = self._consumer()
            try:
                self._read(consumer)
            except (KafkaException, _StartOver) as error:
                log.warning("follower_starts_over", topic=self.topic, reason=str(error))
            finally:
                consumer.close()
            self._stopping.wait(0.5)

    def _read(self, consumer: Consumer) -> None:
        count = self._found(consumer)
        if not count:
            return
        name = TOPICS[self.topic].name
        consumer.assign([TopicPartition(name, partition, OFFSET_BEGINNING) for partition in range(count)])
        self._call(self._sink.restart)
        waiting, ask_at = set(range(count)), 0.0
        while not self._stopping.is_set():
            records, ends = self._poll(consumer)
            if records:
                self._call(self._sink.apply, records)
            if waiting and not (waiting := waiting - ends):
                self._call(self._sink.caught_up)
            if time.monotonic() >= ask_at:
                ask_at = time.monotonic() + _ASK_EVERY_S
                self._ask(consumer, count)

    def _found(self, consumer: Consumer) -> int:
        """Partitions of the topic, 0 while there is none (workers create topics) or no broker answers."""
        try:
            topics = consumer.list_topics(timeout=2).topics
        except KafkaException:
            return 0
        self.partitions = {
            noun: len(topics[topic.name].partitions) for noun, topic in TOPICS.items() if topic.name in topics
        }
        self._heard_at = time.monotonic()
        return self.partitions.get(self.topic, 0)

    def _poll(self, consumer: Consumer) -> tuple[list[Record], set[int]]:
        """New records, and the partitions whose end was reached."""
        first = consumer.poll(0.2)
        if first is None:
            return [], set()
        records: list[Record] = []
        ends: set[int] = set()
        for message in (first, *consumer.consume(_READ_AT_ONCE, 0)):
            code = error_code(message)
            if code == NO_ERROR:
                records.append(record_of(self.topic, message))
            elif code == PARTITION_END:
                ends.add(message.partition() or 0)
            elif code in _LOST:
                raise _StartOver(str(message.error()))
        return records, ends

    def _ask(self, consumer: Consumer, count: int) -> None:
        """Hear whether the broker is there, and which topics it has."""
        if len(self.partitions) < len(TOPICS):
            self._found(consumer)
        place = TopicPartition(TOPICS[self.topic].name, int(time.monotonic()) % count)
        try:
            consumer.get_watermark_offsets(place, timeout=1.0)
        except KafkaException:
            return
        self._heard_at = time.monotonic()

    def _call(self, function: Callable[..., Any], *args: Any) -> None:
        """Run in the event loop, and wait: a slow sink slows the reading, not the memory."""
        done = threading.Event()

        def run() -> None:
            try:
                function(*args)
            finally:
                done.set()

        assert self._loop is not None  # `start` sets it
        try:
            self._loop.call_soon_threadsafe(run)
        except RuntimeError:
            return  # the loop has ended
        while not done.wait(0.5):
            if self._stopping.is_set():
                return


class _StartOver(Exception):
    """The log does not have what comes next."""


_LOST = frozenset(
    {
        KafkaError._AUTO_OFFSET_RESET,  # noqa: SLF001  # its public name
        KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
        KafkaError.OFFSET_OUT_OF_RANGE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
    }
)
