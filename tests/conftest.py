"""Back ends for every test: one Kafka and one Redis a run, emptied for each test that asks for an empty one."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from redis import Redis

from tests import lanes
from tests.backends import (
    KafkaServer,
    MockBroker,
    RedisServer,
    Unavailable,
    kafka_answers,
    new_kafka,
    new_redis,
    redis_answers,
    unavailable,
    wipe_kafka,
)

settings.register_profile("untimed", parent=settings(), deadline=None)  # other machines are slower, or busy
settings.load_profile("untimed")
for name in ("COLUMNS", "LINES"):  # in a second process they are set, and rich then heeds no later width
    os.environ.pop(name, None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lanes.place)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    return lanes.scheduler(config, log)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """A real Apache Kafka with whatever earlier tests left in it."""
    try:
        server = new_kafka(tmp_path_factory.mktemp("kafka") / "node")
    except Unavailable as reason:
        unavailable(str(reason))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A real Redis with whatever earlier tests left in it."""
    try:
        server = new_redis(tmp_path_factory.mktemp("redis"))
    except Unavailable as reason:
        unavailable(str(reason))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def empty_kafka(kafka: KafkaServer) -> KafkaServer:
    """The real Kafka, running and without topics."""
    if not kafka_answers(kafka.url):
        kafka.resume()
        kafka.start()
    wipe_kafka(kafka.url)
    return kafka


@pytest.fixture
def empty_redis(redis_server: RedisServer) -> RedisServer:
    """The real Redis, running and without keys."""
    if not redis_answers(redis_server.url):
        redis_server.resume()
        redis_server.start()
    with Redis.from_url(redis_server.url) as client:
        client.flushall()
    return redis_server


@pytest.fixture
def mock_broker() -> Iterator[MockBroker]:
    """The embedded broker, new for each test."""
    with MockBroker() as broker:
        yield broker
