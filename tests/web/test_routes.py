"""The first page's routes: strict headers, nothing from outside, nothing that is not listed."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from importlib.resources import files
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient, Response
from starlette.applications import Starlette

from serving.demo.catalogue import items
from serving.http.visitor_tokens import Minted, TokenAsk
from serving.web.routes import ITEMS, PAGES, routes, static_files
from stream.catalog_item import CatalogItem

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
STATIC = sorted(static_files())


def client(*catalogue: CatalogItem) -> AsyncClient:
    app = Starlette(routes=routes(publishable_key="pk_1", items=lambda: catalogue))
    return AsyncClient(transport=ASGITransport(app), base_url="http://shop.example")


@pytest.fixture
async def shop() -> AsyncIterator[AsyncClient]:
    async with client() as shop:
        yield shop


def address(name: str) -> str:
    return {"index.html": "/", "privacy.html": "/privacy"}.get(name, f"/web/{name}")


@pytest.mark.parametrize("name", STATIC)
async def test_every_file_has_the_policy_its_type_and_a_tag(shop: AsyncClient, name: str) -> None:
    answer = await shop.get(address(name))
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-cache"
    kinds = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
    assert answer.headers["content-type"].startswith(kinds[name.rpartition(".")[2]])
    assert answer.headers["etag"]


@pytest.mark.parametrize("name", STATIC)
async def test_who_has_a_file_gets_no_body_again(shop: AsyncClient, name: str) -> None:
    tag = (await shop.get(address(name))).headers["etag"]
    again = await shop.get(address(name), headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag
    assert (await shop.get(address(name), headers={"If-None-Match": '"other"'})).status_code == 200


@pytest.mark.parametrize(
    "path", ["/web/../routes.py", "/web/%2e%2e/routes.py", "/web/index.html", "/web/", "/demo/images/..svg"]
)
async def test_nothing_else_is_served(shop: AsyncClient, path: str) -> None:
    assert (await shop.get(path)).status_code == 404


@pytest.mark.parametrize("name", PAGES.values())
def test_no_page_has_inline_script_or_style(name: str) -> None:
    page = files("serving.web").joinpath(f"static/{name}").read_text("utf-8")
    assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", page)


def test_no_file_names_another_host_or_writes_markup() -> None:
    for name, asset in static_files().items():
        text = asset.body.decode().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://\w|@import", text), name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text), name


def test_every_file_that_is_named_is_served() -> None:
    named = set()
    for asset in static_files().values():
        text = asset.body.decode()
        named |= set(re.findall(r'"/web/([\w.]+)"', text)) | set(re.findall(r'from "\./([\w.]+)"', text))
    assert named == set(STATIC) - set(PAGES.values())


async def test_the_page_learns_its_key_and_placements(shop: AsyncClient) -> None:
    answer = await shop.get("/demo/config.json")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {
        "publishable_key": "pk_1",
        "placements": {
            "home": {"placement": "home_for_you", "n": 8},
            "item": {"placement": "pdp_also_bought", "n": 6},
        },
        "demo": False,
        "visitor_tokens": False,
    }


async def test_the_grid_shows_sale_prices_and_stock_and_no_hidden_item() -> None:
    reduced = CatalogItem(item_id="a", title="A", price="10.00", sale_price="8.00", currency="EUR")
    gone = CatalogItem(item_id="b", title="B", availability="in_stock", quantity=0, cost="3.00")
    hidden = CatalogItem(item_id="c", title="C", hidden=True)
    async with client(reduced, gone, hidden) as shop:
        first, second = (await shop.get("/demo/items.json")).json()["items"]
    assert (first["item_id"], first["price"], first.get("sold_out", False)) == ("a", "8.00", False)
    assert (second["item_id"], second["sold_out"]) == ("b", True)
    assert "cost" not in second


async def test_a_large_catalogue_is_cut_and_an_empty_one_is_empty(shop: AsyncClient) -> None:
    assert (await shop.get("/demo/items.json")).json() == {"items": []}
    many = [CatalogItem(item_id=f"i{n}", title="T") for n in range(ITEMS + 5)]
    async with client(*many) as large:
        assert len((await large.get("/demo/items.json")).json()["items"]) == ITEMS


async def test_pictures_are_drawn_for_made_items_only(shop: AsyncClient) -> None:
    answer = await shop.get(items()[0]["image_url"])
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["content-security-policy"] == "default-src 'none'"
    assert "max-age" in answer.headers["cache-control"]
    assert (await shop.get("/demo/images/unknown.svg")).status_code == 404


def token_of(visitor_id: str, ask: TokenAsk) -> Minted:
    return Minted(f"token of {visitor_id}", ask.ttl_s)


async def asked_for_a_token(base_url: str, *, address: str = "127.0.0.1", body: Any = None, **headers: str) -> Response:
    app = Starlette(routes=routes(publishable_key="pk_1", items=list, demo=True, token_of=token_of))
    transport = ASGITransport(app, client=(address, 1234))
    async with AsyncClient(transport=transport, base_url=base_url) as shop:
        return await shop.post(
            "/demo/visitor-token", json={"visitor_id": "me"} if body is None else body, headers=headers
        )


@pytest.mark.parametrize("host", ["http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080"])
async def test_the_demo_gives_its_own_page_a_token(host: str) -> None:
    answer = await asked_for_a_token(host, **{"sec-fetch-site": "same-origin"})
    assert (answer.status_code, answer.json()["visitor_token"]) == (200, "token of me")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("host", "address", "site"),
    [
        ("http://rebound.example", "127.0.0.1", "same-origin"),
        ("http://localhost", "192.0.2.7", "same-origin"),
        ("http://localhost", "127.0.0.1", "cross-site"),
        ("http://localhost", "127.0.0.1", "same-site"),
    ],
)
async def test_and_nobody_else(host: str, address: str, site: str) -> None:
    answer = await asked_for_a_token(host, address=address, **{"sec-fetch-site": site})
    assert (answer.status_code, answer.content) == (404, b"")


@pytest.mark.parametrize("body", [{}, {"visitor_id": ""}, {"visitor_id": 7}, {"visitor_id": "x" * 129}, ["me"]])
async def test_a_token_for_nobody_is_refused(body: Any) -> None:
    assert (await asked_for_a_token("http://localhost", body=body)).status_code == 400


async def test_outside_the_demo_no_page_gives_tokens(shop: AsyncClient) -> None:
    assert (await shop.post("/demo/visitor-token", json={"visitor_id": "me"})).status_code == 404
