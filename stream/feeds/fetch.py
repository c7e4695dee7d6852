"""A feed from the web into a temporary file: https from public addresses only, checked again at each redirect."""

from __future__ import annotations

import asyncio
import base64
import tempfile
from collections.abc import AsyncIterator
from typing import IO

import aiohttp
from msgspec import Struct
from yarl import URL

from stream.feeds.addresses import Checked, Lookup, system_lookup
from stream.feeds.flaws import BadFeed

MOST_REDIRECTS = 5
_MOVED = frozenset({301, 302, 303, 307, 308})
_PIECE = 64 * 1024


class FetchLimits(Struct, frozen=True):
    """Bytes as they come over the wire, the whole time, and the longest silence, in seconds."""

    most_bytes: int = 1024**3
    total_s: float = 900
    silence_s: float = 30


def is_url(source: str) -> bool:
    """Whether a source is an address rather than a file."""
    return "://" in source


def spoken(source: str) -> str:
    """A source as it may be printed: without credentials, and without a query, which may hold a key."""
    if not is_url(source):
        return source
    try:
        address = URL(source)
        return str(address.with_user(None).with_query(None).with_fragment(None))
    except ValueError:
        return source.partition("://")[0] + "://…"


async def fetch(
    source: str, *, limits: FetchLimits | None = None, lookup: Lookup = system_lookup, loopback: bool = False
) -> IO[bytes]:
    """The feed at an address, in a file that is removed when closed; raises `BadFeed`.

    `loopback`: http, and only from this machine; for tests and trials.
    """
    limits = limits or FetchLimits()
    try:
        async with asyncio.timeout(limits.total_s):
            return await _fetched(
                _address(source, loopback=loopback), limits, Checked(lookup, loopback=loopback), loopback
            )
    except TimeoutError:
        raise BadFeed(f"it did not come within {limits.total_s:.0f} s, or was silent too long. Try again.") from None
    except (aiohttp.ClientError, OSError) as error:
        raise BadFeed(f"it cannot be fetched ({type(error).__name__}). Try the address in a browser.") from None


def _address(source: str, *, loopback: bool) -> URL:
    try:
        address = URL(source)
    except ValueError:
        raise BadFeed("the address is not a web address. Write https://…") from None
    if address.scheme != ("http" if loopback else "https") or not address.host:
        raise BadFeed("feeds are fetched by https only. Write https://…, or give the file itself.")
    return address


async def _fetched(address: URL, limits: FetchLimits, resolver: Checked, loopback: bool) -> IO[bytes]:
    login, home = _login(address), address.origin()
    connector = aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=limits.silence_s)
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        for _ in range(MOST_REDIRECTS + 1):
            # an address in numbers is not resolved by the connector, so it is checked here
            await resolver.addresses(address.host or "")
            headers = {"Accept-Encoding": "gzip"} | (login if address.origin() == home else {})
            async with session.get(address.with_user(None), headers=headers, allow_redirects=False) as answer:
                if answer.status not in _MOVED:
                    return await _kept(answer, limits)
                address = _address(str(address.join(URL(_moved_to(answer)))), loopback=loopback)
    raise BadFeed(f"it was redirected more than {MOST_REDIRECTS} times. Give the last address.")


def _login(address: URL) -> dict[str, str]:
    """The credentials in an address, which only its own origin is told."""
    if not address.user:
        return {}
    both = f"{address.user}:{address.password or ''}".encode()
    return {"Authorization": f"Basic {base64.b64encode(both).decode()}"}


def _moved_to(answer: aiohttp.ClientResponse) -> str:
    place = answer.headers.get("Location")
    if not place:
        raise BadFeed(f"the server answers {answer.status} and does not say where the feed is now.")
    return place


async def _kept(answer: aiohttp.ClientResponse, limits: FetchLimits) -> IO[bytes]:
    if answer.status != 200:
        raise BadFeed(f"the server answers {answer.status}, not 200. Try the address in a browser.")
    coding = answer.headers.get("Content-Encoding", "identity").lower()
    if coding not in {"gzip", "x-gzip", "identity"}:
        raise BadFeed(f"the server sends it as {coding}, which was not asked for; gzip is read.")
    file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # the caller closes it
    try:
        size = 0
        async for chunk in _chunks(answer):
            size += len(chunk)
            _bounded(size, limits)
            file.write(chunk)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def _bounded(size: int, limits: FetchLimits) -> None:
    if size > limits.most_bytes:
        raise BadFeed(f"it has more than {limits.most_bytes:,} bytes. Split it, or fetch it yourself.")


def _chunks(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    return answer.content.iter_chunked(_PIECE)
