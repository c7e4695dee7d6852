"""The store in Redis or Valkey: one fenced script call a batch. Serving reads through `stream.state.pipe`.

redis-py's defaults retry a command that may have been applied (`GUARANTEES.md` §1.8): nothing here retries by itself.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from importlib import resources
from itertools import chain
from time import perf_counter
from typing import Any

import msgpack
from msgspec import Struct
from redis.asyncio import Redis
from redis.asyncio.connection import BlockingConnectionPool, ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, OutOfMemoryError, ReadOnlyError, RedisError, ResponseError

from stream.fold import Writes
from stream.state.keys import Keys, Tag
from stream.state.store import UNFINISHED, Position, Reading, Unavailable

TRIES = 3
_LUA = resources.files(__package__).joinpath("lua")
_COMMIT, _SWAP = (_LUA.joinpath(name).read_text(encoding="utf-8") for name in ("commit.lua", "swap.lua"))
# Redis's cmsgpack knows msgpack's old raw type only, not bin, so msgspec cannot write for it
_pack = partial(msgpack.packb, use_bin_type=False)
_NOT_THERE, _FOR_EVER = -2, -1
_AT_ONCE = 500
_PASSING = frozenset({"BUSY", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "MISCONF", "NOREPLICAS", "TRYAGAIN"})


def connect(pool: type[ConnectionPool], url: str, *, timeout_s: float, connections: int, **options: Any) -> Redis:
    """A client that never retries; `timeout_s` bounds connecting and every answer."""
    made = pool.from_url(
        url,
        max_connections=connections,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
        **options,
    )
    return Redis.from_pool(made)


class Condition(Struct, frozen=True):
    """How Redis is: `answered_ms` of one question, its clock in ms, and what it says of itself."""

    answered_ms: float
    clock_ms: float
    says: dict[str, Any]


class UnsafeRedis(Exception):
    """Redis may drop or forget state by its configuration."""


class RedisStore:
    """The writers' store; `Unavailable` whenever Redis did not clearly answer."""

    def __init__(self, url: str, keys: Keys, *, timeout_s: float = 5.0) -> None:
        self.keys = keys
        # a process may own more partitions than it has connections: then they take turns
        self._redis = connect(BlockingConnectionPool, url, timeout_s=timeout_s, connections=64, timeout=timeout_s)
        self._shas: dict[str, str] = {}

    async def close(self) -> None:
        await self._redis.aclose()

    async def check_safe(self) -> None:
        """Raise `UnsafeRedis` unless Redis keeps what it is given (`noeviction`, append-only file)."""
        # INFO, because hosted Redises forbid CONFIG
        policy = (await self._call(self._redis.info, "memory")).get("maxmemory_policy", "noeviction")
        kept = (await self._call(self._redis.info, "persistence")).get("aof_enabled", 1)
        if policy != "noeviction":
            raise UnsafeRedis(
                f"Redis evicts keys (maxmemory-policy {policy}): positions and state would be lost without a word. "
                "Set maxmemory-policy to noeviction."
            )
        if not kept:
            raise UnsafeRedis(
                "Redis does not keep an append-only file: a restart would throw days of state away. Set appendonly to "
                "yes."
            )

    async def condition(self) -> Condition:
        """How Redis is, for people; raises `Unavailable`."""
        says = await self._call(self._redis.info, "everything")  # the first question also connects
        told = [await self._told_time() for _ in range(TRIES)]
        # the quickest, as this process may have been busy with something else
        return Condition(min(took_s for took_s, _ in told) * 1000, told[-1][1], says)

    async def _told_time(self) -> tuple[float, float]:
        """How long (s) Redis took to tell its time, and that time in ms."""
        began = perf_counter()
        seconds, microseconds = await self._call(self._redis.time)
        return perf_counter() - began, seconds * 1000 + microseconds / 1000

    async def heartbeats(self) -> list[bytes]:
        """What the workers wrote of themselves lately; raises `Unavailable`."""
        keys = await self._call(self._found, self.keys.worker("*"))
        found = await self._call(self._redis.mget, keys) if keys else []
        return [beat for beat in found if beat is not None]

    async def _found(self, pattern: str) -> list[bytes]:
        return [key async for key in self._redis.scan_iter(match=pattern, count=10_000)]

    async def position(self, tag: Tag) -> str | None:
        found = await self._call(self._redis.get, self.keys.position(tag))
        return None if found is None else found.decode()

    async def read(self, tag: Tag, keys: Sequence[str], *, ranking: bool = False) -> Reading:
        root = self.keys.root(tag)
        wanted = [self.keys.position(tag), *(root + key for key in keys)]
        ranked: list[tuple[bytes, float]] = []
        if ranking:
            found, ranked = await self._call(self._read_ranked, tag, wanted)
        else:
            found = await self._call(self._redis.mget, wanted)
        position, *values = found
        return Reading(
            None if position is None else position.decode(),
            values,
            {member.decode(): score for member, score in ranked},
        )

    async def _read_ranked(self, tag: Tag, wanted: Sequence[str]) -> Any:
        async with self._redis.pipeline(transaction=True) as transaction:
            transaction.mget(wanted)
            transaction.zrange(self.keys.ranking(tag), 0, -1, withscores=True)
            return await transaction.execute()

    async def load(self, tag: Tag, keys: Sequence[str]) -> list[bytes | None]:
        if not keys:
            return []
        root = self.keys.root(tag)
        found: list[bytes | None] = await self._call(self._redis.mget, [root + key for key in keys])
        return found

    async def ranking(self, tag: Tag) -> dict[str, float]:
        found = await self._call(self._redis.zrange, self.keys.ranking(tag), 0, -1, withscores=True)
        return {member.decode(): score for member, score in found}

    async def score(self, tag: Tag, member: str) -> float | None:
        found: float | None = await self._call(self._redis.zscore, self.keys.ranking(tag), member)
        return found

    async def commit(self, tag: Tag, expected: str | None, new: str, writes: Writes) -> str | None:
        values = list(chain.from_iterable((key, *value) for key, value in writes.values.items()))
        ranked = list(chain.from_iterable((score, member) for member, score in writes.ranked.items()))
        packed = _pack((expected or "", new, self.keys.root(tag), values, writes.deleted, ranked, writes.unranked))
        keys = self.keys.position(tag), self.keys.ranking(tag)
        found = await self._call(self._run, _COMMIT, keys, packed)
        return None if found is None else found.decode()

    async def swap(self, tag: Tag, changes: Mapping[str, tuple[bytes | None, bytes]]) -> bool:
        flat = list(chain.from_iterable((key, old or b"", new) for key, (old, new) in changes.items()))
        packed = _pack((self.keys.root(tag), flat))
        return bool(await self._call(self._run, _SWAP, (self.keys.position(tag),), packed))

    async def _run(self, script: str, keys: Sequence[str], packed: bytes) -> Any:
        if script not in self._shas:
            self._shas[script] = await self._redis.script_load(script)
        try:
            return await self._redis.evalsha(self._shas[script], len(keys), *keys, packed)
        except NoScriptError:
            # Redis was restarted: nothing was run, so loading it and calling again is no retry of an applied command
            self._shas[script] = await self._redis.script_load(script)
            return await self._redis.evalsha(self._shas[script], len(keys), *keys, packed)

    async def scan(self, tag: Tag) -> AsyncIterator[str]:
        async for short in self._scan(tag):
            if short not in ("position", "ranking"):
                yield short

    async def _scan(self, tag: Tag) -> AsyncIterator[str]:
        root = self.keys.root(tag)
        pattern = re.sub(r"([*?\[\]\\^-])", r"\\\1", root) + "*"
        async for key in self._redis.scan_iter(match=pattern, count=1_000):
            yield key.decode()[len(root) :]

    async def kept_for(self, tag: Tag, keys: Sequence[str]) -> list[int | None]:
        found = await self._call(self._ttls, [self.keys.value(tag, key) for key in keys])
        return [None if ttl == _NOT_THERE else 0 if ttl == _FOR_EVER else max(1, ttl) for ttl in found]

    async def _ttls(self, names: Sequence[str]) -> Any:
        async with self._redis.pipeline(transaction=False) as pipeline:
            for name in names:
                pipeline.pttl(name)
            return await pipeline.execute()

    async def clear(self, tag: Tag) -> int:
        found = {self.keys.value(tag, short) async for short in self._scan(tag)}
        if not found:
            return 0
        position = self.keys.position(tag)
        await self._call(self._redis.set, position, str(Position(UNFINISHED, 0, 0)))
        values = sorted(found - {position})
        for cut in range(0, len(values), _AT_ONCE):
            await self._call(self._redis.unlink, *values[cut : cut + _AT_ONCE])
        await self._call(self._redis.delete, position)
        return len(found)

    async def note(self, key: str, value: bytes, ttl_s: int) -> None:
        """Write a value outside all partitions (a worker's heartbeat)."""
        await self._call(self._redis.set, key, value, ex=ttl_s)

    async def _call(self, command: Callable[..., Any], *args: Any, **options: Any) -> Any:
        try:
            return await command(*args, **options)
        except ResponseError as error:
            known = isinstance(error, OutOfMemoryError | ReadOnlyError)  # redis-py cuts their code off the text
            if not known and str(error).partition(" ")[0] not in _PASSING:
                raise  # not a state of Redis that passes: our own mistake
            raise Unavailable(f"Redis does not take it now: {error}") from None
        except (RedisError, OSError, TimeoutError) as error:
            raise Unavailable(f"Redis did not answer: {error}") from None
