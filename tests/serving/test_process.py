"""A serving process with a broker and a Redis: what it starts with, what it keeps, and how it ends."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis import Redis

from serving.console.accounts import Account, added, change, path_of
from serving.console.passwords import hash_of
from serving.http.application import Application
from serving.process import Process
from stream.keyring import pseudonyms
from stream.settings import Settings
from stream.topics import TOPICS
from tests.backends import MockBroker, RedisServer
from tests.serving.deployment import GRANTED, NOW, PUBLISHABLE, SECRET, item

PHRASE = "correct horse battery staple"
CONSOLE = "https://shop/console"


@pytest.fixture
def broker() -> Iterator[MockBroker]:
    with MockBroker({topic.name: 2 for topic in TOPICS.values()}) as running:
        yield running


@pytest.fixture
def settings(broker: MockBroker, empty_redis: RedisServer, tmp_path: Path) -> Settings:
    return Settings(
        broker_url=broker.url,
        redis_url=empty_redis.url,
        data_dir=tmp_path,
        embedded_broker=True,
        run_id="run",
        pseudonym_key="pseudonyms",
        signing_key="signatures",
        publishable_key=PUBLISHABLE,
        secret_key=SECRET,
    )


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with Process(settings).running() as process:
        app = Application()
        app.serve(process.api.routes, process.api.access.origins, process.pages)
        transport, headers = httpx.ASGITransport(app), {"authorization": f"Bearer {SECRET}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://shop", headers=headers) as client:
            await until(lambda: ready(client))
            yield client


async def ready(client: httpx.AsyncClient) -> bool:
    return (await client.get("/readyz")).status_code == 200


async def until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not await true():
            await asyncio.sleep(0.01)


async def shelf(client: httpx.AsyncClient) -> Any:
    return (await client.get("/v1/recommendations/home_for_you")).json()


async def test_a_state_by_other_keys_is_as_one_that_cannot_be_asked(settings: Settings) -> None:
    ask = {"visitor_id": "me"}
    with Redis.from_url(settings.redis_url) as redis:
        redis.set("ls:{events:1}:pseudonyms", pseudonyms(settings).fingerprint)
        async with serving(settings) as client:
            assert (await client.post("/v1/recommendations/home_for_you", json=ask)).json()["status"] == "no_consent"
        redis.set("ls:{events:1}:pseudonyms", b"another")

    async def degraded() -> bool:
        found = await client.post("/v1/recommendations/home_for_you", json=ask)
        return bool(found.json()["status"] == "degraded")

    async with serving(settings) as client:
        await until(degraded)


async def test_items_and_events_go_to_the_broker_and_items_come_back(settings: Settings) -> None:
    async with serving(settings) as client:
        stored = await client.put("/v1/catalog/items", json={"items": [item("a"), item("b", quantity=0)]})
        assert stored.json()["stored"] == 2
        assert (await client.get("/v1/catalog/items/a")).json()["title"] == "Title a"
        event = {"event_id": "e", "event": "view_item", "occurred_at": NOW, "visitor_id": "me", "consent": GRANTED}
        answer = await client.post("/v1/events", json={**event, "items": [{"item_id": "a"}]})
        assert answer.json()["verdicts"][0]["status"] == "accepted"
        await until(lambda: has_items(client))
        assert [one["item_id"] for one in (await shelf(client))["items"]] == ["a"]
        lag = (await client.get("/v1/ops/lag")).json()
        assert lag["records"] == 3  # the event, and the items, which the ledger reads
        assert (await client.get("/")).status_code == 200


async def has_items(client: httpx.AsyncClient) -> bool:
    return bool((await shelf(client))["items"])


async def test_the_next_start_answers_from_its_copy_while_the_broker_is_away(
    settings: Settings, broker: MockBroker
) -> None:
    async with serving(settings) as client:
        await client.put("/v1/catalog/items", json={"items": [item("a"), item("sold out", quantity=0)]})
    broker.down()
    async with serving(settings) as client:
        found = await shelf(client)
        assert (found["status"], [one["item_id"] for one in found["items"]]) == ("degraded", ["a"])
        answer = await client.post("/v1/events", json={})
        assert answer.status_code in {202, 503}
        assert (await client.put("/v1/catalog/items", json={"items": [item("c")]})).status_code == 503
        broker.up()
        await until(lambda: is_ok(client))
        assert (await client.put("/v1/catalog/items", json={"items": [item("c")]})).status_code == 200


async def test_what_marketers_set_holds_in_every_process_and_over_a_start_without_the_broker(
    settings: Settings, broker: MockBroker
) -> None:
    path = "/v1/admin/placements/trending"
    async with serving(settings) as client, serving(settings) as other:
        await client.put("/v1/catalog/items", json={"items": [item("a")]})
        document = {"explain": "Off.", "recommenders": ["popular"], "enabled": False}
        answer = await client.put(path, json=document)
        assert (answer.status_code, answer.json()["document"]["enabled"]) == (200, False)
        await until(lambda: is_off(other))
    broker.down()
    async with serving(settings) as client:
        assert await is_off(client)
        found = (await client.get("/v1/recommendations/trending")).json()
        assert (found["status"], found["items"]) == ("insufficient_data", [])
        assert (await client.put(path, json={**document, "enabled": True})).status_code == 503
        broker.up()
        await until(lambda: is_ok(client))
        assert await is_off(client)
        assert (await client.delete(path)).status_code == 204
        assert not await is_off(client)


async def is_off(client: httpx.AsyncClient) -> bool:
    return not (await client.get("/v1/admin/placements/trending")).json()["document"]["enabled"]


async def is_ok(client: httpx.AsyncClient) -> bool:
    return bool((await shelf(client))["status"] == "fallback")


async def test_another_run_of_the_embedded_broker_starts_empty(settings: Settings) -> None:
    async with serving(settings) as client:
        await client.put("/v1/catalog/items", json={"items": [item("a")]})
    with MockBroker({topic.name: 2 for topic in TOPICS.values()}) as other:
        again = settings.model_copy(update={"run_id": "another", "broker_url": other.url})
        async with serving(again) as client:
            assert (await client.get("/v1/catalog/items/a")).status_code == 404


async def test_the_console_signs_in_records_it_and_shows_the_record(settings: Settings) -> None:
    account = Account("otto", "owner", hash_of(PHRASE))
    change(path_of(settings), lambda known: added(known, account))
    async with serving(settings) as client:
        await until(lambda: has_topics(client))
        form = re.findall(r'name="csrf" value="(\w+)"', (await client.get(f"{CONSOLE}/login")).text)
        fields = {"csrf": form[0], "name": "otto", "password": PHRASE}
        answer = await client.post(f"{CONSOLE}/login", data=fields, follow_redirects=True)
        assert answer.status_code == 200
        assert "Signed in as <b>otto</b>" in answer.text
        row = answer.text.partition("<tbody>")[2].partition("</tbody>")[0]
        assert re.sub(r"<[^>]+>", " ", row).split()[2:] == ["otto", "owner", "sign", "in", "done"]


async def has_topics(client: httpx.AsyncClient) -> bool:
    return bool((await client.get("/readyz")).json()["sources"]["kafka"])


async def test_without_keys_a_process_says_what_to_set(settings: Settings) -> None:
    bare = Settings(**{**settings.model_dump(), "signing_key": ""})
    with pytest.raises(Exception, match="LIVESHELF_SIGNING_KEY"):
        Process(bare)
