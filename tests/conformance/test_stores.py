"""What every store promises; each test runs on the memory store and on a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from stream.fold import Writes
from stream.state.keys import Keys, Tag
from stream.state.memory import MemoryStore
from stream.state.redis import RedisStore
from stream.state.store import Position, Reading, WholeStore

TAG = Tag("events", 3)
FIRST = str(Position("topic", 4, 1))
SECOND = str(Position("topic", 4, 2))
MANY = 12_000
"""More values than Lua can unpack onto its stack at once."""


@pytest.fixture(params=["memory", "redis"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[WholeStore]:
    if request.param == "memory":
        yield MemoryStore()
        return
    redis = RedisStore(request.getfixturevalue("empty_redis").url, Keys("t"))
    yield redis
    await redis.close()


def values(**packed: bytes) -> Writes:
    return Writes({f"visitor:{key}": (value, 0) for key, value in packed.items()})


async def short_keys(store: WholeStore, tag: Tag = TAG) -> set[str]:
    return {key async for key in store.scan(tag)}


async def test_there_is_nothing_at_the_beginning(store: WholeStore) -> None:
    assert await store.position(TAG) is None
    assert await store.load(TAG, ["clock"]) == [None]
    assert await store.ranking(TAG) == {}
    assert await store.read(TAG, ["clock", "marks"], ranking=True) == Reading(None, [None, None], {})
    assert await short_keys(store) == set()


async def test_a_commit_writes_values_ranking_and_position(store: WholeStore) -> None:
    writes = Writes({"clock": (b"c", 0), "visitor:x": (b"v", 60_000)}, ranked={"x": 1.5})
    assert await store.commit(TAG, None, FIRST, writes) is None
    assert await store.read(TAG, ["visitor:x", "clock", "none"], ranking=True) == Reading(
        FIRST, [b"v", b"c", None], {"x": 1.5}
    )
    assert await store.position(TAG) == FIRST
    assert await store.load(TAG, ["clock", "visitor:x"]) == [b"c", b"v"]
    assert await store.ranking(TAG) == {"x": 1.5}
    assert [await store.score(TAG, member) for member in ("x", "none")] == [1.5, None]
    assert await short_keys(store) == {"clock", "visitor:x"}


async def test_the_ranking_is_read_only_on_demand(store: WholeStore) -> None:
    await store.commit(TAG, None, FIRST, Writes(ranked={"x": 1.0}))
    assert (await store.read(TAG, [])).ranking == {}


async def test_a_commit_replaces_and_deletes(store: WholeStore) -> None:
    await store.commit(TAG, None, FIRST, Writes({"a": (b"1", 0), "b": (b"2", 0)}, ranked={"a": 1, "b": 2}))
    later = Writes({"a": (b"3", 0)}, deleted=["b", "never there"], ranked={"a": 7}, unranked=["b", "never there"])
    assert await store.commit(TAG, FIRST, SECOND, later) is None
    assert await store.read(TAG, ["a", "b"], ranking=True) == Reading(SECOND, [b"3", None], {"a": 7})


async def test_a_position_alone_can_be_committed(store: WholeStore) -> None:
    assert await store.commit(TAG, None, FIRST, Writes()) is None
    assert await store.position(TAG) == FIRST


@pytest.mark.parametrize("expected", [None, SECOND, "other/4/1", "topic/8/1"])
async def test_another_position_than_the_expected_one_refuses_everything(
    store: WholeStore, expected: str | None
) -> None:
    await store.commit(TAG, None, FIRST, Writes({"a": (b"1", 0), "b": (b"2", 0)}, ranked={"a": 1}))
    wrong = Writes({"a": (b"x", 0), "c": (b"x", 0)}, deleted=["b"], ranked={"c": 1}, unranked=["a"])
    assert await store.commit(TAG, expected, "topic/4/9", wrong) == FIRST
    assert await store.read(TAG, ["a", "b", "c"], ranking=True) == Reading(FIRST, [b"1", b"2", None], {"a": 1})


async def test_a_store_that_forgot_refuses_with_nothing(store: WholeStore) -> None:
    assert await store.commit(TAG, FIRST, SECOND, values(x=b"1")) == ""
    assert await short_keys(store) == set()


async def test_a_repeated_commit_is_refused_with_its_own_position(store: WholeStore) -> None:
    for refusal in (None, FIRST, FIRST):
        assert await store.commit(TAG, None, FIRST, values(x=b"1")) == refusal


async def test_partitions_do_not_see_each_other(store: WholeStore) -> None:
    others = [Tag("events", 33), Tag("events", 0), Tag("pairs", 3)]
    await store.commit(TAG, None, FIRST, Writes({"a": (b"1", 0)}, ranked={"a": 1}))
    for other in others:
        assert await store.read(other, ["a"], ranking=True) == Reading(None, [None], {})
        assert await short_keys(store, other) == set()
        assert await store.commit(other, None, SECOND, Writes({"a": (b"2", 0)})) is None
    assert await store.read(TAG, ["a"]) == Reading(FIRST, [b"1"], {})


@pytest.mark.parametrize(
    "value", [b"", b"\0", bytes(range(256)), b"\xff\xfe", b"\x93\x01\x02\x03", b"-0", b"1e5", b"x" * 2_000_000]
)
async def test_values_are_kept_byte_for_byte(store: WholeStore, value: bytes) -> None:
    await store.commit(TAG, None, FIRST, values(x=value))
    assert await store.load(TAG, ["visitor:x"]) == [value]


@pytest.mark.parametrize(
    "key", ["item:a b", "item:ä☃😀", "item:{x}", "item:*?[a]\\", "item:a\nb:c", "item:" + "k" * 512]
)
async def test_keys_and_members_are_kept_as_they_are(store: WholeStore, key: str) -> None:
    await store.commit(TAG, None, FIRST, Writes({key: (b"1", 0)}, ranked={key: 1}))
    assert await store.read(TAG, [key], ranking=True) == Reading(FIRST, [b"1"], {key: 1})
    assert await short_keys(store) == {key}
    await store.commit(TAG, FIRST, SECOND, Writes(deleted=[key], unranked=[key]))
    assert await store.read(TAG, [key], ranking=True) == Reading(SECOND, [None], {})


@pytest.mark.parametrize("score", [0, 1_790_000_000_123, 2**53, -1.5, 0.1, 1 / 3, 1e-300, 1.7976931348623157e308])
async def test_scores_are_kept_exactly(store: WholeStore, score: float) -> None:
    await store.commit(TAG, None, FIRST, Writes(ranked={"x": score}))
    assert await store.ranking(TAG) == {"x": score}


async def test_what_is_kept_for_how_long_can_be_asked(store: WholeStore) -> None:
    await store.commit(TAG, None, FIRST, Writes({"clock": (b"c", 0), "visitor:x": (b"v", 60_000)}))
    for_ever, a_minute, never = await store.kept_for(TAG, ["clock", "visitor:x", "visitor:y"])
    assert (for_ever, never) == (0, None)
    if isinstance(store, RedisStore):  # a dictionary keeps everything
        assert 0 < (a_minute or 0) <= 60_000


async def test_a_partition_is_deleted_whole_and_no_other(store: WholeStore) -> None:
    other = Tag("events", 33)
    for tag in (TAG, other):
        await store.commit(tag, None, FIRST, Writes({"a": (b"1", 0), "b:{x}*": (b"2", 0)}, ranked={"a": 1}))
    assert await store.clear(TAG) == 4
    assert await store.read(TAG, ["a", "b:{x}*"], ranking=True) == Reading(None, [None, None], {})
    assert await store.read(other, ["a"], ranking=True) == Reading(FIRST, [b"1"], {"a": 1})
    assert await store.clear(TAG) == 0


async def test_large_batches_are_written_whole(store: WholeStore) -> None:
    names = [f"k{n}" for n in range(MANY)]
    old, new = names[: MANY // 2], names[MANY // 2 :]
    many = Writes(
        {key: (key.encode(), n % 2 * 60_000) for n, key in enumerate(names)}, ranked=dict.fromkeys(names, 1.0)
    )
    assert await store.commit(TAG, None, FIRST, many) is None
    assert await store.load(TAG, names) == [key.encode() for key in names]
    assert await store.commit(TAG, FIRST, SECOND, Writes(deleted=old, unranked=old)) is None
    found = await store.read(TAG, names, ranking=True)
    assert found.values == [None] * len(old) + [key.encode() for key in new]
    assert found.ranking == dict.fromkeys(new, 1.0)
    assert await short_keys(store) == set(new)


async def test_a_reading_is_of_one_moment(store: WholeStore) -> None:
    """While one commits, others read: values, ranking and position always belong together."""
    commits = 150

    async def write() -> None:
        before: str | None = None
        for n in range(commits):
            new = str(Position("topic", 4, n))
            writes = Writes({"a": (new.encode(), 0), "b": (new.encode(), 0)}, ranked={"x": n})
            assert await store.commit(TAG, before, new, writes) is None
            before = new
            await asyncio.sleep(0)

    async def look(ranking: bool) -> int:
        seen = 0
        while not writer.done():
            found = await store.read(TAG, ["a", "b"], ranking=ranking)
            await asyncio.sleep(0)
            if found.position is not None:
                seen += 1
                assert found.values == [found.position.encode()] * 2
                assert not ranking or found.ranking == {"x": Position.parse(found.position).offset}
        return seen

    writer = asyncio.create_task(write())
    looks = await asyncio.gather(*[look(ranking) for ranking in (False, True, False, True)])
    await writer
    assert min(looks) > 0


async def test_of_two_who_expect_the_same_position_one_wins(store: WholeStore) -> None:
    answers = await asyncio.gather(*[store.commit(TAG, None, f"topic/4/{n}", values(x=b"%d" % n)) for n in range(1, 9)])
    (winner,) = [n for n, answer in enumerate(answers, 1) if answer is None]
    assert {answer for answer in answers if answer is not None} == {f"topic/4/{winner}"}
    assert await store.read(TAG, ["visitor:x"]) == Reading(f"topic/4/{winner}", [b"%d" % winner], {})


async def test_all_partitions_of_a_process_can_commit_at_once(store: WholeStore) -> None:
    tags = [Tag(topic, partition) for topic in ("events", "pairs", "feedback") for partition in range(48)]
    assert await asyncio.gather(*[store.commit(tag, None, FIRST, values(x=b"1")) for tag in tags]) == [None] * len(tags)
    assert await asyncio.gather(*[store.position(tag) for tag in tags]) == [FIRST] * len(tags)


async def test_a_swap_sets_all_values_or_none(store: WholeStore) -> None:
    assert await store.swap(TAG, {"privacy:a": (None, b"1"), "privacy:b": (None, b"2")})
    assert not await store.swap(TAG, {"privacy:a": (b"1", b"3"), "privacy:b": (None, b"4")})
    assert await store.load(TAG, ["privacy:a", "privacy:b"]) == [b"1", b"2"]
    assert not await store.swap(TAG, {"privacy:c": (b"5", b"6")})
    assert await store.swap(TAG, {"privacy:a": (b"1", b"3"), "privacy:c": (None, b"\xff\x00")})
    assert await store.load(TAG, ["privacy:a", "privacy:c"]) == [b"3", b"\xff\x00"]
    assert await store.position(TAG) is None
