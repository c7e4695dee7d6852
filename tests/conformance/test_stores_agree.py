"""Whatever is committed, rightly or wrongly expected: the memory store and Redis answer and hold the same."""

from __future__ import annotations

import asyncio
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream.fold import Writes
from stream.state.keys import Keys, Tag
from stream.state.memory import MemoryStore
from stream.state.redis import RedisStore
from stream.state.store import Position, Store
from tests.backends import RedisServer
from tests.simulator.profile import LONG

TAGS = (Tag("events", 0), Tag("pairs", 0))
KEYS = ("clock", "item:a", "item:b", "item:ä:c", "visitor:x")

keys = st.sampled_from(KEYS)
scores = st.floats(allow_nan=False, allow_infinity=False)
commits = st.tuples(
    st.sampled_from(TAGS),
    st.sampled_from((None, 0, 1, 2, 3)),
    st.dictionaries(keys, st.tuples(st.binary(max_size=40), st.sampled_from((0, 3_600_000))), max_size=4),
    st.lists(keys, max_size=3),
    st.dictionaries(keys, scores, max_size=3),
    st.lists(keys, max_size=3),
)
Commit = tuple[Tag, int | None, dict[str, tuple[bytes, int]], list[str], dict[str, float], list[str]]
runs = count()


async def outcome(store: Store, history: list[Commit]) -> list[object]:
    """Every answer, and at the end all that is stored."""
    answers: list[object] = []
    for n, (tag, expected, values, deleted, ranked, unranked) in enumerate(history):
        position = await store.position(tag) if expected == 0 else None if expected is None else at(expected)
        answers.append(await store.commit(tag, position, at(n + 1), Writes(values, deleted, ranked, unranked)))
    for tag in TAGS:
        answers.append(await store.read(tag, KEYS, ranking=True))
        answers.append({key async for key in store.scan(tag)})
    return answers


def at(offset: int) -> str:
    return str(Position("topic", 4, offset))


@settings(
    max_examples=2_000 if LONG else 100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(history=st.lists(commits, max_size=8))
def test_memory_and_redis_are_the_same_store(redis_server: RedisServer, history: list[Commit]) -> None:
    async def compare() -> None:
        redis = RedisStore(redis_server.url, Keys(f"agree{next(runs)}"))
        try:
            assert await outcome(redis, history) == await outcome(MemoryStore(), history)
        finally:
            await redis.close()

    asyncio.run(compare())
