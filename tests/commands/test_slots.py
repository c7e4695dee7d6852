"""`liveshelf slots` over a Redis that has some."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import numpy as np
import pytest

from stream.bandits.features import WIDTH
from stream.bandits.published import seal
from stream.bandits.shadow import Estimate
from stream.bandits.slot import Slot, published
from stream.entries import BANNERS
from stream.state.keys import Keys, Tag
from stream.state.redis import RedisStore
from stream.topics import TOPICS, partition_of
from tests.backends import MockBroker, RedisServer
from tests.commands.conftest import Run

PARTITIONS = 2
TAG = Tag("feedback", partition_of(BANNERS.encode(), PARTITIONS))


def slot() -> bytes:
    made, estimate, context = Slot(), Estimate(), np.eye(WIDTH)[0]
    for n in range(40):
        view = made.trial(f"spring/{n % 2}", context, n)
        estimate.trial(1.0 + n % 2)
        if n % 4 == 1:
            made.reward("spring/1", context, view, n)
            estimate.reward(2.0)
    made.shadows["contextual"] = estimate
    return msgspec.msgpack.encode(seal(published("home_top", made)))


async def stored(url: str, values: dict[str, bytes]) -> None:
    keys = Keys()
    store = RedisStore(url, keys)
    for key, value in values.items():
        await store.note(keys.value(TAG, key), value, 60)
    await store.close()


@pytest.fixture
def told(run: Run, empty_redis: RedisServer) -> Any:
    asyncio.run(stored(empty_redis.url, {"policy:home_top": slot(), "policy:broken": b"none"}))
    with MockBroker({topic.name: PARTITIONS for topic in TOPICS.values()}) as broker:
        named = {"BROKER_URL": broker.url, "REDIS_URL": empty_redis.url, "EMBEDDED_BROKER": "1", "RUN_ID": "r"}
        yield lambda *words: run("slots", *words, **{f"LIVESHELF_{name}": value for name, value in named.items()})


def test_a_slot_its_arms_and_what_another_policy_would_have_earned(told: Any) -> None:
    code, text = told()
    assert code == 0, text
    said = " ".join(text.split())
    assert "home_top" in said
    assert "contextual: 0.2500 → 0.3333" in said
    assert "policy:broken cannot be trusted" in said


def test_as_json(told: Any) -> None:
    code, text = told("--json")
    assert code == 0, text
    (found,) = json.loads(text.splitlines()[-1])
    assert (found["slot"], found["views"], found["version"]) == ("home_top", 40, 50)
    assert [(arm["arm"], arm["views"], arm["clicks"]) for arm in found["arms"]] == [
        ("spring/0", 20, 0),
        ("spring/1", 20, 0),
    ]
    assert found["arms"][1]["rate"] == pytest.approx(0.5, abs=0.01)
    assert found["shadows"]["contextual"]["views"] == 40
