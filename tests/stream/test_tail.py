"""The newest records of a topic, read once."""

from __future__ import annotations

import asyncio

import pytest

from stream.cluster import BrokerAway
from stream.producer import Producer
from stream.tail import newest
from stream.topics import TOPICS
from tests.backends import MockBroker

NAME = TOPICS["audit"].name


async def send(broker: MockBroker, count: int) -> None:
    producer = Producer(broker.url)
    try:
        for n in range(count):
            await producer.send(NAME, n % 2, b"k", f"{n}".encode(), timestamp=1_000 + n)
    finally:
        await asyncio.to_thread(producer.close)


async def test_the_last_ones_of_each_partition_newest_first() -> None:
    with MockBroker({NAME: 2}) as broker:
        await send(broker, 9)
        found = await asyncio.to_thread(newest, broker.url, "audit", 3)
        assert [record.value for record in found] == [b"8", b"7", b"6", b"5", b"4", b"3"]
        assert [record.timestamp for record in found][:2] == [1_008, 1_007]


async def test_fewer_than_asked_for_are_all_and_none_is_none() -> None:
    with MockBroker({NAME: 4}) as broker:
        assert await asyncio.to_thread(newest, broker.url, "audit", 20) == []
        await send(broker, 3)
        assert len(await asyncio.to_thread(newest, broker.url, "audit", 20)) == 3


async def test_a_broker_that_does_not_answer_is_said() -> None:
    with pytest.raises(BrokerAway):
        await asyncio.to_thread(newest, "127.0.0.1:1", "audit", 20, timeout_s=0.5)


async def test_a_topic_that_is_not_there_has_no_records() -> None:
    with MockBroker({"another": 1}) as broker:
        assert await asyncio.to_thread(newest, broker.url, "events", 20) == []
