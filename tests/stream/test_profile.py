"""The profile agent: a customer is the union of their visitors, in whatever order the visitors' entries come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from stream.entries import Merged, Parted, Summary, Touch
from stream.fold import Batch, Emit, Record, State
from stream.profile import VISITORS, ProfileFold, Shared
from stream.rebuild import rebuild
from stream.roster import fold_of
from stream.settings import Settings
from stream.shard import Shard
from stream.state.keys import Tag
from stream.state.memory import MemoryStore
from stream.tokens import customer_pseudonym, pseudonym
from stream.visitor import RETENTION_MS
from tests.simulator.profile import LONG
from tests.stream.worlds import NOW, PARTITIONS, Kept, event, records

DAY_MS = 86_400_000
CIDS = ("c1", "c2")
Words = tuple[str, str, int]
"""One entry of a visitor: its kind, the customer, and the day."""


class Agent:
    """One partition's fold over records as visitors' partitions send them; each visitor comes from its own."""

    def __init__(self) -> None:
        self._fold = ProfileFold()
        self.state = State(self._fold.families)
        for name in ("clock", "marks"):
            self.state.load(name, None)
        self._offsets: dict[str, int] = {}

    def send(self, pid: str, *entries: Words) -> None:
        made = []
        for kind, cid, day in entries:
            offset = self._offsets[pid] = self._offsets.get(pid, -1) + 1
            made.append(entry(offset, pid, kind, cid, day))
        self.deliver(pid, made)

    def deliver(self, pid: str, entries: Sequence[Any]) -> None:
        value = msgspec.msgpack.encode(Batch(("events", source(pid)), list(entries)))
        decoded = self._fold.decode(Record("profile", 0, 0, NOW, None, value))
        for key in self.state.missing(self._fold.keys([decoded], self.state)):
            self.state.load(key, None)
        record = Record("profile", 0, 0, NOW, None, value)
        self._fold.fold(record, decoded, self.state, Emit(("profile", 0), PARTITIONS))

    def customers(self) -> dict[str, dict[str, Shared]]:
        """By customer the visitors, as the store would give them back."""
        found = {}
        for cid in CIDS:
            if not self.state.missing([f"customer:{cid}"]) and (one := self.state.read(f"customer:{cid}")) is not None:
                found[cid] = one.visitors
        return found


def source(pid: str) -> int:
    return int(pid.removeprefix("v"))


def entry(offset: int, pid: str, kind: str, cid: str, day: int) -> Merged | Parted:
    if kind == "parted":
        return Parted(offset, 0, cid, pid)
    at = NOW + day * DAY_MS + offset
    summary = Summary([Touch(f"{pid}-{offset}", at, f"e{offset}")], [], [])
    return Merged(offset, 0, cid, pid, source(pid), 0, at, summary)


kinds = st.sampled_from(("merged", "merged", "parted"))
of_a_visitor = st.lists(st.tuples(kinds, st.sampled_from(CIDS), st.integers(0, 80)), max_size=6)


def told(words: list[Words]) -> list[Words]:
    """A visitor's days only go on."""
    days = sorted(day for _, _, day in words)
    return [(kind, cid, day) for (kind, cid, _), day in zip(words, days, strict=True)]


def interleaved(data: st.DataObject, of: dict[str, list[Words]]) -> Agent:
    """An agent that got the visitors' entries in some order; each visitor's own order is kept."""
    agent = Agent()
    order = data.draw(st.permutations([pid for pid, words in of.items() for _ in words]))
    left = {pid: list(words) for pid, words in of.items()}
    for pid in order:
        agent.send(pid, left[pid].pop(0))
    return agent


@settings(max_examples=2_000 if LONG else 150, deadline=None)
@given(data=st.data(), of=st.dictionaries(st.sampled_from([f"v{n}" for n in range(6)]), of_a_visitor))
def test_any_interleaving_of_visitors_gives_the_same_customers(data: st.DataObject, of: dict[str, list[Words]]) -> None:
    of = {pid: told(words) for pid, words in of.items()}
    one, other = (interleaved(data, of) for _ in range(2))
    assert one.customers() == other.customers()
    for pid, words in of.items():
        last = {cid: kind for kind, cid, _ in words}
        for cid in CIDS:
            assert (pid in one.customers().get(cid, {})) == (last.get(cid) == "merged")


@settings(max_examples=500 if LONG else 40, deadline=None)
@given(data=st.data(), days=st.lists(st.integers(0, 300), min_size=VISITORS, max_size=VISITORS + 8))
def test_beyond_the_bounds_too_as_long_as_nobody_parts(data: st.DataObject, days: list[int]) -> None:
    of = {f"v{n}": [("merged", "c1", day), ("merged", "c1", day + n % 3)] for n, day in enumerate(days)}
    one, other = (interleaved(data, of) for _ in range(2))
    assert one.customers() == other.customers()
    kept = one.customers()["c1"]
    newest = max(shared.at for shared in kept.values())
    assert len(kept) <= VISITORS
    assert all(newest - shared.at <= RETENTION_MS for shared in kept.values())


