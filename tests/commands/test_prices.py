"""`prices`: the ledger of an item as a table, as JSON, and what there is none of."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator

import msgspec
import pytest

from stream.fold import Writes
from stream.ledger import Offer, after
from stream.prices import DAY_MS
from stream.state.keys import Keys, Tag
from stream.state.redis import RedisStore
from stream.topics import TOPICS, partition_of
from tests.backends import MockBroker, RedisServer
from tests.commands.conftest import Run

PARTITIONS = 2


async def keep(redis: RedisServer, item_id: str, *, ago_days: float) -> None:
    """An item that was 100 EUR so long ago, and is 80 since yesterday."""
    now = int(time.time() * 1000)
    dear = Offer(listed=True, price="100.00", currency="EUR")
    cheap = Offer(listed=True, price="100.00", sale_price="80.00", currency="EUR")
    history = after(after(None, dear, int(now - ago_days * DAY_MS), 0), cheap, now - DAY_MS, 1)
    store = RedisStore(redis.url, Keys())
    tag = Tag("catalog", partition_of(item_id.encode(), PARTITIONS))
    packed = msgspec.msgpack.encode(history)
    stored = await store.position(tag)
    await store.commit(tag, stored, f"r/2/{ago_days:.0f}", Writes({f"prices:{item_id}": (packed, 0)}))
    await store.close()


@pytest.fixture
def env(empty_redis: RedisServer) -> Iterator[dict[str, str]]:
    with MockBroker({topic.name: PARTITIONS for topic in TOPICS.values()}) as broker:
        named = {"BROKER_URL": broker.url, "REDIS_URL": empty_redis.url, "EMBEDDED_BROKER": "1", "RUN_ID": "r"}
        yield {f"LIVESHELF_{name}": value for name, value in named.items()}


def test_the_prices_of_an_item_and_its_reference(run: Run, env: dict[str, str], empty_redis: RedisServer) -> None:
    asyncio.run(keep(empty_redis, "pan", ago_days=40))
    code, text = run("prices", "pan", **env)
    assert code == 0
    assert "100.00" in text
    assert "reference price 100.00, the lowest of the 30 days before" in text
    code, text = run("prices", "pan", "--json", **env)
    told = json.loads(text)
    assert [one["sale_price"] for one in told["prices"]] == [None, "80.00"]
    assert told["now"]["reference_price"] == "100.00"


def test_why_there_is_none(run: Run, env: dict[str, str], empty_redis: RedisServer) -> None:
    asyncio.run(keep(empty_redis, "pot", ago_days=20))
    assert "does not reach back 30 days" in run("prices", "pot", **env)[1]
    told = json.loads(run("prices", "pot", "--json", **env, LIVESHELF_REDUCE_NEW_ITEMS="true")[1])
    assert told["now"]["reference_price"] == "100.00"


def test_an_item_that_nobody_knows(run: Run, env: dict[str, str]) -> None:
    code, text = run("prices", "nothing", **env)
    assert code == 1
    assert "the ledger knows no price of 'nothing'" in text
