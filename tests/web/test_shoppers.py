"""Shoppers against an API: bounded, patient, and gone when they are told to go."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from functools import cache
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from serving.demo.people import person
from serving.demo.shoppers import AT_ONCE, BATCH, run, until
from serving.demo.world import World
from stream.ingest import Accepted, validate

RATE = 4.0


@cache
def world() -> World:
    return World(1)


class Shop:
    """The two routes as shoppers see them; `faults` are answered before anything is taken."""

    def __init__(self) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self.shelves: list[tuple[str, dict[str, str]]] = []
        self.faults: list[web.Response] = []
        self.keys: dict[str, set[str]] = {}
        self.url = ""
        self.visited = asyncio.Event()

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for batch in self.batches for event in batch]

    async def collect(self, request: web.Request) -> web.Response:
        self.visited.set()
        if self.faults:
            return self.faults.pop()
        events = (await request.json())["events"]
        self.batches.append(events)
        key = request.headers["Authorization"]
        self.keys[key] = self.keys.get(key, set()) | {event["event"] for event in events}
        return web.json_response({"verdicts": []}, status=202)

    async def recommend(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer pk_test"
        self.visited.set()
        self.shelves.append((request.match_info["placement"], dict(request.query)))
        items = [{"item_id": item_id} for item_id in ("pan-1", "pan-2", "lamp-1")]
        return web.json_response({"decision_id": "d1", "status": "ok", "experiment": None, "items": items})


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    shop = Shop()
    app = web.Application()
    app.router.add_post("/v1/events", shop.collect)
    app.router.add_get("/v1/recommendations/{placement}", shop.recommend)
    async with TestServer(app) as server:
        shop.url = str(server.make_url(""))
        yield shop


class Pauses:
    """Waits for nothing, notes how long it was meant to be, and sets `stop` once `enough()`."""

    def __init__(self, stop: asyncio.Event, enough: Callable[[], bool]) -> None:
        self.asked: list[float] = []
        self._stop, self._enough = stop, enough

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        if self._enough():
            self._stop.set()


async def walk(shop: Shop, enough: Callable[[], bool], *, past_visits: int = 0, secret_key: str = "") -> list[float]:
    stop = asyncio.Event()
    pauses = Pauses(stop, enough)
    await run(
        shop.url,
        "pk_test",
        secret_key=secret_key,
        world=world(),
        rate_per_s=RATE,
        stop=stop,
        run_id="test",
        past_visits=past_visits,
        pause=pauses,
    )
    return pauses.asked


async def test_they_send_at_most_the_rate_on_average(shop: Shop) -> None:
    pauses = await walk(shop, lambda: len(shop.events) >= 400)
    assert len(shop.events) / sum(pauses) <= RATE * 1.1


async def test_they_see_both_shelves_and_some_without_profiling(shop: Shop) -> None:
    await walk(shop, lambda: len(shop.shelves) >= 200)
    assert {placement for placement, _ in shop.shelves} == {"home_for_you", "pdp_also_bought"}
    assert all(("item_id" in query) == (placement == "pdp_also_bought") for placement, query in shop.shelves)
    assert {query.get("profiling") for _, query in shop.shelves} == {None, "off"}


async def test_the_same_run_of_a_world_is_the_same(shop: Shop) -> None:
    def told() -> list[tuple[object, ...]]:
        return [(one["event_id"], one["event"], one["visitor_id"], str(one.get("items"))) for one in shop.events[:200]]

    await walk(shop, lambda: len(shop.events) >= 200)
    first = told()
    shop.batches.clear()
    await walk(shop, lambda: len(shop.events) >= 200)
    assert told() == first


async def test_all_that_they_send_passes_the_gate(shop: Shop) -> None:
    await walk(shop, lambda: len(shop.events) >= 600)
    names = {event["event"] for event in shop.events}
    assert names >= {"page_view", "search", "view_item", "view_item_list", "select_item", "add_to_cart", "purchase"}
    for event in shop.events:
        assert isinstance(validate(msgspec.json.encode(event), timestamp=event["sent_at"]), Accepted)


async def test_orders_and_logins_are_told_by_the_server(shop: Shop) -> None:
    await walk(shop, lambda: len(shop.events) >= 1_500, secret_key="sk_test")
    assert shop.keys["Bearer sk_test"] == {"purchase", "identify"}
    assert shop.keys["Bearer pk_test"].isdisjoint({"purchase", "identify"})


async def test_nothing_is_sent_of_those_who_let_nothing_be_kept(shop: Shop) -> None:
    await walk(shop, lambda: len(shop.events) >= 600)
    silent = {one.visitor_ids[0] for one in (person(1, number) for number in range(400)) if one.mind == "nothing"}
    assert len(silent) > 15
    assert silent.isdisjoint(event["visitor_id"] for event in shop.events)
    assert all(event["consent"]["analytics"] for event in shop.events)


async def test_few_are_in_the_shop_together(shop: Shop) -> None:
    await walk(shop, lambda: len(shop.events) >= 300)
    whose = [event["session_id"] for event in shop.events]
    inside = [
        sum(whose.index(one) <= place <= len(whose) - 1 - whose[::-1].index(one) for one in set(whose))
        for place in range(len(whose))
    ]
    assert max(inside) <= AT_ONCE


async def test_a_past_is_told_first_in_few_requests(shop: Shop) -> None:
    before = time.time() * 1000
    await walk(shop, lambda: len(shop.batches) >= 4, past_visits=120)
    past = [event for event in shop.events if event["occurred_at"] < before - 1]
    assert len(past) > BATCH
    assert past == shop.events[: len(past)]
    assert len(shop.batches[0]) == BATCH
    assert past[0]["occurred_at"] >= before - 25 * 60_000
    assert all(event["sent_at"] >= before - 1 for event in past)


async def test_what_could_not_be_sent_is_sent_again_once_under_its_id(shop: Shop) -> None:
    away = [web.Response(status=503, headers={"Retry-After": "7"}) for _ in range(3)]
    shop.faults = list(away)
    pauses = await walk(shop, lambda: len(shop.events) >= 50)
    assert pauses[:3] == [7.0, 7.0, 7.0]
    ids = [event["event_id"] for event in shop.events]
    assert len(ids) == len(set(ids))
    numbers: dict[str, list[int]] = {}
    for name in ids:
        numbers.setdefault(name.rpartition("-")[0], []).append(int(name.rpartition("-")[2]))
    assert all(sent == list(range(1, len(sent) + 1)) for sent in numbers.values())


async def test_they_wait_longer_each_time_that_the_api_is_away(shop: Shop) -> None:
    shop.faults = [web.Response(status=500) for _ in range(7)]
    pauses = await walk(shop, lambda: bool(shop.events))
    assert pauses[:7] == [1.0, 2.0, 4.0, 8.0, 16.0, 16.0, 16.0]
    assert pauses[7] < 1.0


async def test_a_refused_batch_is_not_sent_for_ever(shop: Shop) -> None:
    shop.faults = [web.Response(status=400)]
    await walk(shop, lambda: len(shop.batches) >= 3)
    assert shop.faults == []


async def test_an_api_that_is_not_there_only_makes_them_wait() -> None:
    stop = asyncio.Event()
    pauses = Pauses(stop, lambda: True)
    nobody = "http://127.0.0.1:9"
    await run(nobody, "pk_test", world=world(), rate_per_s=RATE, stop=stop, past_visits=5, pause=pauses)
    assert pauses.asked == [1.0]


async def test_they_leave_at_once_when_told_to_stop(shop: Shop) -> None:
    stop = asyncio.Event()
    walking = asyncio.create_task(run(shop.url, "pk_test", world=world(), rate_per_s=0.001, stop=stop, past_visits=0))
    await asyncio.wait_for(shop.visited.wait(), 5)
    stop.set()
    await asyncio.wait_for(walking, 2)


async def test_they_leave_at_once_when_cancelled(shop: Shop) -> None:
    walking = asyncio.create_task(
        run(shop.url, "pk_test", world=world(), rate_per_s=0.001, stop=asyncio.Event(), past_visits=0)
    )
    await asyncio.wait_for(shop.visited.wait(), 5)
    walking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(walking, 2)


async def test_a_pause_ends_when_its_time_is_over() -> None:
    await asyncio.wait_for(until(asyncio.Event())(0.01), 2)
