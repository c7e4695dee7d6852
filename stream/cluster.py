"""What is asked of the broker beside producing and consuming: topics, their ids, and offsets."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from stream.fold import Record
from stream.messages import NO_ERROR, PARTITION_END, error_code, reader, record_of
from stream.privacy import SETTLED_AFTER_S
from stream.producer import LARGEST_RECORD_BYTES, Quiet
from stream.settings import Settings
from stream.topics import TOPICS, Topic

PARTITIONS = 48
PARTITIONS_EMBEDDED = 4
RETENTION_DAYS_MOST = 30
LEADER_TRIES = 20
PATIENCE_S = 10.0
LEADER_WAIT_S = 0.1
_MOVING = frozenset(
    {KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE, KafkaError.UNKNOWN_TOPIC_OR_PART}
)


class BrokerAway(Exception):
    """The broker does not answer."""


class WrongTopic(Exception):
    """A topic exists, but not as this system needs it."""


class Offsets(NamedTuple):
    """First and next offset of a partition's log."""

    start: int
    end: int


class Cluster:
    """The Kafka cluster, or the embedded broker, which has no topic ids (the run's id stands in)."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        conf: dict[str, str | int | float | bool] = {
            "bootstrap.servers": settings.broker_url,
            "log.connection.close": False,
        }
        self._admin = AdminClient(conf, logger=Quiet())

    def partitions(self) -> dict[str, int]:
        """Partitions of every topic, by noun; creates what is missing, raises `WrongTopic` for what differs."""
        if self._settings.embedded_broker:
            return {noun: self._embedded_partitions(topic) for noun, topic in TOPICS.items()}
        wanted = self._settings.partitions or PARTITIONS
        existing = self._metadata()
        missing = [topic for topic in TOPICS.values() if topic.name not in existing]
        self._create(missing, wanted)
        for _ in range(LEADER_TRIES if missing else 0):
            # what was created shows in the metadata a moment later
            existing = self._metadata()
            if all(topic.name in existing for topic in missing):
                break
            time.sleep(LEADER_WAIT_S)
        found = {noun: existing.get(topic.name, 0) for noun, topic in TOPICS.items()}
        if not all(found.values()):
            raise BrokerAway("the broker created the topics but does not show them; try again in a moment")
        self._refuse_different(found)
        return found

    def topic_ids(self) -> dict[str, str]:
        """Kafka's id of every topic, by noun."""
        if self._settings.embedded_broker:
            return dict.fromkeys(TOPICS, self._settings.run_id)
        names = [topic.name for topic in TOPICS.values()]
        try:
            described = self._admin.describe_topics(TopicCollection(names), request_timeout=10)
            return {noun: str(described[topic.name].result(10).topic_id) for noun, topic in TOPICS.items()}
        except KafkaException as error:
            raise BrokerAway(f"the broker does not describe the topics: {error}") from None

    def offsets(self, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Offsets]:
        """Start and end of the logs of (noun, partition)…"""
        consumer = reader(self._settings.broker_url, wait_ms=20)
        try:
            return {place: self._offsets(consumer, *place) for place in places}
        finally:
            consumer.close()

    def _offsets(self, consumer: Consumer, noun: str, partition: int) -> Offsets:
        attempt = 0
        while True:
            attempt += 1
            try:
                found = consumer.get_watermark_offsets(TopicPartition(TOPICS[noun].name, partition), timeout=5)
                return Offsets(*found)
            except KafkaException as error:
                # a topic that was just made, or whose leader moves, has none for a moment
                if error.args[0].code() not in _MOVING or attempt == LEADER_TRIES:
                    raise BrokerAway(f"the broker does not tell its offsets: {error}") from None
                time.sleep(LEADER_WAIT_S)

    def read(self, noun: str, partition: int, start: int, end: int) -> Iterator[list[Record]]:
        """The records of a partition in [start, end) as they lie in the log, in batches."""
        if start >= end:
            return
        consumer = reader(self._settings.broker_url, wait_ms=20)
        try:
            consumer.assign([TopicPartition(TOPICS[noun].name, partition, start or OFFSET_BEGINNING)])
            ended = False
            while not ended:
                messages = _next(consumer)
                if not messages:
                    raise BrokerAway(f"{TOPICS[noun].name}[{partition}] gives nothing more before its end")
                records = [record_of(noun, message) for message in messages if not error_code(message)]
                codes = {error_code(message) for message in messages} - {NO_ERROR, PARTITION_END}
                if codes:
                    raise BrokerAway(f"reading {TOPICS[noun].name}[{partition}]: Kafka error {codes}")
                batch = [record for record in records if record.offset < end]
                if batch:
                    yield batch
                # the last offsets may hold nothing that is delivered (compaction, transaction markers)
                ended = len(batch) < len(messages) or batch[-1].offset + 1 >= end
        finally:
            consumer.close()

    def _metadata(self) -> dict[str, int]:
        try:
            topics = self._admin.list_topics(timeout=10).topics
        except KafkaException as error:
            raise BrokerAway(
                f"no broker answers at {self._settings.broker_url}: {error}. Start it, or correct LIVESHELF_BROKER_URL."
            ) from None
        return {name: len(topic.partitions) for name, topic in topics.items()}

    def _embedded_partitions(self, topic: Topic) -> int:
        return len(self._admin.list_topics(topic.name, timeout=10).topics[topic.name].partitions)

    def _create(self, topics: list[Topic], partitions: int) -> None:
        if not topics:
            return
        new = [NewTopic(topic.name, topic.partitions or partitions, config=_config(topic)) for topic in topics]
        for name, future in self._admin.create_topics(new, operation_timeout=10).items():
            try:
                future.result(15)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise BrokerAway(f"topic {name} could not be created: {error}") from None

    def _refuse_different(self, found: Mapping[str, int]) -> None:
        wanted = self._settings.partitions
        for noun, partitions in found.items():
            if wanted and partitions != wanted and not TOPICS[noun].partitions:
                raise WrongTopic(
                    f"topic {TOPICS[noun].name} has {partitions} partitions, LIVESHELF_PARTITIONS says {wanted}. Set "
                    f"it to {partitions}, or create the topic anew."
                )
        if found["privacy"] != found["events"]:
            raise WrongTopic(
                f"topic {TOPICS['privacy'].name} has {found['privacy']} partitions, {TOPICS['events'].name} has "
                f"{found['events']}: a visitor's consents lie in the partition of their events. Create it with as many."
            )
        if found["prices"] != found["catalog"]:
            raise WrongTopic(
                f"topic {TOPICS['prices'].name} has {found['prices']} partitions, {TOPICS['catalog'].name} has "
                f"{found['catalog']}: an item's prices lie in the partition of the item. Create it with as many."
            )
        resources = [ConfigResource(ResourceType.TOPIC, topic.name) for topic in TOPICS.values()]
        for resource, future in self._admin.describe_configs(resources, request_timeout=10).items():
            told = {name: str(entry.value) for name, entry in future.result(15).items()}
            refuse_config(next(t for t in TOPICS.values() if t.name == resource.name), told)


