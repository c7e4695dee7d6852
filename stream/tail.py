"""The newest records of a topic, read once, for people: no group, no position, nothing kept."""

from __future__ import annotations

import time

from confluent_kafka import Consumer, KafkaException, TopicPartition

from stream.cluster import BrokerAway
from stream.fold import Record
from stream.messages import NO_ERROR, PARTITION_END, error_code, reader, record_of
from stream.topics import TOPICS

_FROM_END = -2_000  # librdkafka's RD_KAFKA_OFFSET_TAIL_BASE: n before the end is this minus n


def newest(broker_url: str, noun: str, count: int, *, timeout_s: float = 3.0) -> list[Record]:
    """The last `count` records of each partition, the newest first by timestamp; blocks, raises `BrokerAway`."""
    consumer = reader(broker_url, wait_ms=10)
    try:
        # asked first, because an offset that is looked up before the leader is known is tried again only after 0.5 s
        partitions = consumer.list_topics(TOPICS[noun].name, timeout=timeout_s).topics[TOPICS[noun].name].partitions
        consumer.assign([TopicPartition(TOPICS[noun].name, partition, _FROM_END - count) for partition in partitions])
        found = _read(consumer, noun, len(partitions), time.monotonic() + timeout_s)
    except KafkaException as error:
        raise BrokerAway(f"{TOPICS[noun].name} cannot be read: {error}") from None
    finally:
        consumer.close()
    return sorted(found, key=lambda record: (record.timestamp, record.offset), reverse=True)


def _read(consumer: Consumer, noun: str, partitions: int, deadline: float) -> list[Record]:
    """Everything up to the end of each partition as it is now."""
    records: list[Record] = []
    ended: set[int] = set()
    while len(ended) < partitions:
        first = consumer.poll(max(0.0, deadline - time.monotonic()))
        if first is None:
            raise BrokerAway(f"{TOPICS[noun].name} gives no answer in time")
        for message in (first, *consumer.consume(500, 0)):
            code = error_code(message)
            if code == NO_ERROR:
                records.append(record_of(noun, message))
            elif code == PARTITION_END:
                ended.add(message.partition() or 0)
            else:
                raise BrokerAway(f"{TOPICS[noun].name} cannot be read: {message.error()}")
    return records
