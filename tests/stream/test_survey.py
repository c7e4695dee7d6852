"""Topics that are not as they have to be: told by a survey, refused by a start."""

from __future__ import annotations

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from stream.cluster import BrokerAway, Cluster, WrongTopic, refuse_config
from stream.settings import Settings
from stream.survey import survey
from stream.topics import TOPICS
from tests.backends import KafkaServer, wait_until

DAY_MS = 86_400_000


def make(kafka: KafkaServer, noun: str, **config: str) -> Settings:
    """A broker with this topic only."""
    named = {name.replace("_", "."): value for name, value in config.items()}
    topic = NewTopic(TOPICS[noun].name, 2, 1, config=named)
    admin = AdminClient({"bootstrap.servers": kafka.url})
    for future in admin.create_topics([topic]).values():
        future.result(15)
    wait_until(lambda: topic.topic in admin.list_topics(timeout=5).topics, "the topic is shown")
    return Settings(broker_url=kafka.url, partitions=2)


@pytest.mark.parametrize(
    ("noun", "config", "says"),
    [
        ("events", {"cleanup_policy": "compact"}, "needed is delete"),
        ("events", {"retention_ms": "-1"}, "for ever"),
        ("events", {"retention_ms": str(31 * DAY_MS)}, "at most 30 days"),
        ("catalog", {"cleanup_policy": "delete"}, "needed is compact"),
    ],
)
def test_a_topic_that_does_not_keep_records_as_promised(
    empty_kafka: KafkaServer, noun: str, config: dict[str, str], says: str
) -> None:
    settings = make(empty_kafka, noun, **config)
    found = survey(settings).topics
    assert list(found) == [noun]
    told = found[noun].config
    assert told is not None
    with pytest.raises(WrongTopic, match=says):
        refuse_config(TOPICS[noun], told)
    with pytest.raises(WrongTopic, match=says):
        Cluster(settings).partitions()


def test_a_broker_that_is_away() -> None:
    with pytest.raises(BrokerAway, match=r"127\.0\.0\.1:1"):
        survey(Settings(broker_url="127.0.0.1:1"), asked_s=0.3)
