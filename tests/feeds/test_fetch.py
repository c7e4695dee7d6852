"""Feeds from the web: https, public addresses, checked again at each redirect, within bounds."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import BaseTestServer, TestServer

from stream.feeds.addresses import Checked, Forbidden, is_public
from stream.feeds.fetch import FetchLimits, fetch, spoken
from stream.feeds.flaws import BadFeed

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
PRIVATE = (
    *("127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
    *("169.254.169.254", "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1"),
    *("255.255.255.255", "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "::ffff:0:169.254.169.254", "64:ff9b::7f00:1"),
    *("64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1", "2001:0:7f00:1:0:0:80ff:fffe"),
)
PUBLIC = ("93.184.216.34", "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:8.8.8.8", "64:ff9b::808:808")


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_of_a_private_network(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


def found(*addresses: str) -> Callable[[str], Awaitable[list[str]]]:
    async def lookup(host: str) -> list[str]:
        return list(addresses)

    return lookup


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_name_that_resolves_to_a_private_address(address: str) -> None:
    with pytest.raises(Forbidden, match="not a public address"):
        await fetch("https://feeds.example/feed.xml", lookup=found(address))


async def test_one_private_address_among_public_ones_is_enough() -> None:
    with pytest.raises(Forbidden):
        await Checked(found("93.184.216.34", "10.0.0.1")).resolve("feeds.example", 443)


async def test_the_connection_goes_to_the_very_addresses_that_were_checked() -> None:
    answers = iter([["93.184.216.34"], ["127.0.0.1"]])

    async def rebinding(host: str) -> list[str]:
        return next(answers)

    resolver = Checked(rebinding)
    assert [one["host"] for one in await resolver.resolve("feeds.example", 443)] == ["93.184.216.34"]
    with pytest.raises(Forbidden):
        await resolver.resolve("feeds.example", 443)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "[::1]", "169.254.169.254", "10.0.0.1", "[::ffff:127.0.0.1]", "2130706433", "0x7f000001"),
        *("0177.0.0.1", "127.1", "localhost", "localhost.", "[fe80::1]", "[::]", "0"),
    ],
)
async def test_an_address_in_whatever_spelling(host: str) -> None:
    with pytest.raises(BadFeed, match=r"not a public address|is not found"):
        await fetch(f"https://{host}/feed.xml")


@pytest.mark.parametrize(
    "source", ["http://shop.example/feed", "ftp://shop.example/feed", "file:///etc/passwd", "gopher://x/", "https://"]
)
async def test_anything_but_https(source: str) -> None:
    with pytest.raises(BadFeed, match="https"):
        await fetch(source, lookup=found("93.184.216.34"))


def test_what_is_printed_of_an_address_holds_no_secret() -> None:
    assert spoken("https://me:secret@shop.example/feed.xml?token=secret#secret") == "https://shop.example/feed.xml"
    assert "secret" not in spoken("https://me:secret@[broken/feed")
    assert spoken("C:/feeds/a.tsv") == "C:/feeds/a.tsv"


@asynccontextmanager
async def server(**handlers: Handler) -> AsyncIterator[BaseTestServer]:
    app = web.Application()
    for name, handler in handlers.items():
        app.router.add_get(f"/{name}", handler)
    async with TestServer(app) as running:
        yield running


async def content(source: object, **more: object) -> bytes:
    file = await fetch(str(source), loopback=True, **more)  # type: ignore[arg-type]
    with file:
        return file.read()


async def a_feed(request: web.Request) -> web.Response:
    return web.Response(body=b"id\ttitle\tprice\n")


def moved(place: str) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": place})

    return handler


async def test_a_feed_is_fetched_also_over_a_few_redirects() -> None:
    async with server(feed=a_feed, a=moved("/b"), b=moved("feed")) as shop:
        assert await content(shop.make_url("/a")) == b"id\ttitle\tprice\n"


@pytest.mark.parametrize(
    "place",
    [
        "http://10.0.0.1/feed",
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:10.0.0.1]/",
        "http://167772161/",
    ],
)
async def test_a_redirect_into_a_private_network(place: str) -> None:
    async with server(a=moved(place)) as shop:
        with pytest.raises(Forbidden):
            await content(shop.make_url("/a"))


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://127.0.0.1/"])
async def test_a_redirect_to_another_protocol(place: str) -> None:
    async with server(a=moved(place)) as shop:
        with pytest.raises(BadFeed, match="https"):
            await content(shop.make_url("/a"))


async def test_redirects_in_a_circle() -> None:
    async with server(a=moved("/a")) as shop:
        with pytest.raises(BadFeed, match="redirected more than 5 times"):
            await content(shop.make_url("/a"))


async def test_credentials_are_told_to_their_own_server_only() -> None:
    heard: list[str | None] = []

    async def hears(request: web.Request) -> web.Response:
        heard.append(request.headers.get("Authorization"))
        return web.Response(body=b"x")

    async with server(b=hears) as other, server(a=moved(str(other.make_url("/b"))), c=hears) as shop:
        await content(shop.make_url("/c").with_user("me").with_password("secret"))
        await content(shop.make_url("/a").with_user("me").with_password("secret"))
    assert heard == ["Basic bWU6c2VjcmV0", None]


async def test_a_feed_that_is_too_large_is_given_up() -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        answer = web.StreamResponse()
        await answer.prepare(request)
        for _ in range(10_000):
            await answer.write(b"x" * 10_000)
            sent += 10_000
        return answer

    async with server(a=endless) as shop:
        with pytest.raises(BadFeed, match="more than 50,000 bytes"):
            await content(shop.make_url("/a"), limits=FetchLimits(most_bytes=50_000))
    assert sent < 50_000_000


async def test_a_server_that_says_nothing_is_given_up() -> None:
    async def silent(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(b"x")
        await asyncio.sleep(60)
        return answer

    async with server(a=silent) as shop:
        with pytest.raises(BadFeed, match=r"did not come within"):
            await content(shop.make_url("/a"), limits=FetchLimits(silence_s=0.1))


async def test_an_answer_that_is_packed_on_its_way_stays_packed_for_the_bounded_unpacking() -> None:
    async def packed(request: web.Request) -> web.Response:
        return web.Response(body=gzip.compress(b"feed"), headers={"Content-Encoding": "gzip"})

    async with server(a=packed) as shop:
        assert gzip.decompress(await content(shop.make_url("/a"))) == b"feed"


@pytest.mark.parametrize("coding", ["br", "zstd", "deflate", "gzip, gzip"])
async def test_another_packing_is_refused(coding: str) -> None:
    async def packed(request: web.Request) -> web.Response:
        return web.Response(body=b"x", headers={"Content-Encoding": coding})

    async with server(a=packed) as shop:
        with pytest.raises(BadFeed, match="gzip is read"):
            await content(shop.make_url("/a"))


async def test_a_feed_that_is_not_there() -> None:
    async with server() as shop:
        with pytest.raises(BadFeed, match="answers 404"):
            await content(shop.make_url("/a"))


async def test_a_server_that_is_not_there() -> None:
    with pytest.raises(BadFeed, match="cannot be fetched"):
        await content("http://127.0.0.1:1/feed")


async def test_trials_on_loopback_reach_nothing_else() -> None:
    with pytest.raises(Forbidden):
        await content("http://93.184.216.34/feed")
