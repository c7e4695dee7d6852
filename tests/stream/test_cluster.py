"""The topics as a real Kafka has them after the first start."""

from __future__ import annotations

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from stream.cluster import Cluster, WrongTopic
from stream.settings import Settings
from stream.topics import TOPICS
from tests.backends import KafkaServer


def test_topics_are_made_once_with_the_partitions_they_need(empty_kafka: KafkaServer) -> None:
    settings = Settings(broker_url=empty_kafka.url, partitions=3)
    made = Cluster(settings).partitions()
    assert made == dict.fromkeys(TOPICS, 3) | {"config": 1}
    assert Cluster(settings).partitions() == made


def test_another_number_of_partitions_is_refused(empty_kafka: KafkaServer) -> None:
    settings = Settings(broker_url=empty_kafka.url, partitions=2)
    Cluster(settings).partitions()
    name = TOPICS["events"].name
    admin = AdminClient({"bootstrap.servers": empty_kafka.url})
    admin.create_partitions([NewPartitions(name, 3)])[name].result(10)
    with pytest.raises(WrongTopic, match="has 3 partitions"):
        Cluster(settings).partitions()
