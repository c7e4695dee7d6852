"""All state under another pseudonym key: the same state by other names, and none of the old ones in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from stream.fold import Writes
from stream.migrate import (
    BESIDE,
    FAMILIES,
    PSEUDONYMS,
    RANKINGS,
    CannotMigrate,
    Renaming,
    count,
    delete,
    move,
    refuse,
    refuse_delete,
    tags,
)
from stream.privacy import FAMILY, Privacy, joined, unpack
from stream.pseudonyms import STORED, Pseudonyms
from stream.shard import Halt
from stream.state.keys import Tag
from stream.state.memory import MemoryStore
from stream.state.store import UNFINISHED, Position
from stream.visitor import Visitor
from tests.stream.keyed import CUSTOMERS, EVENTS, FIRST_KEY, PARTITIONS, TOPIC_IDS, VISITORS, Town, different, dump

ONE = Pseudonyms((FIRST_KEY,))
TWO = ONE.and_another(b"the next key")
THREE = TWO.and_another(b"yet another key")
TABLE = Path(__file__).parents[2].joinpath("schemas", "state.md").read_text(encoding="utf-8")
HALF = len(EVENTS) // 2


@pytest.fixture
async def town() -> Town:
    town = Town()
    town.tell(EVENTS)
    return town


async def settled(town: Town, chain: Pseudonyms = ONE) -> MemoryStore:
    store = MemoryStore()
    await town.work(store, chain)
    return store


async def moved(store: MemoryStore, before: Pseudonyms = ONE, after: Pseudonyms = TWO) -> MemoryStore:
    target = MemoryStore()
    await move(store, target, Renaming(after, before.length, PARTITIONS), PARTITIONS)
    return target


def names(chain: Pseudonyms) -> list[bytes]:
    of_visitors = [chain.of_visitor(visitor_id, epoch) for visitor_id in VISITORS for epoch in range(3)]
    return [name.encode() for name in (*of_visitors, *map(chain.of_customer, CUSTOMERS))]


async def test_the_log_gives_the_moved_state_with_the_longer_chain(town: Town) -> None:
    store = await settled(town)
    target = await moved(store)
    reports = await town.rebuilt(target, TWO)
    assert different(reports) == []
    assert sum(report.compared.get("customer", 0) for report in reports) > 0
    keys = {f"events.{STORED}": PARTITIONS["events"]}
    assert await count(target, PARTITIONS) == keys | await count(store, PARTITIONS)


async def test_no_old_name_is_left_anywhere(town: Town) -> None:
    store = await settled(town)
    before, after = dump(store), dump(await moved(store))
    assert sum(name in before for name in names(ONE)) > 30
    assert [name for name in names(ONE) if name in after] == []
    assert {name for name in names(TWO) if name in after} == {
        two for one, two in zip(names(ONE), names(TWO), strict=True) if one in before
    }


async def test_it_can_be_done_again(town: Town) -> None:
    twice = await moved(await moved(await settled(town)), TWO, THREE)
    assert different(await town.rebuilt(twice, THREE)) == []
    assert [name for name in (*names(ONE), *names(TWO)) if name in dump(twice)] == []


async def test_what_waits_in_derived_topics_is_read_with_the_longer_chain() -> None:
    """The visitor agent has told of customers by their old names, and nobody has read it yet."""
    town, store = Town(), MemoryStore()
    town.tell(EVENTS[:HALF])
    await town.work(store, ONE, waiting=("profile", "feedback"))
    target = await moved(store)
    town.tell(EVENTS[HALF:])
    await town.work(target, TWO)
    assert different(await town.rebuilt(target, TWO)) == []
    assert [name for name in names(ONE) if name in dump(target)] == []


@pytest.mark.parametrize("commits", [0, 3, 8, 12])
async def test_what_was_sent_but_not_committed_before_counts_once(commits: int) -> None:
    """A worker ended between the two: the next one sends the same again, by new names."""
    town, store = Town(), Failing()
    town.tell(EVENTS)
    store.left = commits
    with pytest.raises(Interrupted):
        await town.work(store, ONE)
    store.left = 1_000_000
    await town.work(store, ONE, waiting=("events",))
    target = await moved(store)
    await town.work(target, TWO)
    assert different(await town.rebuilt(target, TWO)) == []
    assert without_clocks(target) == without_clocks(await moved(await never_moved()))


@pytest.mark.parametrize("cut", range(0, len(EVENTS), 105))
async def test_whenever_it_is_done_the_end_is_the_same(cut: int) -> None:
    town, store = Town(), MemoryStore()
    town.tell(EVENTS[:cut])
    await town.work(store, ONE)
    target = await moved(store)
    town.tell(EVENTS[cut:])
    await town.work(target, TWO)
    assert different(await town.rebuilt(target, TWO)) == []
    assert without_clocks(target) == without_clocks(await moved(await never_moved()))


async def never_moved() -> MemoryStore:
    town = Town()
    town.tell(EVENTS)
    return await settled(town)


def without_clocks(store: MemoryStore) -> dict[str, bytes]:
    """All visitors' and customers' values; how derived records were cut is in others."""
    return {
        key: packed
        for values in store.values.values()
        for key, packed in values.items()
        if key.partition(":")[0] in ("visitor", "customer")
    }


async def test_what_was_said_and_erased_stays_so(town: Town) -> None:
    store = await settled(town)
    target = await moved(store)
    known = {visitor_id: privacy(store, ONE, visitor_id) for visitor_id in VISITORS}
    assert known["gone"].erased_at
    for visitor_id, granted in (("gone", False), ("quiet", False), ("stays", True)):
        assert any(word.granted for word in known[visitor_id].consent.values()) is granted
    assert {visitor_id: privacy(target, TWO, visitor_id) for visitor_id in VISITORS} == known


async def test_what_is_on_record_by_old_names_is_read_by_the_new_ones(town: Town) -> None:
    """A Redis that lost its copy of the privacy topic reads it again."""
    store = await settled(town)
    target = await moved(store)
    before = dump(target)
    for values in target.values.values():
        for key in [key for key in values if key.startswith("privacy")]:
            del values[key]
    await town.work(target, TWO)
    assert dump(target) == before


def privacy(store: MemoryStore, chain: Pseudonyms, visitor_id: str) -> Privacy:
    """What a visitor's value and what is on record say together."""
    pid = chain.of_visitor(visitor_id)
    (packed, told) = (
        next((values[key] for values in store.values.values() if key in values), None)
        for key in (f"visitor:{pid}", f"privacy:{pid}")
    )
    visitor = Visitor() if packed is None else msgspec.msgpack.decode(packed, type=Visitor)
    return joined(Privacy(epoch=visitor.epoch, consent=visitor.consent), unpack(told))


