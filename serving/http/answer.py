"""Answers as ready bytes: what every route of the API gives back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple, TypeAlias

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

JSON = b"application/json"
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


async def respond(send: Send, answer: Answer, cors: Headers) -> None:
    """Send a whole answer; `cors` says which other origins' pages may read it."""
    content, status, media_type, headers = answer
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", media_type),
                (b"content-length", str(len(content)).encode()),
                *SECURITY,
                *cors,
                *headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": content})
