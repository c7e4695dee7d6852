"""`dead-letters` against a real Kafka and a real Redis: told without telling on shoppers, sent once."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from stream.cluster import Cluster
from stream.fold import DeadLetter, Record
from stream.producer import Producer
from stream.settings import Settings
from stream.span import within
from stream.topics import partition_of
from tests.backends import KafkaServer, RedisServer
from tests.commands.conftest import Run

PARTITIONS = 3


@pytest.fixture
def env(empty_kafka: KafkaServer, empty_redis: RedisServer) -> dict[str, str]:
    """The settings of a deployment with two misplaced events and one that is none."""
    settings = Settings(broker_url=empty_kafka.url, partitions=PARTITIONS)
    Cluster(settings).partitions()
    records = [refused("a", "wrong_key", 0), refused("b", "wrong_partition", 1), refused("", "not_json", 2)]
    asyncio.run(told(settings, records))
    named = {"BROKER_URL": empty_kafka.url, "REDIS_URL": empty_redis.url, "PARTITIONS": str(PARTITIONS)}
    return {f"LIVESHELF_{name}": value for name, value in named.items()}


def refused(visitor_id: str, reason: str, offset: int) -> DeadLetter:
    now = int(time.time() * 1000) - 60_000
    event = {"event_id": f"e-{visitor_id}", "event": "page_view", "occurred_at": now, "visitor_id": visitor_id}
    value = json.dumps(event).encode() if visitor_id else b"hello"
    return DeadLetter(Record("events", 0, offset, now, b"wrong", value), reason, "it was refused")


async def told(settings: Settings, found: list[DeadLetter]) -> None:
    producer = Producer(settings.broker_url)
    try:
        await producer.send_all([one.outbound(PARTITIONS) for one in found])
    finally:
        await asyncio.to_thread(producer.close)


def events(env: dict[str, str]) -> list[Record]:
    settings = Settings(broker_url=env["LIVESHELF_BROKER_URL"])
    return [record for batch in within(settings, "events") for record in batch]


def test_they_are_counted_and_told_without_telling_on_shoppers(run: Run, env: dict[str, str]) -> None:
    code, text = run("dead-letters", "list", **env)
    assert code == 0, text
    assert "wrong_partition" in text
    assert "it was refused" in text
    assert "e-a" not in text
    assert "e-a" in run("dead-letters", "list", "--show-bytes", **env)[1]
    told: Any = json.loads(run("dead-letters", "list", "--json", "--reason", "wrong_key", "--since", "1h", **env)[1])
    assert told["reasons"] == {"wrong_key": {"letters": 1, "replayed": 0}}
    assert told["newest"][0]["source"] == {"topic": "liveshelf.events.v1", "partition": 0, "offset": 0}
    assert "no dead letters of that kind" in run("dead-letters", "list", "--source", "pairs", **env)[1]


def test_they_are_sent_where_they_belong_and_only_once(run: Run, env: dict[str, str]) -> None:
    looked = json.loads(run("dead-letters", "replay", "--dry-run", "--json", **env)[1])
    assert (looked["would_be_sent"], events(env)) == ({"wrong_key": 1, "wrong_partition": 1}, [])
    code, text = run("dead-letters", "replay", "--yes", **env)
    assert code == 0, text
    assert "wrong_key: 1 sent" in text
    sent = events(env)
    assert {record.key for record in sent} == {b"a", b"b"}
    assert all(record.partition == partition_of(record.key or b"", PARTITIONS) for record in sent)
    again = json.loads(run("dead-letters", "replay", "--yes", "--json", **env)[1])
    assert (again["replayed_before"], len(events(env))) == (2, 2)
    counts = json.loads(run("dead-letters", "list", "--json", **env)[1])["reasons"]
    assert counts["wrong_key"] == {"letters": 1, "replayed": 1}


def test_nothing_is_sent_without_a_yes(run: Run, env: dict[str, str]) -> None:
    code, text = run("dead-letters", "replay", **env)
    assert code == 1
    assert "Send these 2 events?" in text
    assert events(env) == []
    assert run("dead-letters", "replay", "--json", **env)[0] == 2


def test_what_is_still_bad_is_told_and_stays(run: Run, env: dict[str, str]) -> None:
    code, text = run("dead-letters", "replay", "--reason", "not_json", "--yes", **env)
    assert code == 0
    assert "not_json: 1 still bad, and stay" in text
    assert "nothing to send" in text


@pytest.mark.parametrize(
    ("words", "says"),
    [(("--reason", "bad"), "there are not_json"), (("--since", "yesterday"), "30m, 24h"), (("--since", "1w"), "7d")],
)
def test_a_filter_that_is_none(run: Run, words: tuple[str, ...], says: str) -> None:
    named = {"LIVESHELF_BROKER_URL": "127.0.0.1:1", "LIVESHELF_REDIS_URL": "redis://127.0.0.1:1/0"}
    code, text = run("dead-letters", "list", *words, **named)
    assert (code, says in text) == (2, True), text