# families


async def test_every_family_is_in_this_test_and_says_whether_it_carries_names(town: Town) -> None:
    """A new family fails here until a stream fills it, and then the scan for old names finds what it forgot."""
    told = set(re.findall(r"^\| `ls:\{(\w+):p\}:(\w+)", TABLE, re.MULTILINE))
    found = await count(await moved(await settled(town)), PARTITIONS)
    assert told - {(topic, "position") for topic in FAMILIES} == {tuple(name.split(".")) for name in found}


def test_every_id_that_is_a_pseudonym_is_renamed() -> None:
    named = {
        (topic, family.name)
        for topic, families in FAMILIES.items()
        for family in families.values()
        if family.id in PSEUDONYMS
    }
    told = re.findall(r"^\| `ls:\{(\w+):p\}:(\w+):<(?:pid|cid)>`", TABLE, re.MULTILINE)
    assert named == set(told)
    assert {topic for topic, family in RANKINGS.items() if family.id in PSEUDONYMS} == {"events"}
    assert {family.name for family in BESIDE} >= {FAMILY, STORED}


async def test_a_family_that_nobody_knows_stops_it(town: Town) -> None:
    store = await settled(town)
    store.values[Tag("pairs", 1)]["basket:x"] = b"?"
    with pytest.raises(CannotMigrate, match="pairs:1 holds a value of the family 'basket'"):
        await moved(store)


# interruptions


class Interrupted(Exception):
    """The process ended."""


class Failing(MemoryStore):
    """Ends after so many writes."""

    left = 0

    async def commit(self, tag: Tag, expected: str | None, new: str, writes: Writes) -> str | None:
        self._count()
        return await super().commit(tag, expected, new, writes)

    async def swap(self, tag: Tag, changes: Mapping[str, tuple[bytes | None, bytes]]) -> bool:
        self._count()
        return await super().swap(tag, changes)

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Interrupted


@pytest.mark.parametrize("writes", [0, 1, 9, 13, 20])
async def test_interrupted_and_run_again(town: Town, writes: int) -> None:
    store = await settled(town)
    before, target = dump(store), Failing()
    target.left = writes
    renaming = Renaming(TWO, ONE.length, PARTITIONS)
    with pytest.raises(Interrupted):
        await move(store, target, renaming, PARTITIONS)
    assert dump(store) == before
    assert different(await town.rebuilt(store, ONE)) == []
    if writes > len(store.positions):
        with pytest.raises(Halt, match="not whole"):
            await town.work(target, TWO)
    target.left = 1_000_000
    await refuse(store, target, TOPIC_IDS, PARTITIONS, town.ends, ONE)
    await move(store, target, renaming, PARTITIONS)
    assert dump(target) == dump(await moved(store))
    assert target.positions == store.positions


