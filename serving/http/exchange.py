"""One request as a route sees it: a thin layer over ASGI."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, TypeAlias
from urllib.parse import unquote_plus

from serving.http import body as bodies

Scope: TypeAlias = MutableMapping[str, Any]


class Exchange:
    """One request as a route sees it."""

    __slots__ = ("_receive", "method", "path", "query", "scope")

    def __init__(self, scope: Scope, receive: bodies.Receive, path: dict[str, str]) -> None:
        self.scope = scope
        self.path = path
        self.method: str = scope["method"]
        self.query: bytes = scope["query_string"]
        self._receive = receive

    def header(self, name: bytes) -> bytes | None:
        for key, value in self.scope["headers"]:
            if key == name:
                found: bytes = value
                return found
        return None

    def parameters(self) -> list[tuple[str, str]]:
        """The query's parameters, decoded, in order."""
        if not self.query:
            return []
        pairs = [pair.partition("=") for pair in self.query.decode("utf-8", "replace").split("&") if pair]
        return [(_decoded(name), _decoded(value)) for name, _, value in pairs]

    async def body(self, limit: int) -> bytes:
        """The body, decompressed, at most `limit` bytes (`Problem` 408, 413, 415, 400)."""
        return await bodies.read(self.header, self._receive, limit)


def _decoded(text: str) -> str:
    return unquote_plus(text) if "%" in text or "+" in text else text
