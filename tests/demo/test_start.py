"""`liveshelf up --demo`: the catalogue in chunks that the API takes, then people in the shop, gone at the end."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from serving.demo.catalogue import made
from serving.up import NotReady, System, _start_demo


async def test_the_whole_catalogue_is_sent_at_most_a_thousand_items_at_once_and_then_people_come() -> None:
    sizes: list[int] = []
    visited = asyncio.Event()

    async def put(request: web.Request) -> web.Response:
        sizes.append(len((await request.json())["items"]))
        return web.json_response({})

    async def collect(request: web.Request) -> web.Response:
        visited.set()
        return web.json_response({"verdicts": []}, status=202)

    app = web.Application(client_max_size=8 * 1024 * 1024)
    app.router.add_put("/v1/catalog/items", put)
    app.router.add_post("/v1/events", collect)
    async with TestServer(app) as server, AsyncExitStack() as stack:
        found = System(str(server.make_url("")).rstrip("/"), "", "", "pk_test", "sk_test")
        await _start_demo(stack, found)
        await asyncio.wait_for(visited.wait(), 20)
    assert sum(sizes) == len(made())
    assert max(sizes) <= 1_000
    assert f"{len(made()):,} made items" in found.notes[-1]


async def test_a_refused_catalogue_ends_the_start_with_the_reason() -> None:
    async def put(request: web.Request) -> web.Response:
        return web.Response(status=413, text="too much")

    app = web.Application(client_max_size=8 * 1024 * 1024)
    app.router.add_put("/v1/catalog/items", put)
    async with TestServer(app) as server, AsyncExitStack() as stack:
        with pytest.raises(NotReady, match="413 too much"):
            await _start_demo(stack, System(str(server.make_url("")).rstrip("/"), "", "", "pk_test", "sk_test"))
