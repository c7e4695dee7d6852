"""What a broker and its topics are like, asked quickly and without creating or changing anything."""

from __future__ import annotations

import time
from collections.abc import Collection

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType
from msgspec import Struct

from stream.cluster import BrokerAway
from stream.producer import Quiet
from stream.settings import Settings
from stream.topics import TOPICS

ASKED_S = 3.0
SETTINGS_ASKED_S = 1.5


class Surveyed(Struct, frozen=True):
    """A topic: its partitions and its settings, as far as the broker tells them (None: it does not)."""

    partitions: int
    config: dict[str, str] | None


class Survey(Struct, frozen=True):
    """`answered_ms`: how long one question took; `topics` by noun, those that exist."""

    answered_ms: float
    topics: dict[str, Surveyed]


def survey(settings: Settings, *, asked_s: float = ASKED_S) -> Survey:
    """Ask the broker; blocks for a few times `asked_s` at most, raises `BrokerAway`."""
    admin = AdminClient({"bootstrap.servers": settings.broker_url, "log.connection.close": False}, logger=Quiet())
    try:
        admin.list_topics(timeout=asked_s)  # the first question also connects
        began = time.perf_counter()
        found = admin.list_topics(timeout=asked_s).topics
    except KafkaException as error:
        raise BrokerAway(f"no broker answers at {settings.broker_url}: {error.args[0].str()}") from None
    answered_ms = (time.perf_counter() - began) * 1000
    partitions = {topic.noun: len(found[topic.name].partitions) for topic in TOPICS.values() if topic.name in found}
    configs = {} if settings.embedded_broker else _configs(admin, partitions, SETTINGS_ASKED_S)
    return Survey(answered_ms, {noun: Surveyed(count, configs.get(noun)) for noun, count in partitions.items()})


def _configs(admin: AdminClient, nouns: Collection[str], asked_s: float) -> dict[str, dict[str, str]]:
    """The topics' settings, those that the broker tells (the embedded one, and one with strict rights, tell none)."""
    if not nouns:
        return {}
    resources = {ConfigResource(ResourceType.TOPIC, TOPICS[noun].name): noun for noun in nouns}
    told = {}
    for resource, future in admin.describe_configs(list(resources), request_timeout=asked_s).items():
        try:
            told[resources[resource]] = {name: str(entry.value) for name, entry in future.result(asked_s).items()}
        except (KafkaException, TimeoutError):
            return told
    return told