def _next(consumer: Consumer) -> list[Message]:
    """What is there, as soon as there is something; nothing after `PATIENCE_S`."""
    first = consumer.poll(PATIENCE_S)
    # `consume` alone would wait for a full batch or its whole time
    return [] if first is None else [first, *consumer.consume(2_000, 0.01)]


def _config(topic: Topic) -> dict[str, str]:
    if topic.noun in {"privacy", "prices"}:
        settled = {"min.compaction.lag.ms": str(SETTLED_AFTER_S * 1000), "max.compaction.lag.ms": str(7 * 86_400_000)}
        return {"cleanup.policy": "compact"} | settled
    if topic.compacted:
        return {"cleanup.policy": "compact"}
    kept = {"cleanup.policy": "delete", "retention.ms": str(topic.retention_days * 86_400_000)}
    # a dead letter carries the original record in base64
    return kept | ({"max.message.bytes": str(LARGEST_RECORD_BYTES)} if topic.noun == "dead_letters" else {})


def refuse_config(topic: Topic, found: Mapping[str, str]) -> None:
    """Raise `WrongTopic` if the topic's settings do not keep its records as the system promises."""
    policy = found.get("cleanup.policy", "")
    if (policy == "compact") != topic.compacted:
        raise WrongTopic(
            f"topic {topic.name} has cleanup.policy={policy}, needed is {_config(topic)['cleanup.policy']}: change it "
            "with kafka-configs, otherwise its records are not kept as the system promises."
        )
    if not topic.compacted:
        retention = int(found.get("retention.ms", "-1"))
        if retention < 0 or retention > RETENTION_DAYS_MOST * 86_400_000:
            raise WrongTopic(
                f"topic {topic.name} keeps records for {'ever' if retention < 0 else f'{retention} ms'}, at most "
                f"{RETENTION_DAYS_MOST} days are allowed (shoppers' data): set retention.ms with kafka-configs."
            )
