"""A deployment on the real back ends, ended with the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backends import KafkaServer, RedisServer
from tests.faults.deployment import Deployment


@pytest.fixture
def deployment(empty_kafka: KafkaServer, empty_redis: RedisServer, tmp_path: Path) -> Iterator[Deployment]:
    made = Deployment(empty_kafka, empty_redis, tmp_path)
    yield made
    made.stop()
