"""One request as a route sees it: a thin layer over ASGI."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import unquote_plus

from serving.http import body as bodies
from serving.http.answer import Headers
from serving.http.keys import Key
from stream.tokens import VisitorToken

Scope: TypeAlias = MutableMapping[str, Any]


class Caller(NamedTuple):
    """Who asks: a key, where from (None: this host), the visitor token that came along.

    `objects`: the browser says that its user objects to profiling (Global Privacy Control).
    """

    key: Key
    address: bytes | None
    token: VisitorToken | None
    objects: bool = False


class Exchange:
    """One request as a route sees it.

    Attributes
    ----------
    caller: who asks; `serving.http.access` sets it before any route that needs a key.
    cors: what the answer tells a browser about other origins.
    """

    __slots__ = ("_receive", "caller", "cors", "method", "path", "query", "scope")

    caller: Caller

    def __init__(self, scope: Scope, receive: bodies.Receive, path: dict[str, str], cors: Headers = ()) -> None:
        self.scope = scope
        self.path = path
        self.method: str = scope["method"]
        self.query: bytes = scope["query_string"]
        self.cors = cors
        self._receive = receive

    def header(self, name: bytes) -> bytes | None:
        return header(self.scope, name)

    def parameters(self) -> list[tuple[str, str]]:
        """The query's parameters, decoded, in order."""
        if not self.query:
            return []
        pairs = [pair.partition("=") for pair in self.query.decode("utf-8", "replace").split("&") if pair]
        return [(_decoded(name), _decoded(value)) for name, _, value in pairs]

    async def body(self, limit: int) -> bytes:
        """The body, decompressed, at most `limit` bytes (`Problem` 408, 413, 415, 400)."""
        return await bodies.read(self.header, self._receive, limit)


def header(scope: Scope, name: bytes) -> bytes | None:
    """A request's header, by its name in small letters."""
    for key, value in scope["headers"]:
        if key == name:
            found: bytes = value
            return found
    return None


def _decoded(text: str) -> str:
    return unquote_plus(text) if "%" in text or "+" in text else text
