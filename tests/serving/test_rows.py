"""Item rows in memory: what is read when, and what a broken row does."""

from typing import Any

import msgspec
import pytest

from serving.rows import CHUNK
from stream.item import Item
from stream.signals import popularity, relations
from stream.state.keys import Tag
from stream.topics import partition_of
from tests.serving.deployment import NOW, PARTITIONS, Deployment, ids, item


def tag(item_id: str) -> Tag:
    return Tag("pairs", partition_of(item_id.encode(), PARTITIONS["pairs"]))


def put(shop: Deployment, item_id: str, *others: str, weight: float = 1.0, seen: float = 1.0) -> None:
    row: Any = Item(at=NOW)
    links = {other: relations.Link(weight, 1) for other in others}
    row.relations = relations.State(origin=NOW, total=2.0, after=links)
    row.popularity = popularity.State(at=NOW, fast=seen, slow=seen, seen=1)
    shop.store.values[tag(item_id)][f"item:{item_id}"] = msgspec.msgpack.encode(row)


async def page(shop: Deployment, item_id: str) -> list[str]:
    return ids(await shop.shelf("pdp_also_bought", item_ids=[item_id]))


async def swept(shop: Deployment, *, times: int = 1) -> list[float]:
    """Run whole sweeps; the pauses that they made."""
    pauses: list[float] = []

    class EnoughError(Exception):
        pass

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == times * len(shop.api.rows._chunks()):
            raise EnoughError

    shop.api.rows._sleep = sleep
    with pytest.raises(EnoughError):
        await shop.api.rows.sweep()
    return pauses


async def test_a_row_that_nobody_has_read_is_read_for_the_request(shop: Deployment) -> None:
    put(shop, "a", "b", "c")
    before = shop.redis.calls
    assert sorted(await page(shop, "a")) == ["b", "c"]
    assert shop.redis.calls == before + 1
    assert sorted(await page(shop, "a")) == ["b", "c"]
    assert shop.redis.calls == before + 1


async def test_ids_that_somebody_made_up_are_not_kept(shop: Deployment) -> None:
    for n in range(300):
        await page(shop, f"made up {n}")
    assert len(shop.api.shop.codes) == 0
    assert len(shop.api.rows) == 0
    calls = shop.redis.calls
    await page(shop, "made up 299")
    assert shop.redis.calls == calls
    put(shop, "made up 299", "b")
    shop.now += 1_000
    assert await page(shop, "made up 299") == ["b"]


async def test_a_sweep_brings_what_changed(shop: Deployment) -> None:
    await shop.stock(item("a"), item("b"), item("c"))
    await swept(shop)
    put(shop, "a", "b")
    assert "session_table" not in [one["recommender"] for one in (await shop.shelf("trending"))["items"]]
    await swept(shop)
    shelf = await shop.shelf("pdp_also_bought", item_ids=["a"])
    assert (shelf["items"][0]["item_id"], shelf["items"][0]["recommender"]) == ("b", "session_table")
    put(shop, "a", "c")
    await swept(shop)
    assert (await page(shop, "a"))[0] == "c"


async def test_a_sweep_is_spread_over_its_time_in_bounded_chunks(shop: Deployment) -> None:
    await shop.stock(*[item(f"i{n}") for n in range(1_000)])
    first = await swept(shop)
    assert len(first) >= 1_000 / CHUNK
    assert set(first[:-1]) == {0}  # the first as fast as Redis answers
    shop.api.rows.swept.set()
    assert sum(await swept(shop)) == pytest.approx(1.0)
    for n in range(3_000):
        shop.api.shop.codes.code(f"more {n}")
    assert sum(await swept(shop)) == pytest.approx(2.0)


async def test_a_sweep_waits_for_a_redis_that_is_away(shop: Deployment) -> None:
    await shop.stock(item("a"), item("b"))
    put(shop, "a", "b")
    shop.redis.away = True
    pauses = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            shop.redis.away = False
        if len(pauses) > 5:
            raise KeyboardInterrupt

    shop.api.rows._sleep = sleep
    with pytest.raises(KeyboardInterrupt):
        await shop.api.rows.sweep()
    assert (await page(shop, "a"))[0] == "b"


def neighbours(shop: Deployment, item_id: str) -> set[str]:
    row = shop.api.rows.of(item_id)
    assert row is not None
    return {shop.api.shop.codes.ids[code] for code in row.codes}


