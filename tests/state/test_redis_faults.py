"""The Redis store when Redis is away, slow, full, read-only, restarted, or not safe to keep state in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from redis import Redis
from redis.crc import key_slot
from redis.exceptions import ResponseError

from stream.fold import Writes
from stream.state.keys import Keys, Tag
from stream.state.redis import RedisStore, UnsafeRedis
from stream.state.store import Reading, Unavailable
from tests.backends import RedisServer

TAG = Tag("events", 0)
KEYS = Keys("t")


@pytest.fixture
async def store(empty_redis: RedisServer) -> AsyncIterator[RedisStore]:
    made = RedisStore(empty_redis.url, KEYS, timeout_s=0.2)
    yield made
    await made.close()


@pytest.fixture
def admin(empty_redis: RedisServer) -> Iterator[Redis]:
    """A client of the test's own, that puts the configuration back."""
    with Redis.from_url(empty_redis.url) as client:
        yield client
        client.replicaof("NO", "ONE")
        client.config_set("maxmemory", 0)
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("appendonly", "yes")


def one(value: bytes) -> Writes:
    return Writes({"a": (value, 0)}, deleted=["b"], ranked={"a": 1})


async def test_a_commit_that_timed_out_and_was_applied_is_recognised_when_repeated(
    store: RedisStore, empty_redis: RedisServer
) -> None:
    await store.commit(TAG, None, "t/1/1", one(b"1"))
    empty_redis.pause()
    with pytest.raises(Unavailable):
        await store.commit(TAG, "t/1/1", "t/1/2", one(b"2"))
    empty_redis.resume()
    assert await store.commit(TAG, "t/1/1", "t/1/2", one(b"2")) in (None, "t/1/2")
    assert await store.read(TAG, ["a"]) == Reading("t/1/2", [b"2"], {})


async def test_a_paused_redis_is_unavailable_within_the_timeout(store: RedisStore, empty_redis: RedisServer) -> None:
    await store.position(TAG)
    empty_redis.pause()
    began = asyncio.get_running_loop().time()
    try:
        with pytest.raises(Unavailable):
            await store.read(TAG, ["a"], ranking=True)
    finally:
        empty_redis.resume()
    assert asyncio.get_running_loop().time() - began < 1.0


async def test_a_killed_redis_is_unavailable_and_then_serves_again(store: RedisStore, empty_redis: RedisServer) -> None:
    await store.commit(TAG, None, "t/1/1", one(b"1"))
    empty_redis.kill()
    for ask in (store.position(TAG), store.commit(TAG, "t/1/1", "t/1/2", one(b"2")), store.check_safe()):
        with pytest.raises(Unavailable):
            await ask
    empty_redis.start()
    again = RedisStore(empty_redis.url, KEYS)
    assert await again.read(TAG, ["a"], ranking=True) == Reading("t/1/1", [b"1"], {"a": 1})
    await again.close()


async def test_a_redis_that_forgot_the_script_is_given_it_again(store: RedisStore, admin: Redis) -> None:
    await store.commit(TAG, None, "t/1/1", one(b"1"))
    admin.script_flush()
    assert await store.commit(TAG, "t/1/1", "t/1/2", one(b"2")) is None
    assert await store.read(TAG, ["a"]) == Reading("t/1/2", [b"2"], {})


async def test_a_full_redis_takes_nothing_of_a_batch(store: RedisStore, admin: Redis) -> None:
    await store.commit(TAG, None, "t/1/1", Writes({"a": (b"1", 0), "b": (b"1", 0)}))
    admin.config_set("maxmemory", 1)
    with pytest.raises(Unavailable, match="maxmemory"):
        await store.commit(TAG, "t/1/1", "t/1/2", one(b"2"))
    assert await store.read(TAG, ["a", "b"]) == Reading("t/1/1", [b"1", b"1"], {})
    assert await store.ranking(TAG) == {}
    admin.config_set("maxmemory", 0)
    assert await store.commit(TAG, "t/1/1", "t/1/2", one(b"2")) is None


async def test_a_replica_takes_no_writes(store: RedisStore, admin: Redis) -> None:
    await store.commit(TAG, None, "t/1/1", one(b"1"))
    admin.replicaof("127.0.0.1", "1")
    with pytest.raises(Unavailable, match="read only"):
        await store.commit(TAG, "t/1/1", "t/1/2", one(b"2"))
    admin.replicaof("NO", "ONE")
    assert await store.position(TAG) == "t/1/1"


