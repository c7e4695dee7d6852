"""What an owner keeps in memory: few values, the clock always, and nothing that the store does not get."""

from __future__ import annotations

import pytest

from stream.fold import Clock, Family, State
from stream.shard import Shard
from stream.state.keys import Tag
from stream.state.memory import MemoryStore
from stream.visitor import VisitorFold
from tests.stream.worlds import NOW, PARTITIONS, Kept, event, records

TAG = Tag("events", 0)
FAMILIES = (Family("item", int, "an item", "item_id"), Family("clock", int, "the clock"))


def steps_as_vector(running: object) -> bytes | None:
    steps = getattr(running, "steps", [])
    return ",".join(step.item_id for step in steps).encode() or None


async def shard_over(store: MemoryStore, capacity: int) -> Shard:
    shard = Shard(VisitorFold(str, 1, steps_as_vector), 0, "topic", PARTITIONS, store, Kept())
    shard.state = State(shard.fold.families, capacity=capacity)
    await shard.start()
    return shard


@pytest.mark.parametrize("capacity", [1, 2, 50])
async def test_more_visitors_than_fit_into_memory_are_all_stored(capacity: int) -> None:
    store = MemoryStore()
    shard = await shard_over(store, capacity)
    for n in range(120):
        await shard.apply(records([event("view_item", f"v{n % 40}", "i", at=NOW + n, event_id=str(n))], start=n))
        await shard.flush()
    assert len(shard.state._values) <= capacity + 1
    assert len([key for key in store.values[TAG] if key.startswith("visitor:")]) == 40
    clock = shard.state.read("clock")
    assert isinstance(clock, Clock)
    assert clock.applied == 120


def test_the_least_recently_used_values_go() -> None:
    state = State(FAMILIES, capacity=3)
    for name in "abc":
        state.load(f"item:{name}", None)
    assert state.missing(["item:a"]) == []
    state.load("item:d", None)
    state.settle()
    assert state.missing(["item:a", "item:b", "item:c", "item:d"]) == ["item:b"]


def test_nothing_goes_before_it_is_stored() -> None:
    state = State(FAMILIES, capacity=1)
    for name in "abc":
        state.put(f"item:{name}", 1)
    assert set(state.writes().values) == {"item:a", "item:b", "item:c"}
    state.settle()
    assert not state.writes().values


async def test_a_profile_forgotten_and_begun_again_in_one_batch_keeps_its_new_vector() -> None:
    store = MemoryStore()
    shard = await shard_over(store, 100)
    no, yes = {"personalization": False}, {"personalization": True}
    told = [
        event("view_item", "v", "old", at=NOW),
        event("page_view", "v", at=NOW + 1, consent=no),
        event("consent_update", "v", at=NOW + 2, consent=yes),
        event("view_item", "v", "new", at=NOW + 3),
    ]
    await shard.apply(records(told))
    await shard.flush()
    assert store.values[TAG]["vector:v"] == b"new"


async def test_a_withdrawal_deletes_the_vector() -> None:
    store = MemoryStore()
    shard = await shard_over(store, 100)
    await shard.apply(records([event("view_item", "v", "old", at=NOW)]))
    await shard.flush()
    assert store.values[TAG]["vector:v"] == b"old"
    await shard.apply(records([event("page_view", "v", at=NOW + 1, consent={"personalization": False})], start=1))
    await shard.flush()
    assert "vector:v" not in store.values[TAG]