async def looked(shop: Deployment) -> None:
    """One look at what the partitions' owners wrote of late."""
    for partition in range(PARTITIONS["pairs"]):
        await shop.api.rows._look(partition)


async def test_what_was_written_is_read_at_the_next_look_and_nothing_else(shop: Deployment) -> None:
    for item_id in ("a", "b"):
        await shop.view("me", item_id)
    await looked(shop)
    before = shop.redis.calls
    await looked(shop)
    assert shop.redis.calls == before + PARTITIONS["pairs"]  # nothing new: no row is read
    assert await page(shop, "a") == ["b"]
    put(shop, "a", "c")  # not by its owner, so nobody is told
    await looked(shop)
    assert neighbours(shop, "a") == {"b"}
    await shop.view("you", "a", "d", settle=False)
    await shop.work()
    await looked(shop)
    assert neighbours(shop, "a") == {"b", "d"}


async def test_a_look_that_fails_is_made_up_for_by_the_next(shop: Deployment) -> None:
    await shop.view("me", "a", "b")
    await looked(shop)
    assert await page(shop, "a") == ["b"]
    await shop.view("you", "a", "c", settle=False)
    await shop.work()
    shop.redis.away = True
    await looked(shop)
    assert neighbours(shop, "a") == {"b"}
    shop.redis.away = False
    await looked(shop)
    assert neighbours(shop, "a") == {"b", "c"}


async def test_what_no_request_uses_is_read_when_one_does(shop: Deployment) -> None:
    await shop.view("me", "a", "b")
    before = shop.redis.calls
    await looked(shop)
    assert shop.redis.calls == before + PARTITIONS["pairs"]
    assert await page(shop, "a") == ["b"]
    assert shop.redis.calls == before + PARTITIONS["pairs"] + 1
    assert await page(shop, "a") == ["b"]
    assert shop.redis.calls == before + PARTITIONS["pairs"] + 1


async def test_what_redis_has_forgotten_is_forgotten_here(shop: Deployment) -> None:
    await shop.stock(item("a"), item("b"))
    put(shop, "a", "b")
    await shop.settle()
    assert ids(await shop.shelf("trending", n=1)) == ["a"]
    shop.store.values.clear()
    await shop.settle()
    assert (await shop.shelf("trending", n=1))["status"] == "fallback"
    assert shop.api.rows.of("a") is None


@pytest.mark.parametrize("broken", [b"", b"\xc1", msgspec.msgpack.encode({"relations": 5}), b"\x81\xa2at"])
async def test_a_broken_row_is_as_none_and_harms_no_answer(shop: Deployment, broken: bytes) -> None:
    await shop.stock(item("a"), item("b"))
    shop.store.values[tag("a")]["item:a"] = broken
    await shop.settle()
    for _ in range(2):
        shelf = await shop.shelf("pdp_also_bought", item_ids=["a"])
        assert "session_table" not in {one["recommender"] for one in shelf["items"]}
        await shop.settle()
    put(shop, "a", "b")
    await shop.settle()
    assert (await page(shop, "a"))[0] == "b"


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), -float("inf")])
async def test_numbers_that_are_not_finite_never_reach_an_answer(shop: Deployment, weight: float) -> None:
    await shop.stock(item("a"), item("b"))
    put(shop, "a", "b", weight=weight)
    await shop.settle()
    shelf = await shop.shelf("pdp_also_bought", item_ids=["a"])
    assert all(abs(one["score"]) < 1e9 for one in shelf["items"])


@pytest.mark.parametrize("seen", [float("nan"), float("inf")])
async def test_nothing_is_endlessly_popular(shop: Deployment, seen: float) -> None:
    await shop.stock(item("a"), item("b"))
    put(shop, "a", seen=seen)
    put(shop, "b")
    await shop.settle()
    assert ids(await shop.shelf("trending"))[0] == "b"


async def test_a_visitors_value_that_cannot_be_read_degrades_the_answer(shop: Deployment) -> None:
    await shop.view("me", "a")
    for values in shop.store.values.values():
        for key in values:
            if key.startswith("visitor:"):
                values[key] = b"\xc1"
    assert (await shop.shelf("home_for_you", "me"))["status"] == "degraded"
