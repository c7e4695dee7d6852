"""Answers as ready bytes: what every route of the API gives back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import aclosing
from typing import Any, NamedTuple, TypeAlias

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

JSON = b"application/json"
STALL_S = 30.0
# an answer of the API is never a page: it loads nothing, is framed nowhere and kept by nobody
SECURITY: Headers = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"cache-control", b"no-store"),
)
CORS_NAMED: Headers = ((b"access-control-expose-headers", b"retry-after"),)
# any page may call; keys travel in the Authorization header, never in cookies
CORS: Headers = ((b"access-control-allow-origin", b"*"), *CORS_NAMED)


class Answer(NamedTuple):
    """A whole response."""

    body: bytes
    status: int = 200
    media_type: bytes = JSON
    headers: Headers = ()


class Streamed(NamedTuple):
    """A response that is made while it is sent.

    The route has made `first` before it answers, so that what goes wrong until then is an ordinary problem; `rest` is
    asked for the next part only when the client has taken the one before.
    """

    first: bytes
    rest: AsyncGenerator[bytes]
    status: int = 200
    media_type: bytes = JSON
    headers: Headers = ()


Response: TypeAlias = Answer | Streamed


async def respond(send: Send, answer: Response, cors: Headers, *, head: bool = False) -> None:
    """Send an answer; `cors` says which other origins' pages may read it, `head` that nobody wants the body."""
    if isinstance(answer, Streamed):
        await _stream(send, answer, cors, head=head)
        return
    length = (b"content-length", str(len(answer.body)).encode())
    await send(_start(answer, cors, length))
    await send({"type": "http.response.body", "body": answer.body})


async def _stream(send: Send, answer: Streamed, cors: Headers, *, head: bool) -> None:
    """A client that takes nothing for `STALL_S` is given up: the response then ends unfinished, and looks so."""
    async with aclosing(answer.rest) as rest:
        await send(_start(answer, cors))
        try:
            if not head:
                await _part(send, answer.first)
                async for part in rest:
                    await _part(send, part)
        except TimeoutError:
            return
    await send({"type": "http.response.body", "body": b""})


async def _part(send: Send, part: bytes) -> None:
    async with asyncio.timeout(STALL_S):
        await send({"type": "http.response.body", "body": part, "more_body": True})


def _start(answer: Response, cors: Headers, *more: tuple[bytes, bytes]) -> dict[str, Any]:
    headers = [(b"content-type", answer.media_type), *more, *SECURITY, *cors, *answer.headers]
    return {"type": "http.response.start", "status": answer.status, "headers": headers}
