"""One shop for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.backends import MockBroker, RedisServer
from tests.hardening.shop import TOPIC_PARTITIONS, Shop, running


@pytest.fixture(scope="package")
def shop(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with (
        MockBroker(TOPIC_PARTITIONS) as broker,
        running(broker.url, redis_server, tmp_path_factory.mktemp("hardening")) as shop,
    ):
        yield shop
