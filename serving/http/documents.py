"""Routes of the documents that marketers edit, the same for every kind: list, show, put, remove."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

from serving.config import BadDocument
from serving.config.desk import Actor, Changed, Desk, NotStored
from serving.config.documents import Documents
from serving.console.audit import NotWritten
from serving.http import problem
from serving.http.access import Served
from serving.http.answer import Answer, Headers
from serving.http.body import struct_of
from serving.http.exchange import Exchange
from stream.strict_json import whole_floats_as_integers

MOST_BYTES = 256_000
T = TypeVar("T")

_encode = msgspec.json.Encoder().encode


class DocumentRoutes(Generic[T]):
    """The routes below ``/v1/admin/<plural>``.

    Parameters
    ----------
    revision: a document's own; `told` says what an answer tells of it, its `document` among that.
    check: what can only be said of a document that is being sent (other documents may come and go); raises
        `BadDocument`.
    """

    def __init__(
        self,
        plural: str,
        documents: Documents[T],
        desk: Desk,
        revision: Callable[[T], int],
        told: Callable[[T], dict[str, Any]],
        check: Callable[[dict[str, Any]], None] = lambda _: None,
    ) -> None:
        self._plural, self._documents, self._desk = plural, documents, desk
        self._revision, self._told, self._check = revision, told, check

    @property
    def routes(self) -> Served:
        """What it answers."""
        all_of_them = f"/v1/admin/{self._plural}"
        one = f"{all_of_them}/{{name:document}}"
        return (
            ("GET", all_of_them, self.list),
            ("GET", one, self.show),
            ("PUT", one, self.put),
            ("DELETE", one, self.remove),
        )

    async def list(self, _: Exchange) -> Answer:
        """All, by name."""
        return Answer(_encode({self._plural: [self._of(name) for name in self._documents.all]}))

    async def show(self, exchange: Exchange) -> Answer:
        """One."""
        name = exchange.path["name"]
        if name not in self._documents.all:
            raise problem.not_found(none_of(self._documents))
        return Answer(_encode(self._of(name)), headers=self._tag(name))

    async def put(self, exchange: Exchange) -> Answer:
        """Edit one, or make it."""
        name, expected = exchange.path["name"], _expected(exchange)
        document = document_of(await exchange.body(MOST_BYTES))
        document.setdefault("name", name)
        try:
            self._documents.kind.read(document, name, 1)
            self._check(document)
            await self._desk.put(self._documents.kind, name, document, _actor(exchange), expected)
        except BadDocument as error:
            raise problem.invalid(error.pointer, error.detail) from None
        except (Changed, NotWritten, NotStored) as error:
            raise _refusal(error) from None
        return Answer(_encode(self._of(name)), headers=self._tag(name))

    async def remove(self, exchange: Exchange) -> Answer:
        """Bring the built-in one back, or take away one that was made; no error where there is nothing to do."""
        try:
            name, kind = exchange.path["name"], self._documents.kind
            await self._desk.remove(kind, name, _actor(exchange), _expected(exchange))
        except (Changed, NotWritten, NotStored) as error:
            raise _refusal(error) from None
        return Answer(b"", 204)

    def _of(self, name: str) -> dict[str, Any]:
        one, entry = self._documents.all[name], self._documents.entries.get(name)
        return {
            "name": name,
            "origin": self._documents.origin(name),
            "revision": self._revision(one),
            "changed_at": entry and entry.changed_at,
            "changed_by": entry and entry.changed_by,
            **self._told(one),
        }

    def _tag(self, name: str) -> Headers:
        revision = self._desk.revision(self._documents.kind, name)
        return ((b"etag", f'"{revision}"'.encode()),)


def document_of(body: bytes) -> dict[str, Any]:
    """The JSON object of a body; whole numbers may be written as 8.0."""
    if b"\\u0000" in body:
        raise problem.invalid(
            "", "The document has a NUL character in it, where many programs end; nothing was changed."
        )
    document: dict[str, Any] = whole_floats_as_integers(struct_of(body, dict[str, Any]))
    return document


def none_of(documents: Documents[Any]) -> str:
    """What to say where there is no document of a name."""
    kind, there = documents.kind.name, ", ".join(documents.all)
    return f"There is no {kind} of this name; there {f'are {there}' if there else 'is none yet'}. PUT makes one."


def _actor(exchange: Exchange) -> Actor:
    return Actor(f"key:{exchange.caller.key.name}")


def _expected(exchange: Exchange) -> int | None:
    """The revision that must hold still; None: whichever does."""
    value = exchange.header(b"if-match")
    if value is None or value == b"*":
        return None
    digits = value.removeprefix(b'"').removesuffix(b'"')
    if not digits.isdigit() or len(digits) > 16:
        raise problem.bad_request('If-Match must be a revision as the ETag has it, such as "1", or 0 for a new one.')
    return int(digits)


def _refusal(error: Changed | NotWritten | NotStored) -> problem.Problem:
    if isinstance(error, Changed):
        detail = (
            f"Revision {error.revision} holds, not the one of If-Match; nothing was changed. Read it and edit that."
        )
        return problem.Problem(412, "changed_meanwhile", detail)
    what = "The audit log" if isinstance(error, NotWritten) else "The broker"
    return problem.unavailable(f"{what} does not take the change; what held before holds on. Send it again.")
