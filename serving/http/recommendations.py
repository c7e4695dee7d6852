"""``GET`` and ``POST /v1/recommendations/{placement}``: a shelf."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from serving.http import problem
from serving.http.access import Served
from serving.http.answer import Answer
from serving.http.asking import Asking, Filter, Id, count, filter_of, rule_of
from serving.http.body import struct_of
from serving.http.exchange import Exchange
from serving.placement import MOST_ITEMS, Placement
from serving.request import Request
from serving.shelves import Shelves
from serving.slate.cursor import MOST_CHARACTERS

MOST_BYTES = 256_000


class Ask(Struct, frozen=True, kw_only=True):
    """What a request may say; GET says `item_id` where POST says `item_ids`. Without `n` the placement's own holds."""

    visitor_id: Id | None = None
    customer_id: Id | None = None
    session_id: Id | None = None
    item_id: Id | None = None
    item_ids: Annotated[list[Id], Meta(max_length=100)] = []
    n: Annotated[int, Meta(ge=1, le=MOST_ITEMS)] | None = None
    exclude: Annotated[list[Id], Meta(max_length=1_000)] = []
    filter: Filter | None = None
    diversity: Annotated[float, Meta(ge=0, le=1)] | None = None
    min_fresh: Annotated[str, Meta(max_length=256)] | None = None
    after: Annotated[str, Meta(max_length=MOST_CHARACTERS)] | None = None
    explain: bool = False
    profiling: Literal["on", "off"] = "on"


_MANY = frozenset({"item_ids", "exclude"})


class Recommendations:
    """The route."""

    def __init__(self, asking: Asking, shelves: Shelves) -> None:
        self._asking, self._shelves = asking, shelves

    @property
    def routes(self) -> Served:
        """What it answers."""
        return (
            ("GET", "/v1/recommendations/{placement}", self.answer),
            ("POST", "/v1/recommendations/{placement}", self.answer),
        )

    async def answer(self, exchange: Exchange) -> Answer:
        asking = self._asking
        placement = asking.placement(exchange.path["placement"])
        if placement is None:
            raise problem.not_found(asking.no_placement())
        ask = struct_of(await exchange.body(MOST_BYTES), Ask) if exchange.method == "POST" else _queried(exchange)
        visitor_id = asking.visitor_id(exchange.caller, ask.visitor_id, ask.customer_id)
        request = _request(ask, placement, exchange, visitor_id, asking.shown_before(ask.after))
        shelf = await self._shelves.shelf(request, placement, asking.wanted(ask.min_fresh))
        count(shelf.decision)
        return Answer(shelf.body)


def _request(ask: Ask, placement: Placement, exchange: Exchange, visitor_id: str, before: Sequence[int]) -> Request:
    return Request(
        visitor_id=visitor_id,
        customer_id=ask.customer_id or "",
        session_id=ask.session_id,
        item_ids=[ask.item_id, *ask.item_ids] if ask.item_id else ask.item_ids,
        n=ask.n or placement.n,
        exclude=ask.exclude,
        explain=ask.explain,
        profiling=ask.profiling == "on" and not exchange.caller.objects,
        rule=rule_of(ask.filter, exchange.caller),
        diversity=ask.diversity,
        after=before,
    )


def _queried(exchange: Exchange) -> Ask:
    found: dict[str, Any] = {}
    for name, value in exchange.parameters():
        if name in _MANY:
            found.setdefault(name, []).extend(filter(None, value.split(",")))
        elif value:
            found[name] = filter_of(value) if name == "filter" else value
    try:
        return msgspec.convert(found, Ask, strict=False)
    except msgspec.ValidationError as error:
        raise problem.bad_request(f"{error}.") from None
