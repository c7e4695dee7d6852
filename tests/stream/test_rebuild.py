"""`rebuild`: folds the log again and finds what differs, by name."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from stream.fold import Fold, Record, Writes
from stream.rebuild import CannotRebuild, Report, rebuild
from stream.state.keys import Tag
from stream.state.memory import MemoryStore
from stream.visitor import VisitorFold
from tests.stream.worlds import NOW, PARTITIONS, event, pid_of, records, visitor_shard

LOG = records([event("view_item", f"v{n % 3}", f"i{n}", at=NOW + n) for n in range(12)])
TAG = Tag("events", 0)


def read(start: int, end: int) -> Iterable[list[Record]]:
    yield from ([one] for one in LOG[start:end])


def fold() -> Fold:
    return VisitorFold(pid_of, 1)


async def stored() -> MemoryStore:
    store = MemoryStore()
    shard = await visitor_shard(store)
    for cut in range(0, len(LOG), 5):
        await shard.apply(LOG[cut : cut + 5])
        await shard.flush()
    return store


async def rebuilt(store: MemoryStore) -> Report:
    return await rebuild(fold, 0, store, read, PARTITIONS)


async def test_equal_whatever_the_batches_were() -> None:
    report = await rebuilt(await stored())
    assert report.records == len(LOG)
    assert report.compared == {"visitor": 3, "clock": 1, "ranking": 3}
    assert report.different == []


async def test_one_flipped_byte_is_found_by_name() -> None:
    store = await stored()
    key = f"visitor:{pid_of('v1')}"
    packed = bytearray(store.values[TAG][key])
    packed[-1] ^= 1
    store.values[TAG][key] = bytes(packed)
    assert [one.key for one in (await rebuilt(store)).different] == [key]


async def test_a_key_too_many_and_one_too_few_are_found() -> None:
    store = await stored()
    gone = f"visitor:{pid_of('v2')}"
    del store.values[TAG][gone]
    store.values[TAG]["visitor:nobody"] = b"\x80"
    assert {one.key for one in (await rebuilt(store)).different} == {gone, "visitor:nobody"}


async def test_a_changed_score_is_found() -> None:
    store = await stored()
    store.rankings[TAG][pid_of("v0")] += 1
    assert [one.key for one in (await rebuilt(store)).different] == [f"ranking:{pid_of('v0')}"]


async def test_nothing_stored_compares_nothing() -> None:
    report = await rebuilt(MemoryStore())
    assert (report.records, report.compared) == (0, {})


async def test_a_trimmed_log_needs_a_checkpoint() -> None:
    with pytest.raises(CannotRebuild, match="begins at 3"):
        await rebuild(fold, 0, await stored(), read, PARTITIONS, log_start=3)


class Restless(MemoryStore):
    """Something is committed between any two looks."""

    async def position(self, tag: Tag) -> str | None:
        found = await super().position(tag)
        if found is not None:
            head, offset, owner = found.rsplit("/", 2)
            await self.commit(tag, found, f"{head}/{int(offset) + 1}/{owner}", Writes())
        return found


async def test_a_state_that_never_rests_is_not_compared() -> None:
    store = Restless()
    quiet = await stored()
    store.positions, store.values = quiet.positions, quiet.values
    with pytest.raises(CannotRebuild, match="changes all the time"):
        await rebuilt(store)
