"""The records of a span of time, from a real broker and from the embedded one, which knows no times."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from stream.cluster import BrokerAway, Cluster
from stream.producer import Producer
from stream.settings import Settings
from stream.span import within
from stream.topics import TOPICS
from tests.backends import KafkaServer, MockBroker

NAME, PARTITIONS = TOPICS["decisions"].name, 3
BEGAN = int(time.time() * 1000) - 3_600_000  # a real broker deletes what is older than its retention


@pytest.fixture(params=["embedded", "kafka"])
def broker(request: pytest.FixtureRequest) -> Iterator[Settings]:
    """A broker that holds ten records, a second apart, in two of its three partitions."""
    if request.param == "embedded":
        with MockBroker({NAME: PARTITIONS}) as mock:
            yield told(Settings(broker_url=mock.url, embedded_broker=True))
    else:
        kafka: KafkaServer = request.getfixturevalue("empty_kafka")
        settings = Settings(broker_url=kafka.url, partitions=PARTITIONS)
        Cluster(settings).partitions()
        yield told(settings)


def told(settings: Settings) -> Settings:
    asyncio.run(send(settings))
    return settings


async def send(settings: Settings) -> None:
    producer = Producer(settings.broker_url)
    try:
        for n in range(10):
            await producer.send(NAME, n % 2, b"k", f"{n}".encode(), timestamp=BEGAN + n * 1_000)
    finally:
        await asyncio.to_thread(producer.close)


def values(settings: Settings, *span: int) -> list[str]:
    return sorted(
        record.value.decode() for batch in within(settings, "decisions", *span) for record in batch if record.value
    )


def test_all_of_it_without_a_span(broker: Settings) -> None:
    assert values(broker) == [f"{n}" for n in range(10)]


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [(0, 3_000, "012"), (3_000, 5_001, "345"), (8_500, 99_000, "9"), (20_000, 30_000, ""), (4_000, 4_000, "")],
)
def test_what_lies_within(broker: Settings, since: int, until: int, expected: str) -> None:
    assert values(broker, BEGAN + since, BEGAN + until) == list(expected)


def test_a_broker_that_is_away_is_said() -> None:
    with pytest.raises(BrokerAway, match="decisions"):
        list(within(Settings(broker_url="127.0.0.1:1"), "decisions", asked_s=0.3))
