"""``POST /v1/admin/searches/preview``: what a document of searches, or a rule, changes in the answer to a query."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from serving.config import BadDocument
from serving.http import problem
from serving.http.access import Served
from serving.http.answer import Answer
from serving.http.asking import Asking, Id
from serving.http.body import struct_of
from serving.http.documents import MOST_BYTES
from serving.http.exchange import Exchange
from serving.http.rules import UNNAMED, check_placements, instant
from serving.http.search import LONGEST, query_of
from serving.placement import ITEMS, MOST_ITEMS
from serving.rules.rule import Rule, rule
from serving.search.curation import Curation, curation
from serving.search.preview import Previews
from serving.search.question import Question
from stream.strict_json import whole_floats_as_integers

_ONE = "Send one of `search` (a document of searches), `rule` (a rule's document) or `name` (a document of searches)."

_encode = msgspec.json.Encoder().encode
T = TypeVar("T", Curation, Rule)


class SearchPreviewAsk(Struct, frozen=True, kw_only=True):
    """A query, and what to try on it: a document of searches (`search`) or one there is (`name`), or a `rule`.

    `at` is another time.
    """

    q: Annotated[str, Meta(min_length=1, max_length=LONGEST)]
    search: Annotated[dict[str, Any], Meta(extra_json_schema={"$ref": "#/components/schemas/search"})] | None = None
    rule: Annotated[dict[str, Any], Meta(extra_json_schema={"$ref": "#/components/schemas/rule"})] | None = None
    name: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    at: Annotated[str, Meta(max_length=40)] | None = None
    visitor_id: Id | None = None
    customer_id: Id | None = None
    session_id: Id | None = None
    n: Annotated[int, Meta(ge=1, le=MOST_ITEMS)] = ITEMS


class SearchPreviewing:
    """The route."""

    def __init__(self, asking: Asking, previews: Previews, clock: Callable[[], float]) -> None:
        self._asking, self._previews, self._clock = asking, previews, clock

    @property
    def routes(self) -> Served:
        """What it answers."""
        return (("POST", "/v1/admin/searches/preview", self.answer),)

    async def answer(self, exchange: Exchange) -> Answer:
        """Decide twice, and write nothing: no decision is recorded, and nothing is learnt from it."""
        ask = struct_of(await exchange.body(MOST_BYTES), SearchPreviewAsk)
        query_of(ask.q)
        tried, now = self._tried(ask), int(self._clock())
        question = Question(
            query=ask.q,
            visitor_id=self._asking.visitor_id(exchange.caller, ask.visitor_id, ask.customer_id),
            customer_id=ask.customer_id or "",
            session_id=ask.session_id,
            n=ask.n,
        )
        at = now if ask.at is None else instant(ask.at)
        return Answer(_encode(await self._previews.of(question, tried, now, at)))

    def _tried(self, ask: SearchPreviewAsk) -> Curation | Rule:
        if [ask.search, ask.rule, ask.name].count(None) != 2:
            raise problem.invalid("/search", _ONE)
        if ask.search is not None:
            return _read(ask.search, curation, "/search")
        if ask.rule is not None:
            read = _read(ask.rule, rule, "/rule")
            try:
                check_placements(ask.rule, self._asking.placements)
            except BadDocument as error:
                raise problem.invalid(f"/rule{error.pointer}", error.detail) from None
            return read
        found = self._previews.named(ask.name or "")
        if found is None:
            raise problem.invalid("/name", "There is no document of searches of this name.")
        return found


def _read(sent: dict[str, Any], read: Callable[[Any, str], T], at: str) -> T:
    document: dict[str, Any] = whole_floats_as_integers({"name": UNNAMED, **sent})
    try:
        return read(document, document["name"])
    except BadDocument as error:
        raise problem.invalid(f"{at}{error.pointer}", error.detail) from None
