"""Serving's reader: a short budget, no retries, and no waiting for a Redis that was away a moment ago."""

from __future__ import annotations

from collections.abc import AsyncIterator
from time import monotonic
from types import SimpleNamespace

import pytest

from stream.fold import Writes
from stream.state import redis as state_redis
from stream.state.keys import Keys, Tag
from stream.state.redis import Reader, RedisStore
from stream.state.store import Unavailable
from tests.backends import RedisServer

TAG = Tag("events", 0)
KEYS = Keys("t")
BUDGET_S = 0.2


class Clock:
    """Says the time that it is told."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(state_redis, "time", SimpleNamespace(monotonic=made.monotonic))
    return made


@pytest.fixture
async def reader(empty_redis: RedisServer, clock: Clock) -> AsyncIterator[Reader]:
    store = RedisStore(empty_redis.url, KEYS)
    await store.commit(TAG, None, "t/1/1", Writes({"a": (b"1", 0), "b": (b"\xff", 0)}))
    await store.close()
    made = Reader(empty_redis.url, budget_s=BUDGET_S, trip=3, rest_s=5.0)
    yield made
    await made.close()


def full(*short: str) -> list[str]:
    return [KEYS.value(TAG, key) for key in short]


async def fails(reader: Reader) -> float:
    """Ask in vain; how long that took."""
    began = monotonic()
    with pytest.raises(Unavailable):
        await reader.mget(full("a"))
    return monotonic() - began


async def test_values_come_in_the_order_asked(reader: Reader) -> None:
    assert await reader.mget(full("b", "none", "a", "position")) == [b"\xff", None, b"1", b"t/1/1"]


async def test_keys_are_found_by_pattern(reader: Reader) -> None:
    assert sorted(await reader.find("t:{events:0}:?")) == full("a", "b")


async def test_a_redis_that_does_not_answer_costs_the_budget_and_no_more(
    reader: Reader, empty_redis: RedisServer
) -> None:
    await reader.mget(full("a"))
    empty_redis.pause()
    try:
        assert BUDGET_S / 2 < await fails(reader) < BUDGET_S * 3
    finally:
        empty_redis.resume()


async def test_after_three_failures_it_is_not_asked_until_it_has_rested(
    reader: Reader, empty_redis: RedisServer, clock: Clock
) -> None:
    empty_redis.kill()
    for _ in range(3):
        await fails(reader)
    empty_redis.start()
    with pytest.raises(Unavailable, match="not asked again yet"):
        await reader.mget(full("a"))
    clock.now_s += 5.0
    again = Reader(empty_redis.url)
    assert await again.mget(full("a")) == [b"1"]
    await again.close()


async def test_a_single_failure_does_not_trip(reader: Reader, empty_redis: RedisServer) -> None:
    empty_redis.pause()
    try:
        await fails(reader)
    finally:
        empty_redis.resume()
    assert await reader.mget(full("a")) == [b"1"]


async def test_the_first_answer_after_the_rest_closes_the_breaker(
    reader: Reader, empty_redis: RedisServer, clock: Clock
) -> None:
    empty_redis.pause()
    try:
        for _ in range(3):
            await fails(reader)
        assert await fails(reader) < BUDGET_S / 2
    finally:
        empty_redis.resume()
    clock.now_s += 5.0
    for _ in range(2):
        assert await reader.mget(full("a")) == [b"1"]
