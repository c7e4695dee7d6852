"""Visitors cost nothing, addresses do: of many from one, only so many an hour teach what others see."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from serving.http.crowd import Crowd
from tests.serving.deployment import GRANTED, PUBLISHABLE, SECRET, Deployment

ADDRESS, HOUR_MS = "203.0.113.9", 3_600_000


async def teaching(shop: Deployment, *visitors: str, address: str = ADDRESS, key: str = PUBLISHABLE) -> list[bool]:
    """Send one event for each visitor; whether each of them teaches."""
    shop.now += 1_000
    events = [
        {**shop.event("view_item", visitor, "a"), "event_id": f"e{n}-{int(shop.now)}"}
        for n, visitor in enumerate(visitors)
    ]
    before = len(shop.broker.values("events"))
    transport = httpx.ASGITransport(shop.app, client=(address, 40_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        headers = {"authorization": f"Bearer {key}"}
        answer = await client.post("/v1/events", json={"events": events}, headers=headers)
    assert {verdict["status"] for verdict in answer.json()["verdicts"]} == {"accepted"}
    assert len(shop.broker.values("events")) == before + len(visitors)
    stored: dict[str, Any] = {one["event_id"]: one["edge"] for one in shop.broker.values("events")}
    return [stored[event["event_id"]].get("teaches", True) for event in events]


async def test_the_first_fifty_of_an_hour_teach_and_the_rest_are_taken_all_the_same(shop: Deployment) -> None:
    taught = await teaching(shop, *[f"v{n}" for n in range(200)])
    assert taught == [True] * 50 + [False] * 150


async def test_who_has_taught_goes_on_teaching() -> None:
    shop = Deployment(visitors_taught_an_address=2)
    assert await teaching(shop, "a", "b", "c", "a", "c", "b") == [True, True, False, True, False, True]


async def test_after_an_hour_others_may_teach() -> None:
    shop = Deployment(visitors_taught_an_address=2)
    await teaching(shop, "a")
    shop.now += HOUR_MS // 2
    assert await teaching(shop, "b", "c") == [True, False]
    shop.now += HOUR_MS // 2
    assert await teaching(shop, "c", "d") == [True, False]


async def test_other_addresses_have_their_own_count() -> None:
    shop = Deployment(visitors_taught_an_address=1)
    assert await teaching(shop, "a", "b") == [True, False]
    assert await teaching(shop, "b", address="203.0.113.10") == [True]


@pytest.mark.parametrize(
    ("address", "key", "most"),
    [("127.0.0.1", PUBLISHABLE, 1), (ADDRESS, SECRET, 1), (ADDRESS, PUBLISHABLE, 0)],
    ids=["this host", "a server of the shop", "no limit"],
)
async def test_where_no_one_counts_all_teach(address: str, key: str, most: int) -> None:
    shop = Deployment(visitors_taught_an_address=most)
    assert all(await teaching(shop, *"abcdef", address=address, key=key))


async def test_an_event_that_is_refused_does_not_count() -> None:
    shop = Deployment(visitors_taught_an_address=1)
    transport = httpx.ASGITransport(shop.app, client=(ADDRESS, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        bad = {**shop.event("view_item", "a"), "items": []}
        headers = {"authorization": f"Bearer {PUBLISHABLE}"}
        assert (await client.post("/v1/events", json=bad, headers=headers)).json()["verdicts"][0][
            "status"
        ] == "rejected"
    assert await teaching(shop, "b") == [True]


async def test_what_does_not_teach_is_served(shop: Deployment) -> None:
    await teaching(shop, *[f"v{n}" for n in range(50)], "me")
    await shop.settle()
    assert shop.broker.values("events")[-1]["consent"] == GRANTED
    visitor = (await shop.api.visitors.read("me")).visitor
    assert visitor.last.event == "view_item"


async def test_a_client_cannot_say_that_it_teaches() -> None:
    shop = Deployment(visitors_taught_an_address=1)
    await teaching(shop, "a")
    forged = {**shop.event("view_item", "b", "a"), "edge": {"teaches": True}}
    transport = httpx.ASGITransport(shop.app, client=(ADDRESS, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        await client.post("/v1/events", json=forged, headers={"authorization": f"Bearer {PUBLISHABLE}"})
    assert shop.broker.values("events")[-1]["edge"]["teaches"] is False


async def test_the_operator_is_told_once_and_no_address_is_named(shop: Deployment) -> None:
    with capture_logs() as logs:
        await teaching(shop, *[f"v{n}" for n in range(60)])
    assert [one["event"] for one in logs] == ["many_visitors_from_one_address"]
    assert ADDRESS not in json.dumps(logs)
    metrics = (await shop.call("GET", "/metrics", key=SECRET)).text
    assert "liveshelf_events_not_teaching_total" in metrics
    assert ADDRESS not in metrics


def test_memory_is_bounded_by_the_visitors_of_all_addresses() -> None:
    crowd = Crowd(10, lambda: 0.0, most=100)
    for number in range(1_000):
        assert crowd.teaches(number.to_bytes(4), f"v{number}")
    assert sum(map(len, crowd._since.values())) == crowd._remembered == 100


def test_an_address_that_keeps_coming_is_not_forgotten() -> None:
    crowd = Crowd(1, lambda: 0.0, most=10)
    assert crowd.teaches(b"busy", "first")
    for number in range(100):
        crowd.teaches(number.to_bytes(4), "somebody")
        assert not crowd.teaches(b"busy", f"v{number}")


def test_visitors_are_not_kept_by_name() -> None:
    crowd = Crowd(10, lambda: 0.0)
    crowd.teaches(b"address", "visitor-of-mine")
    assert "visitor-of-mine" not in repr(vars(crowd))
