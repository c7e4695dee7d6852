"""A follower against a broker: from the first record to the end, then each new one, whatever happens to the broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from stream.fold import Record
from stream.follower import Follower
from stream.topics import TOPICS
from tests.backends import KafkaServer, MockBroker

TOPIC = TOPICS["catalog"].name
PARTITIONS = 2


class Kept:
    """A sink that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.values: list[bytes | None] = []
        self.readings = 0

    def restart(self) -> None:
        self.readings += 1
        self.told.append("restart")
        self.values.clear()

    def apply(self, records: Sequence[Record]) -> None:
        self.told.append("apply")
        self.values += [record.value for record in records]

    def caught_up(self) -> None:
        self.told.append("caught up")


@pytest.fixture
def broker() -> Iterator[MockBroker]:
    with MockBroker({TOPIC: PARTITIONS, TOPICS["events"].name: 3}) as running:
        yield running


@pytest.fixture
def produce(broker: MockBroker) -> Callable[..., None]:
    producer = Producer({"bootstrap.servers": broker.url, "linger.ms": 0})

    def send(*values: bytes) -> None:
        for n, value in enumerate(values):
            producer.produce(TOPIC, value, b"key", n % PARTITIONS)
        assert producer.flush(10) == 0

    return send


@asynccontextmanager
async def following(broker: MockBroker, sink: Kept) -> AsyncIterator[Follower]:
    follower = Follower(broker.url, "catalog", sink)
    follower.start()
    try:
        yield follower
    finally:
        await follower.stop()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(40):
        while not true():
            await asyncio.sleep(0.005)


async def test_everything_is_read_before_it_has_caught_up(broker: MockBroker, produce: Callable[..., None]) -> None:
    produce(*[b"%d" % n for n in range(700)])
    sink = Kept()
    async with following(broker, sink) as follower:
        await until(lambda: "caught up" in sink.told)
        assert sorted(map(int, filter(None, sink.values))) == list(range(700))
        assert sink.told[0] == "restart"
        assert sink.told.count("caught up") == 1
        assert follower.partitions["catalog"] == PARTITIONS
        assert follower.partitions["events"] == 3


async def test_an_empty_topic_is_caught_up_with_at_once(broker: MockBroker) -> None:
    sink = Kept()
    async with following(broker, sink):
        await until(lambda: sink.told == ["restart", "caught up"])


async def test_a_new_record_is_seen_soon(broker: MockBroker, produce: Callable[..., None]) -> None:
    sink = Kept()
    async with following(broker, sink):
        await until(lambda: "caught up" in sink.told)
        produce(b"new")
        began = asyncio.get_running_loop().time()
        await until(lambda: sink.values == [b"new"])
        assert asyncio.get_running_loop().time() - began < 1


async def test_a_broker_that_comes_back_is_followed_on_without_reading_anew(
    broker: MockBroker, produce: Callable[..., None]
) -> None:
    produce(b"before")
    sink = Kept()
    async with following(broker, sink) as follower:
        await until(lambda: "caught up" in sink.told and follower.live)
        broker.down()
        await until(lambda: not follower.live)
        broker.up()
        await until(lambda: follower.live)
        produce(b"after")
        await until(lambda: sink.values == [b"before", b"after"])
        assert sink.readings == 1


async def test_stopping_does_not_wait_for_a_broker_that_is_away(broker: MockBroker) -> None:
    sink = Kept()
    async with asyncio.timeout(10):
        async with following(broker, sink):
            await until(lambda: "caught up" in sink.told)
            broker.down()


async def test_a_broker_that_was_never_there_is_waited_for() -> None:
    sink = Kept()
    follower = Follower("127.0.0.1:9", "catalog", sink)
    follower.start()
    await asyncio.sleep(0.05)
    assert not follower.live
    assert sink.told == []
    await follower.stop()


async def test_a_topic_that_was_made_anew_is_read_anew(empty_kafka: KafkaServer) -> None:
    admin, producer = (
        AdminClient({"bootstrap.servers": empty_kafka.url}),
        Producer({"bootstrap.servers": empty_kafka.url}),
    )

    def make(*values: bytes) -> None:
        admin.create_topics([NewTopic(TOPIC, PARTITIONS)])[TOPIC].result(20)
        for value in values:
            producer.produce(TOPIC, value, b"key", 0)
        assert producer.flush(20) == 0

    await asyncio.to_thread(make, b"old 1", b"old 2", b"old 3")
    sink = Kept()
    follower = Follower(empty_kafka.url, "catalog", sink, wait_ms=100)
    follower.start()
    await until(lambda: len(sink.values) == 3 and "caught up" in sink.told)
    await asyncio.to_thread(lambda: admin.delete_topics([TOPIC])[TOPIC].result(20))
    await until(lambda: TOPIC not in admin.list_topics(timeout=10).topics)
    await asyncio.to_thread(make, b"new")
    await until(lambda: sink.values == [b"new"] and sink.readings > 1)
    await follower.stop()
