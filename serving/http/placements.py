"""``/v1/admin/placements``: what placements there are, what they still need, and how marketers change them."""

from __future__ import annotations

from typing import Any

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
from serving.placement import Document, Placement
from serving.placements import kind
from serving.readiness import Evidence

MOST_BYTES = 256_000

_encode = msgspec.json.Encoder().encode


class Placements:
    """The routes."""

    def __init__(self, documents: Documents[Placement], desk: Desk, evidence: Evidence) -> None:
        self._documents, self._desk, self._evidence = documents, desk, evidence

    @property
    def routes(self) -> Served:
        """What it answers."""
        return (
            ("GET", "/v1/admin/placements", self.list),
            ("GET", "/v1/admin/placements/{name}", self.show),
            ("PUT", "/v1/admin/placements/{name}", self.put),
            ("DELETE", "/v1/admin/placements/{name}", self.remove),
        )

    async def list(self, _: Exchange) -> Answer:
        """All, by name."""
        return Answer(_encode({"placements": [self._told(name) for name in self._documents.all]}))

    async def show(self, exchange: Exchange) -> Answer:
        """One."""
        name = exchange.path["name"]
        if name not in self._documents.all:
            there = ", ".join(self._documents.all)
            raise problem.not_found(f"There is no placement of this name; there are {there}. PUT makes one.")
        return Answer(_encode(self._told(name)), headers=self._tag(name))

    async def put(self, exchange: Exchange) -> Answer:
        """Edit one, or make it."""
        name, expected = exchange.path["name"], _expected(exchange)
        body = await exchange.body(MOST_BYTES)
        if b"\\u0000" in body:
            raise problem.invalid(
                "", "The document has a NUL character in it, where many programs end; nothing was changed."
            )
        document = struct_of(body, dict[str, Any])
        document.setdefault("name", name)
        try:
            await self._desk.put(kind(), name, document, _actor(exchange), expected)
        except BadDocument as error:
            raise problem.invalid(error.pointer, error.detail) from None
        except (Changed, NotWritten, NotStored) as error:
            raise _refusal(error) from None
        return Answer(_encode(self._told(name)), headers=self._tag(name))

    async def remove(self, exchange: Exchange) -> Answer:
        """Bring the built-in one back, or take away one that was made; no error where there is nothing to do."""
        try:
            await self._desk.remove(kind(), exchange.path["name"], _actor(exchange), _expected(exchange))
        except (Changed, NotWritten, NotStored) as error:
            raise _refusal(error) from None
        return Answer(b"", 204)

    def _told(self, name: str) -> dict[str, Any]:
        placement, entry = self._documents.all[name], self._documents.entries.get(name)
        return {
            "name": name,
            "origin": self._documents.origin(name),
            "revision": placement.version,
            "changed_at": entry and entry.changed_at,
            "changed_by": entry and entry.changed_by,
            "document": {field: getattr(placement, field) for field in Document.__struct_fields__},
            "readiness": self._evidence.of(placement),
        }

    def _tag(self, name: str) -> Headers:
        revision = self._desk.revision(kind(), name)
        return ((b"etag", f'"{revision}"'.encode()),)


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
