"""The embedded broker does what liveshelf needs of a Kafka, and what its DESIGN.md says of its limits is so."""

import socket
from collections.abc import AsyncIterator, Iterator

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from confluent_kafka import Consumer, Producer
from confluent_kafka import TopicPartition as Partition

from stream.embedded import broker as embedded
from stream.embedded.broker import PARTITION_BYTES, BrokerBroken, EmbeddedBroker

TOPIC = "liveshelf.events.v1"
QUIET: dict[str, str | int | float | bool] = {"log.connection.close": False}


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker({TOPIC: 4}) as started:
        yield started


@pytest.fixture
async def producer(broker: EmbeddedBroker) -> AsyncIterator[AIOKafkaProducer]:
    async with AIOKafkaProducer(bootstrap_servers=broker.url, enable_idempotence=True) as started:
        yield started


def consumer(broker: EmbeddedBroker, group: str) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        TOPIC, bootstrap_servers=broker.url, group_id=group, auto_offset_reset="earliest", fetch_max_wait_ms=10
    )


def watermarks(broker: EmbeddedBroker, partition: int = 0) -> tuple[int, int]:
    reader = Consumer({"bootstrap.servers": broker.url, "group.id": "watermarks", **QUIET})
    try:
        low, high = reader.get_watermark_offsets(Partition(TOPIC, partition), timeout=10)
    finally:
        reader.close()
    return low, high


def fill(broker: EmbeddedBroker, values: list[bytes], *, batch: int) -> None:
    """Produce to partition 0 in record batches of `batch` values each."""
    conf = {
        "bootstrap.servers": broker.url,
        "linger.ms": 1000,
        "batch.num.messages": batch,
        "log.connection.close": False,
    }
    writer = Producer(conf)
    for value in values:
        writer.produce(TOPIC, value, partition=0)
    assert writer.flush(20) == 0


async def test_declared_and_undeclared_topics(broker: EmbeddedBroker, producer: AIOKafkaProducer) -> None:
    broker.create_topic("seven", 7)
    broker.create_topic("seven", 3)  # exists: stays as it is
    assert len(await producer.partitions_for("seven")) == 7
    assert len(await producer.partitions_for("nobody.declared.it")) == 4


async def test_a_new_group_reads_at_once_and_commits(broker: EmbeddedBroker, producer: AIOKafkaProducer) -> None:
    sent = await producer.send_and_wait(TOPIC, b"value", key=b"key", partition=2)
    async with consumer(broker, "one") as reader:
        record = await reader.getone()
        assert (record.key, record.value, record.partition, record.offset) == (b"key", b"value", 2, sent.offset)
        await reader.commit()
        assert await reader.committed(TopicPartition(TOPIC, 2)) == 1


async def test_seek_and_end_offsets(broker: EmbeddedBroker, producer: AIOKafkaProducer) -> None:
    for value in (b"0", b"1", b"2"):
        await producer.send_and_wait(TOPIC, value, partition=0)
    async with consumer(broker, "one") as reader:
        at = TopicPartition(TOPIC, 0)
        assert await reader.end_offsets([at]) == {at: 3}
        reader.seek(at, 1)
        assert (await reader.getone(at)).value == b"1"


def test_it_listens_on_loopback_only(broker: EmbeddedBroker) -> None:
    host, port = broker.url.split(":")
    assert host == "127.0.0.1"
    with socket.create_connection((host, int(port)), timeout=5):
        pass


def test_beyond_its_memory_the_oldest_batches_go_whole(broker: EmbeddedBroker) -> None:
    batch, size = 10, 20_000
    fitting = PARTITION_BYTES // (batch * size)
    fill(broker, [bytes(size)] * batch * fitting, batch=batch)
    low, high = watermarks(broker)
    assert low <= batch
    fill(broker, [bytes(size)] * batch * 4, batch=batch)
    assert watermarks(broker) == (low + 4 * batch, high + 4 * batch)


def test_each_partition_has_its_own_memory(broker: EmbeddedBroker) -> None:
    fill(broker, [bytes(500_000)] * 15, batch=1)
    assert watermarks(broker, 0)[0] > 0
    assert watermarks(broker, 1) == (0, 0)


def test_stopped_and_started_it_is_empty(broker: EmbeddedBroker) -> None:
    fill(broker, [b"value"], batch=1)
    broker.stop()
    broker.stop()
    with pytest.raises(BrokerBroken, match="not running"):
        _ = broker.url
    broker.start()
    assert watermarks(broker) == (0, 0)


def test_a_refused_topic(broker: EmbeddedBroker) -> None:
    with pytest.raises(BrokerBroken, match="nothing with 0 partitions"):
        broker.create_topic("nothing", 0)


def test_a_library_without_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(embedded._SIGNATURES, "rd_kafka_gone", (None, ()))
    with pytest.raises(BrokerBroken, match=r"rd_kafka_gone.*make install.*--broker"):
        EmbeddedBroker()
