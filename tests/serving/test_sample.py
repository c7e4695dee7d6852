"""The newest events, read from a broker as the route reads them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import pytest

from serving import sample
from serving.sample import Sampler
from stream.cluster import Cluster
from stream.producer import Producer
from stream.settings import Settings
from stream.state.keys import Tag
from stream.topics import TOPICS
from tests.backends import MockBroker

NAME = TOPICS["events"].name
NOW = 1_790_000_000_000


@pytest.fixture
def broker() -> Iterator[MockBroker]:
    with MockBroker({NAME: 3}) as running:
        yield running


async def produced(broker: MockBroker, partition: int, *timestamps: int) -> None:
    producer = Producer(broker.url)
    try:
        for number, timestamp in enumerate(timestamps):
            await producer.send(NAME, partition, b"v", str(number).encode(), timestamp=timestamp)
    finally:
        await asyncio.to_thread(producer.close)


def sampler(broker: MockBroker) -> Sampler:
    cluster = Cluster(Settings(broker_url=broker.url, embedded_broker=True, run_id="run"))

    async def ends(tags: Sequence[Tag]) -> list[int]:
        found = await asyncio.to_thread(cluster.offsets, [(tag.topic, tag.partition) for tag in tags])
        return [found[tag.topic, tag.partition].end for tag in tags]

    return Sampler(ends, cluster.read, lambda: 3, clock=lambda: NOW)


async def test_the_last_ones_of_each_partition(broker: MockBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "MOST_A_PARTITION", 4)
    await produced(broker, 0, *[NOW] * 9)
    await produced(broker, 2, NOW, NOW)
    found = await sampler(broker).sample()
    assert [[record.value for record in part.records] for part in found.parts] == [
        [b"5", b"6", b"7", b"8"], [], [b"0", b"1"],
    ]  # fmt: skip
    assert [part.whole for part in found.parts] == [False, True, True]


async def test_what_is_older_than_a_day_is_left_out(broker: MockBroker) -> None:
    await produced(broker, 1, NOW - sample.OLDEST_MS - 1, NOW - sample.OLDEST_MS, NOW)
    part = (await sampler(broker).sample()).parts[1]
    assert [record.value for record in part.records] == [b"1", b"2"]
    assert not part.whole
