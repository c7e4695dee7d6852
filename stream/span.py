"""The records of a topic within a span of time, from all its partitions at once; nothing joins a group or is kept."""

from __future__ import annotations

from collections.abc import Iterator

from confluent_kafka import Consumer, KafkaException, TopicPartition

from stream.cluster import BrokerAway
from stream.fold import Record
from stream.messages import NO_ERROR, PARTITION_END, error_code, reader, record_of
from stream.settings import Settings
from stream.topics import TOPICS

ASKED_S = 5.0
PATIENCE_S = 10.0
FOR_EVER = 1 << 62


def within(
    settings: Settings, noun: str, since_ms: int = 0, until_ms: int = FOR_EVER, *, asked_s: float = ASKED_S
) -> Iterator[list[Record]]:
    """Records with a timestamp in [since, until) as far as the logs go now, in batches; raises `BrokerAway`.

    Order holds within a partition only. A log is read from the first record that is not older than `since_ms` to the
    first that is not older than `until_ms` (ms), so a record whose clock was far off may be missed.
    """
    consumer = reader(settings.broker_url, wait_ms=10)
    try:
        spans = _spans(consumer, noun, since_ms, until_ms, asked_s, timed=not settings.embedded_broker)
        for batch in _read(consumer, noun, spans):
            if found := [record for record in batch if since_ms <= record.timestamp < until_ms]:
                yield found
    except KafkaException as error:
        raise BrokerAway(f"{TOPICS[noun].name} cannot be read: {error}") from None
    finally:
        consumer.close()


def _spans(
    consumer: Consumer, noun: str, since_ms: int, until_ms: int, asked_s: float, *, timed: bool
) -> dict[int, tuple[int, int]]:
    """Where each partition is read from, and up to where; the embedded broker knows no times (`timed` false)."""
    name = TOPICS[noun].name
    topics = consumer.list_topics(name, timeout=asked_s).topics
    places = [TopicPartition(name, partition) for partition in (topics[name].partitions if name in topics else ())]
    logs = {place.partition: consumer.get_watermark_offsets(place, timeout=ASKED_S) for place in places}
    firsts = {partition: first for partition, (first, _) in logs.items()}
    ends = {partition: end for partition, (_, end) in logs.items()}
    if timed and since_ms > 0:
        firsts = _at(consumer, name, ends, since_ms)
    if timed and until_ms < FOR_EVER:
        ends = _at(consumer, name, ends, until_ms)
    return {partition: (first, ends[partition]) for partition, first in firsts.items() if first < ends[partition]}


def _at(consumer: Consumer, name: str, ends: dict[int, int], at_ms: int) -> dict[int, int]:
    """The first offset of each partition that is not older than `at_ms`; its end where there is none."""
    if not ends:
        return {}
    found = consumer.offsets_for_times([TopicPartition(name, partition, at_ms) for partition in ends], timeout=ASKED_S)
    return {one.partition: one.offset if one.offset >= 0 else ends[one.partition] for one in found}


def _read(consumer: Consumer, noun: str, spans: dict[int, tuple[int, int]]) -> Iterator[list[Record]]:
    name, waiting = TOPICS[noun].name, {partition: end for partition, (_, end) in spans.items()}
    consumer.assign([TopicPartition(name, partition, first) for partition, (first, _) in spans.items()])
    while waiting:
        first = consumer.poll(PATIENCE_S)
        if first is None:
            raise BrokerAway(f"{name} gives nothing more before its end")
        records = []
        for message in (first, *consumer.consume(2_000, 0.01)):
            code, partition, offset = error_code(message), message.partition(), message.offset()
            if code not in {NO_ERROR, PARTITION_END}:
                raise BrokerAway(f"{name} cannot be read: {message.error()}")
            if partition is None or offset is None or partition not in waiting:
                continue
            end = waiting[partition]
            if code == NO_ERROR and offset < end:
                records.append(record_of(noun, message))
            # the last offsets may hold nothing that is delivered (compaction, transaction markers)
            if code == PARTITION_END or offset + 1 >= end:
                del waiting[partition]
                consumer.incremental_unassign([TopicPartition(name, partition)])
        if records:
            yield records