async def test_our_own_mistake_is_not_taken_for_an_absence(store: RedisStore, admin: Redis) -> None:
    admin.set(KEYS.ranking(TAG), "not a ranking")
    with pytest.raises(ResponseError):
        await store.commit(TAG, None, "t/1/1", one(b"1"))


async def test_values_expire_and_positions_do_not(store: RedisStore, admin: Redis) -> None:
    await store.commit(TAG, None, "t/1/1", Writes({"a": (b"1", 60_000), "b": (b"1", 0), "c": (b"1", 60_000)}))
    assert 50_000 < admin.pttl(KEYS.value(TAG, "a")) <= 60_000
    await store.commit(TAG, "t/1/1", "t/1/2", Writes({"a": (b"2", 120_000), "c": (b"2", 0)}, ranked={"x": 1}))
    assert 110_000 < admin.pttl(KEYS.value(TAG, "a")) <= 120_000
    lasting = (KEYS.value(TAG, "b"), KEYS.value(TAG, "c"), KEYS.position(TAG), KEYS.ranking(TAG))
    assert [admin.pttl(key) for key in lasting] == [-1] * 4


async def test_keys_of_a_partition_share_one_slot(store: RedisStore, admin: Redis) -> None:
    await store.commit(TAG, None, "t/1/1", Writes({"visitor:{x}": (b"1", 0)}, ranked={"x": 1}))
    stored = {bytes(key).decode() for key in admin.scan_iter()}
    assert stored == {"t:{events:0}:position", "t:{events:0}:ranking", "t:{events:0}:visitor:{x}"}
    assert len({key_slot(key.encode()) for key in stored}) == 1


@pytest.mark.parametrize("prefix", ["l*", "l?s", "[ls]", "l\\s", "ls^-x"])
async def test_a_prefix_may_look_like_a_pattern(empty_redis: RedisServer, prefix: str) -> None:
    store, other = RedisStore(empty_redis.url, Keys(prefix)), RedisStore(empty_redis.url, Keys("lls"))
    await store.commit(TAG, None, "t/1/1", one(b"1"))
    await other.commit(TAG, None, "t/1/1", Writes({"z": (b"1", 0)}))
    assert [key async for key in store.scan(TAG)] == ["a"]
    await store.close()
    await other.close()


async def test_a_safe_redis_is_accepted(store: RedisStore) -> None:
    await store.check_safe()


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("maxmemory-policy", "allkeys-lru", "noeviction"),
        ("maxmemory-policy", "volatile-ttl", "noeviction"),
        ("appendonly", "no", "appendonly"),
    ],
)
async def test_a_redis_that_may_forget_is_refused(
    store: RedisStore, admin: Redis, setting: str, value: str, said: str
) -> None:
    admin.config_set(setting, value)
    with pytest.raises(UnsafeRedis, match=said):
        await store.check_safe()


async def test_a_redis_whose_settings_may_not_be_asked_is_judged_all_the_same(
    empty_redis: RedisServer, admin: Redis
) -> None:
    """Hosted ones forbid CONFIG."""
    admin.acl_setuser("hosted", True, passwords="+secret", keys="*", commands=["+@all", "-config"])
    store = RedisStore(empty_redis.url.replace("redis://", "redis://hosted:secret@"), KEYS)
    await store.check_safe()
    admin.config_set("maxmemory-policy", "allkeys-lru")
    with pytest.raises(UnsafeRedis):
        await store.check_safe()
    await store.close()
    admin.acl_deluser("hosted")


async def test_how_redis_is_and_what_the_workers_told_of_themselves(store: RedisStore, admin: Redis) -> None:
    await store.note(KEYS.worker("a"), b"beat", 10)
    admin.set(Keys("another").worker("b"), b"not ours")
    assert await store.heartbeats() == [b"beat"]
    seconds, _ = admin.time()
    told = await store.condition()
    assert abs(told.clock_ms / 1000 - seconds) < 5
    assert (told.says["maxmemory_policy"], told.answered_ms > 0) == ("noeviction", True)


async def test_a_paused_redis_tells_nothing_of_itself(store: RedisStore, empty_redis: RedisServer) -> None:
    empty_redis.pause()
    try:
        for ask in (store.condition, store.heartbeats):
            with pytest.raises(Unavailable):
                await ask()
    finally:
        empty_redis.resume()
