"""``/v1/admin/rules``: marketers' rules, and what one would change on a shelf before it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from serving.config import BadDocument
from serving.config.desk import Desk
from serving.config.documents import Documents
from serving.http import problem
from serving.http.access import Served
from serving.http.answer import Answer
from serving.http.asking import Asking, Id
from serving.http.body import struct_of
from serving.http.documents import MOST_BYTES, DocumentRoutes, none_of
from serving.http.exchange import Exchange
from serving.placement import MOST_ITEMS, Placement
from serving.request import Request
from serving.rules.preview import Asked, preview, warnings
from serving.rules.rule import Rule, rule
from serving.search.question import SEARCH
from serving.shop import Shop
from serving.snapshot import Snapshots
from stream.instants import instant_ms
from stream.strict_json import whole_floats_as_integers

UNNAMED = "preview"
_PIN = "Among search results a pin belongs to a query: say it with `PUT /v1/admin/searches/{name}` instead."
_SEARCH = "`search` is no shelf: `POST /v1/admin/searches/preview` shows what a rule changes for a query."

_encode = msgspec.json.Encoder().encode


class PreviewAsk(Struct, frozen=True, kw_only=True):
    """A shelf, and the rule to try on it: a document (`rule`), or one that there is (`name`); `at` another time."""

    placement: Annotated[str, Meta(min_length=1, max_length=64)]
    rule: Annotated[dict[str, Any], Meta(extra_json_schema={"$ref": "#/components/schemas/rule"})] | None = None
    name: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    at: Annotated[str, Meta(max_length=40)] | None = None
    visitor_id: Id | None = None
    customer_id: Id | None = None
    session_id: Id | None = None
    item_id: Id | None = None
    item_ids: Annotated[list[Id], Meta(max_length=100)] = []
    n: Annotated[int, Meta(ge=1, le=MOST_ITEMS)] | None = None


def rule_routes(
    documents: Documents[Rule], placements: Documents[Placement], desk: Desk, shop: Shop
) -> DocumentRoutes[Rule]:
    """The routes of the documents."""

    def told(one: Rule) -> dict[str, Any]:
        return {"document": one.document, "warnings": warnings(one, shop)}

    def check(document: dict[str, Any]) -> None:
        check_placements(document, placements)

    return DocumentRoutes("rules", documents, desk, lambda one: one.version, told, check)


def check_placements(document: Mapping[str, Any], placements: Documents[Placement]) -> None:
    """Refuse a placement that there is not, and a pin on searches (`BadDocument`)."""
    for place, name in enumerate(document.get("placements", ())):
        if name == SEARCH.name and "pin" in document["then"]:
            raise BadDocument(f"/placements/{place}", _PIN)
        if name not in placements.all and name != SEARCH.name:
            choices = ", ".join([*placements.all, SEARCH.name])
            raise BadDocument(f"/placements/{place}", f"There is no placement of this name; there are {choices}.")


class RulePreview:
    """The route."""

    def __init__(
        self, asking: Asking, rules: Documents[Rule], snapshots: Snapshots, clock: Callable[[], float]
    ) -> None:
        self._asking, self._rules, self._snapshots, self._clock = asking, rules, snapshots, clock

    @property
    def routes(self) -> Served:
        """What it answers."""
        return (("POST", "/v1/admin/rules/preview", self.answer),)

    async def answer(self, exchange: Exchange) -> Answer:
        """Decide twice, and write nothing: no decision is recorded, and nothing is learnt from it."""
        ask = struct_of(await exchange.body(MOST_BYTES), PreviewAsk)
        placement, tried = self._placement(ask), self._rule(ask)
        visitor_id = self._asking.visitor_id(exchange.caller, ask.visitor_id, ask.customer_id)
        request, now = _request(ask, placement, visitor_id), int(self._clock())
        snapshot = await self._snapshots.read(request, placement, None, now)
        if ask.item_id is not None and snapshot.shop.item(ask.item_id) is None:
            raise problem.invalid("/item_id", "The catalogue has no item of this id, so it has no page.")
        others = [one for one in self._rules.all.values() if one.at(placement.name) and one.name != tried.name]
        at = now if ask.at is None else instant(ask.at)
        return Answer(_encode(preview(Asked(request, placement, snapshot, at, others), tried)))

    def _placement(self, ask: PreviewAsk) -> Placement:
        placement = self._asking.placement(ask.placement)
        if placement is None:
            is_search = ask.placement == SEARCH.name
            raise problem.invalid("/placement", _SEARCH if is_search else self._asking.no_placement())
        return placement

    def _rule(self, ask: PreviewAsk) -> Rule:
        if (ask.rule is None) == (ask.name is None):
            raise problem.invalid("/rule", "Send either a rule's document as `rule`, or the `name` of one there is.")
        if ask.rule is None:
            found = self._rules.all.get(ask.name or "")
            if found is None:
                raise problem.invalid("/name", none_of(self._rules))
            return found
        document: dict[str, Any] = whole_floats_as_integers({"name": UNNAMED, **ask.rule})
        try:
            read = rule(document, document["name"])
            check_placements(document, self._asking.placements)
        except BadDocument as error:
            raise problem.invalid(f"/rule{error.pointer}", error.detail) from None
        return read


def _request(ask: PreviewAsk, placement: Placement, visitor_id: str) -> Request:
    return Request(
        visitor_id=visitor_id,
        customer_id=ask.customer_id or "",
        session_id=ask.session_id,
        item_ids=[ask.item_id, *ask.item_ids] if ask.item_id else ask.item_ids,
        n=ask.n or placement.n,
    )


def instant(text: str) -> int:
    """The time (ms) that a preview asks about."""
    try:
        return instant_ms(text)
    except ValueError:
        raise problem.invalid("/at", 'It must be an instant such as "2026-11-27T09:00:00+01:00".') from None