@settings(max_examples=500 if LONG else 60, deadline=None)
@given(before=of_a_visitor, day=st.integers(0, 80))
def test_merged_and_parted_is_never_merged(before: list[Words], day: int) -> None:
    never, parted = Agent(), Agent()
    for agent in (never, parted):
        agent.send("v1", *told(before))
    parted.send("v2", ("merged", "c1", day), ("parted", "c1", day))
    assert parted.customers() == never.customers()


def test_a_customer_without_visitors_is_no_key() -> None:
    agent = Agent()
    agent.send("v1", ("merged", "c1", 0))
    agent.send("v1", ("parted", "c1", 0))
    assert agent.state.read("customer:c1") is None
    assert agent.state.writes().deleted == ["customer:c1"]


def test_an_entry_that_comes_twice_counts_once() -> None:
    agent = Agent()
    entries = [entry(0, "v1", "merged", "c1", 0), entry(1, "v1", "parted", "c1", 0)]
    agent.deliver("v1", entries)
    agent.deliver("v1", entries[:1])
    assert agent.customers() == {}
    assert agent.state.read("clock").duplicates == 1


def test_the_visitor_that_came_longest_ago_goes() -> None:
    agent = Agent()
    for n in range(VISITORS + 1):
        agent.send(f"v{n}", ("merged", "c1", (n * 7) % (VISITORS + 1)))
    assert len(agent.customers()["c1"]) == VISITORS
    assert "v0" not in agent.customers()["c1"]


def test_who_has_not_come_for_90_days_goes() -> None:
    agent = Agent()
    agent.send("v1", ("merged", "c1", 0))
    agent.send("v2", ("merged", "c1", 90))
    assert set(agent.customers()["c1"]) == {"v1", "v2"}
    agent.send("v3", ("merged", "c1", 91))
    assert set(agent.customers()["c1"]) == {"v2", "v3"}


async def test_what_is_no_entry_becomes_a_dead_letter() -> None:
    sent = Kept()
    shard = Shard(ProfileFold(), 0, "topic", PARTITIONS, MemoryStore(), sent)
    await shard.start()
    await shard.apply([Record("profile", 0, 0, NOW, None, b"{}")])
    await shard.flush()
    assert [record.topic for record in sent.sent] == ["dead_letters"]


async def test_it_is_rebuilt_from_its_log_and_a_flipped_byte_is_found_by_name() -> None:
    log, store = [], MemoryStore()
    for offset, pid in enumerate(("v1", "v2", "v3")):
        value = msgspec.msgpack.encode(Batch(("events", source(pid)), [entry(offset, pid, "merged", "c1", offset)]))
        log.append(Record("profile", 0, offset, NOW, None, value))
    shard = Shard(
        fold_of("profile", Settings(pseudonym_key=SecretStr("key")), PARTITIONS)(),
        0,
        "topic",
        PARTITIONS,
        store,
        Kept(),
    )
    await shard.start()
    await shard.apply(log)
    await shard.flush()
    report = await rebuild(ProfileFold, 0, store, lambda start, end: [log[start:end]], PARTITIONS)
    assert (report.compared, report.different) == ({"customer": 1, "clock": 1, "marks": 1}, [])
    values = store.values[Tag("profile", 0)]
    values["customer:c1"] = values["customer:c1"][:-1] + b"x"
    report = await rebuild(ProfileFold, 0, store, lambda start, end: [log[start:end]], PARTITIONS)
    assert [one.key for one in report.different] == ["customer:c1"]


async def test_the_workers_visitor_fold_names_customers_by_pseudonym() -> None:
    sent = Kept()
    fold = fold_of("visitor", Settings(pseudonym_key=SecretStr("key")), PARTITIONS)()
    shard = Shard(fold, 0, "topic", PARTITIONS, MemoryStore(), sent)
    await shard.start()
    await shard.apply(records([event("identify", "ann", customer_id="c1")]))
    await shard.flush()
    (out,) = [one for one in sent.sent if one.topic == "profile"]
    (told,) = ProfileFold().decode(Record("profile", 0, 0, NOW, None, out.value)).entries
    assert (told.cid, told.pid) == (customer_pseudonym(b"key", "c1"), pseudonym(b"key", "ann"))
    assert told.cid not in {pseudonym(b"key", "c1"), told.pid}


async def test_a_customer_comes_back_from_the_store_as_it_was() -> None:
    store = MemoryStore()
    for offset, pid in enumerate(("v1", "v2", "v1")):
        shard = Shard(ProfileFold(), 0, "topic", PARTITIONS, store, Kept())
        await shard.start()
        value = msgspec.msgpack.encode(Batch(("events", source(pid)), [entry(offset, pid, "merged", "c1", offset)]))
        await shard.apply([Record("profile", 0, offset, NOW, None, value)])
        await shard.flush()
    assert len(store.values[Tag("profile", 0)]["customer:c1"]) < 300
    whole = Agent()
    for offset, pid in enumerate(("v1", "v2", "v1")):
        whole.deliver(pid, [entry(offset, pid, "merged", "c1", offset)])
    assert store.values[Tag("profile", 0)]["customer:c1"] == msgspec.msgpack.encode(whole.state.read("customer:c1"))
