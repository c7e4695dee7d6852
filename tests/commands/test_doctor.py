"""`doctor` as a shell runs it: with nothing there, and with a real Kafka and a real Redis."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis

from stream.cluster import Cluster
from stream.producer import Producer
from stream.settings import Settings
from stream.topics import TOPICS, partition_of
from tests.backends import KafkaServer, MockBroker, RedisServer
from tests.commands.conftest import Run

PARTITIONS = 3


def told(run: Run, *words: str, **env: str) -> tuple[int, dict[str, Any]]:
    code, text = run("doctor", "--json", "--api", "http://127.0.0.1:1", *words, **env)
    return code, {one["check"]: one for one in json.loads(text)["checks"]}


def test_with_nothing_reachable_it_says_so_soon(run: Run) -> None:
    began = time.monotonic()
    code, found = told(run, "--broker", "127.0.0.1:1", "--redis", "redis://127.0.0.1:1/0")
    assert time.monotonic() - began < 30
    assert code == 1
    assert "127.0.0.1:1" in found["broker.reachable"]["says"]
    assert {found[name]["verdict"] for name in ("broker.reachable", "redis.reachable", "machine.api")} == {"bad"}


def test_an_url_that_is_none_is_a_finding(run: Run) -> None:
    code, found = told(run, "--redis", "localhost:6379")
    assert (code, "is no URL of a Redis" in found["redis.reachable"]["says"]) == (1, True)
    named = {"LIVESHELF_BROKER_URL": "127.0.0.1:1", "LIVESHELF_REDIS_URL": "localhost:6379"}
    assert run("models", "list", **named)[0] == 1


def test_without_any_setting_it_says_what_to_set(run: Run) -> None:
    code, text = run("doctor", "--api", "http://127.0.0.1:1")
    assert (code, "LIVESHELF_BROKER_URL is not set" in text) == (1, True)


@pytest.fixture
def env(empty_kafka: KafkaServer, empty_redis: RedisServer) -> Iterator[dict[str, str]]:
    """A deployment whose producer partitions in its own way, beside a Redis that may drop keys; no worker runs."""
    settings = Settings(broker_url=empty_kafka.url, partitions=PARTITIONS)
    Cluster(settings).partitions()
    asyncio.run(sent(settings))
    with Redis.from_url(empty_redis.url) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
    yield {"LIVESHELF_BROKER_URL": empty_kafka.url, "LIVESHELF_REDIS_URL": empty_redis.url}
    with Redis.from_url(empty_redis.url) as client:
        client.config_set("maxmemory-policy", "noeviction")


async def sent(settings: Settings) -> None:
    now, producer = int(time.time() * 1000), Producer(settings.broker_url)
    event = {"event_id": "e", "event": "view_item", "occurred_at": now, "items": [{"item_id": "i1"}]}
    try:
        for n in range(9):
            key = f"v{n}".encode()
            partition = (partition_of(key, PARTITIONS) + (n == 0)) % PARTITIONS
            value = json.dumps({**event, "visitor_id": key.decode()}).encode()
            await producer.send(TOPICS["events"].name, partition, key, value)
        place = partition_of(b"i1", PARTITIONS)
        await producer.send(TOPICS["catalog"].name, place, b"i1", b'{"item_id":"i1","title":"I"}')
    finally:
        await asyncio.to_thread(producer.close)


def test_it_finds_what_is_wrong_with_a_real_kafka_and_a_real_redis(run: Run, env: dict[str, str]) -> None:
    code, found = told(run, **env)
    assert code == 1
    wrong = {name for name, one in found.items() if one["verdict"] == "bad"}
    assert wrong == {
        "broker.partitioner", "redis.eviction", "flow.workers", "keys.present", "machine.api", "data.events_valid"
    }  # fmt: skip
    assert "1 of the 9 newest events" in found["broker.partitioner"]["says"]
    assert found["flow.consent"]["verdict"] == "warn"
    assert found["broker.kept"]["says"] == "cleanup policies and retentions are as they should be."
    assert found["data.items_known"]["verdict"] == found["flow.catalogue"]["verdict"] == "ok"
    assert all(one["fix"] for one in found.values() if one["verdict"] != "ok")


def test_looking_changes_nothing(run: Run, empty_kafka: KafkaServer, empty_redis: RedisServer) -> None:
    code, found = told(run, "--broker", empty_kafka.url, "--redis", empty_redis.url)
    assert (code, found["broker.topics"]["verdict"]) == (1, "bad")
    assert (
        told(run, "--broker", empty_kafka.url, "--redis", empty_redis.url)[1]["broker.topics"] == found["broker.topics"]
    )
    with Redis.from_url(empty_redis.url) as client:
        assert client.dbsize() == 0


def test_an_embedded_broker_is_looked_at_as_well(run: Run, empty_redis: RedisServer) -> None:
    with MockBroker({topic.name: PARTITIONS for topic in TOPICS.values()}) as broker:
        _, found = told(run, "--broker", broker.url, "--redis", empty_redis.url)
    assert found["broker.topics"]["verdict"] == found["broker.kept"]["verdict"] == "ok"
    assert "is empty" in found["flow.catalogue"]["says"]