# what it refuses


async def test_a_state_that_is_not_whole_or_not_of_this_broker_is_refused(town: Town) -> None:
    store = await settled(town)
    tag = Tag("events", 0)
    for position, why in (
        (Position(UNFINISHED, 0, 0), "interrupted migration"),
        (Position("another", 3, 1), "another topic"),
        (Position("golden", 4, 1), "another topic"),
        (Position("golden", 3, 1_000_000), "the log was cut"),
    ):
        was, store.positions[tag] = store.positions[tag], str(position)
        with pytest.raises(CannotMigrate, match=why):
            await refuse(store, MemoryStore(), TOPIC_IDS, PARTITIONS, town.ends, ONE)
        store.positions[tag] = was


async def test_nothing_is_nothing_to_move(town: Town) -> None:
    with pytest.raises(CannotMigrate, match="lies no state"):
        await refuse(MemoryStore(), MemoryStore(), TOPIC_IDS, PARTITIONS, town.ends, ONE)


async def test_by_other_keys_it_is_not_renamed(town: Town) -> None:
    target = await moved(await settled(town))
    with pytest.raises(CannotMigrate, match="other pseudonym keys"):
        await refuse(target, MemoryStore(), TOPIC_IDS, PARTITIONS, town.ends, ONE)


async def test_a_state_that_went_on_is_not_written_over() -> None:
    town = Town()
    town.tell(EVENTS[:HALF])
    store = await settled(town)
    target = await moved(store)
    town.tell(EVENTS[HALF:])
    await town.work(target, TWO)
    with pytest.raises(CannotMigrate, match="lies a state already"):
        await refuse(store, target, TOPIC_IDS, PARTITIONS, town.ends, ONE)


async def test_a_worker_that_goes_on_meanwhile_is_noticed(town: Town) -> None:
    store = await settled(town)

    class Moving(MemoryStore):
        async def clear(self, tag: Tag) -> int:
            found = Position.parse(store.positions[Tag("events", 0)])
            store.positions[Tag("events", 0)] = str(found._replace(offset=found.offset + 1))
            return await super().clear(tag)

    target = Moving()
    with pytest.raises(CannotMigrate, match="moved on"):
        await move(store, target, Renaming(TWO, 1, PARTITIONS), PARTITIONS)
    assert {Position.parse(found).topic_id for found in target.positions.values()} == {UNFINISHED}


async def test_two_at_a_time_do_not_mix(town: Town) -> None:
    store = await settled(town)

    class Shared(MemoryStore):
        """Another migration begins anew when this one is about to write its rankings."""

        async def commit(self, tag: Tag, expected: str | None, new: str, writes: Writes) -> str | None:
            if writes.ranked:
                await self.clear(tag)
            return await super().commit(tag, expected, new, writes)

    with pytest.raises(CannotMigrate, match="somebody else writes events:0"):
        await move(store, Shared(), Renaming(TWO, 1, PARTITIONS), PARTITIONS)


# the end of the old state


async def test_the_old_state_is_deleted_once_all_is_there(town: Town) -> None:
    store = await settled(town)
    target = await moved(store)
    await refuse_delete(store, target, PARTITIONS, TWO)
    assert await delete(store, PARTITIONS) > 100
    assert (dump(store).strip(), store.positions) == (b"", {})
    assert different(await town.rebuilt(target, TWO)) == []


async def test_what_is_not_all_there_is_not_deleted(town: Town) -> None:
    store = await settled(town)
    target = await moved(store)
    del target.positions[Tag("events", 2)]
    with pytest.raises(CannotMigrate, match="not all there"):
        await refuse_delete(store, target, PARTITIONS, TWO)
    with pytest.raises(CannotMigrate, match="other pseudonym keys"):
        await refuse_delete(store, await moved(store), PARTITIONS, ONE)


async def test_a_migration_that_was_given_up_can_be_deleted(town: Town) -> None:
    store, target = await settled(town), Failing()
    target.left = 20
    with pytest.raises(Interrupted):
        await move(store, target, Renaming(TWO, 1, PARTITIONS), PARTITIONS)
    await refuse_delete(target, store, PARTITIONS, ONE)
    await delete(target, PARTITIONS)
    assert not any([await target.position(tag) for tag in tags(PARTITIONS)])
