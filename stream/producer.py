"""The one producer: librdkafka, idempotent, with acknowledgements as awaitables.

Partitions are always given (they are Kafka's own murmur2 of the key, see `stream.topics`), so librdkafka's different
default partitioner never decides.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message
from confluent_kafka import Producer as _Producer

from stream.backpressure import Backpressure, Full
from stream.fold import Outbound
from stream.settings import Settings
from stream.state.keys import Keys, Tag
from stream.state.redis import RedisStore
from stream.topics import TOPICS

LARGEST_RECORD_BYTES = 2 * 1024 * 1024
RECONNECT_MS = 500  # librdkafka's 10 s would be how long a broker that is back goes unnoticed
_NOUNS = {topic.name: topic.noun for topic in TOPICS.values()}


class NotAcknowledged(Exception):
    """The broker did not take the record, or nobody knows whether it did."""


class Producer:
    """Sends bytes to (topic name, partition) and awaits the offset that the broker gave them.

    `timeout_s` bounds how long a record may wait for its acknowledgement; `backpressure` keeps within the embedded
    broker's memory.
    """

    @classmethod
    def of(cls, settings: Settings, *, linger_ms: float = 2) -> Producer:
        """The producer for these settings."""
        if not settings.embedded_broker:
            return cls(settings.broker_url, linger_ms=linger_ms)
        store = RedisStore(settings.redis_url, Keys(settings.key_prefix))
        return cls(settings.broker_url, linger_ms=linger_ms, backpressure=Backpressure(store.position))

    def __init__(
        self,
        broker_url: str,
        *,
        linger_ms: float = 2,
        timeout_s: float = 10,
        buffered: int = 100_000,
        backpressure: Backpressure | None = None,
    ) -> None:
        self._backpressure = backpressure
        self._producer = _Producer(
            {
                "bootstrap.servers": broker_url,
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "linger.ms": linger_ms,
                "message.timeout.ms": int(timeout_s * 1000),
                "queue.buffering.max.messages": buffered,
                "compression.type": "lz4",
                "message.max.bytes": LARGEST_RECORD_BYTES,
                "log.connection.close": False,
                "reconnect.backoff.ms": 50,
                "reconnect.backoff.max.ms": RECONNECT_MS,
            },
            logger=Quiet(),
        )
        self.dropped = 0
        self._open = True
        self._thread = threading.Thread(target=self._serve, name="producer-acks", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while self._open:
            self._producer.poll(0.1)

    def send(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        *,
        timestamp: int = 0,
    ) -> asyncio.Future[int]:
        """Hand over a record; the awaitable gives its offset once the broker has acknowledged it.

        Raises `Full` at once when the buffer has no room; the awaitable raises `NotAcknowledged`.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[int] = loop.create_future()
        tag, size = Tag(_NOUNS[topic], partition), len(value or b"") + len(key or b"")
        if self._backpressure is not None:
            self._backpressure.admit(tag, size)

        def settle(error: KafkaError | None, offset: int | None) -> None:
            if self._backpressure is not None:
                self._backpressure.settled(tag, size, None if error else offset)
            _settle(done, error, offset)

        def acknowledged(error: KafkaError | None, message: Message) -> None:
            with suppress(RuntimeError):  # the loop has ended: nobody waits any more
                loop.call_soon_threadsafe(settle, error, message.offset())

        try:
            self._producer.produce(topic, value, key, partition, on_delivery=acknowledged, timestamp=timestamp)
        except BufferError:
            self._not_sent(tag, size)
            raise Full("too many records wait for the broker") from None
        except KafkaException as error:
            self._not_sent(tag, size)
            raise NotAcknowledged(str(error)) from None
        return done

    def _not_sent(self, tag: Tag, size: int) -> None:
        if self._backpressure is not None:
            self._backpressure.settled(tag, size, None)

    async def send_all(self, records: Sequence[Outbound]) -> None:
        """Send all and await all acknowledgements."""
        await asyncio.gather(*[self.send(TOPICS[to.topic].name, to.partition, to.key, to.value) for to in records])

    def offer(self, topic: str, partition: int, key: bytes | None, value: bytes) -> bool:
        """Hand over a record that may be lost: never waits, counts what found no room.

        Within back-pressure, or the embedded broker would forget what its agent has not read.
        """
        if self._backpressure is not None:
            return self._offer_within(topic, partition, key, value)
        try:
            self._producer.produce(topic, value, key, partition, on_delivery=self._offered)
        except (BufferError, KafkaException):
            self.dropped += 1
            return False
        return True

    def _offer_within(self, topic: str, partition: int, key: bytes | None, value: bytes) -> bool:
        try:
            self.send(topic, partition, key, value).add_done_callback(self._offer_settled)
        except (Full, NotAcknowledged):
            self.dropped += 1
            return False
        return True

    def _offer_settled(self, done: asyncio.Future[int]) -> None:
        if done.cancelled() or done.exception() is not None:
            self.dropped += 1

    def _offered(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self.dropped += 1

    def close(self, timeout_s: float = 5) -> int:
        """Send what waits, at most `timeout_s` long, and end the thread; how many records were not sent."""
        left = self._producer.flush(timeout_s)
        self._open = False
        self._thread.join(1)
        return left


def _settle(done: asyncio.Future[int], error: KafkaError | None, offset: int | None) -> None:
    if done.done():
        return
    if error is not None:
        done.set_exception(NotAcknowledged(f"the broker did not acknowledge the record: {error.str()}"))
    else:
        done.set_result(offset if offset is not None else -1)


class Quiet:
    """librdkafka repeats itself once a second while a broker is away; callers report that in their own words."""

    def log(self, *_: Any) -> None: ...

    debug = info = warning = error = critical = exception = log
