"""``POST /v1/page``: the shelves of a page in one call, no item and no variant of one twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from serving.http import problem
from serving.http.access import Served
from serving.http.answer import Answer
from serving.http.asking import Asking, Filter, Id, count, rule_of
from serving.http.body import struct_of
from serving.http.exchange import Caller, Exchange
from serving.placement import MOST_ITEMS, Placement
from serving.request import Request
from serving.shelves import Shelves
from serving.slate.cursor import MOST_CHARACTERS

MOST_BYTES = 256_000
PLACES = 10

_json = msgspec.json.Encoder().encode


class Place(Struct, frozen=True, kw_only=True):
    """One shelf of a page; what it does not say itself is the page's. The answer calls it `as`."""

    placement: Annotated[str, Meta(min_length=1, max_length=64)]
    as_: Annotated[str, Meta(min_length=1, max_length=64)] | None = msgspec.field(name="as", default=None)
    n: Annotated[int, Meta(ge=1, le=MOST_ITEMS)] | None = None
    item_ids: Annotated[list[Id], Meta(max_length=100)] | UnsetType = UNSET
    exclude: Annotated[list[Id], Meta(max_length=1_000)] = []
    filter: Filter | None = None
    diversity: Annotated[float, Meta(ge=0, le=1)] | None = None
    after: Annotated[str, Meta(max_length=MOST_CHARACTERS)] | None = None


class PageAsk(Struct, frozen=True, kw_only=True):
    """A page: whose it is, and its shelves from the most important on."""

    placements: Annotated[list[Place], Meta(min_length=1, max_length=PLACES)]
    visitor_id: Id | None = None
    customer_id: Id | None = None
    session_id: Id | None = None
    item_ids: Annotated[list[Id], Meta(max_length=100)] = []
    exclude: Annotated[list[Id], Meta(max_length=1_000)] = []
    min_fresh: Annotated[str, Meta(max_length=256)] | None = None
    explain: bool = False
    profiling: Literal["on", "off"] = "on"


class Page:
    """The route."""

    def __init__(self, asking: Asking, shelves: Shelves) -> None:
        self._asking, self._shelves = asking, shelves

    @property
    def routes(self) -> Served:
        """What it answers."""
        return (("POST", "/v1/page", self.answer),)

    async def answer(self, exchange: Exchange) -> Answer:
        ask = struct_of(await exchange.body(MOST_BYTES), PageAsk)
        visitor_id = self._asking.visitor_id(exchange.caller, ask.visitor_id, ask.customer_id)
        names = _names(ask)
        asked = [
            (
                _request(ask, placement, place, visitor_id, exchange.caller, self._asking.shown_before(one.after)),
                placement,
            )
            for place, one in enumerate(ask.placements)
            for placement in [self._placement(one.placement, place)]
        ]
        shelves = await self._shelves.page(asked, self._asking.wanted(ask.min_fresh))
        parts = []
        for name, shelf in zip(names, shelves, strict=True):
            count(shelf.decision)
            parts.append(b'{"as":%b,%b' % (_json(name), shelf.body[1:]))
        return Answer(b'{"shelves":[%b]}' % b",".join(parts))

    def _placement(self, name: str, place: int) -> Placement:
        placement = self._asking.placement(name)
        if placement is None:
            raise problem.not_found(f"/placements/{place}/placement: {self._asking.no_placement()}")
        return placement


def _names(ask: PageAsk) -> list[str]:
    """What the answer calls each shelf."""
    names = [one.as_ or one.placement for one in ask.placements]
    for place, name in enumerate(names):
        if name in names[:place]:
            detail = "An earlier shelf of this page is called the same; give each a name of its own with `as`."
            raise problem.invalid(f"/placements/{place}/as", detail)
    return names


def _request(
    ask: PageAsk, placement: Placement, place: int, visitor_id: str, caller: Caller, before: Sequence[int]
) -> Request:
    one = ask.placements[place]
    return Request(
        visitor_id=visitor_id,
        customer_id=ask.customer_id or "",
        session_id=ask.session_id,
        item_ids=ask.item_ids if one.item_ids is UNSET else one.item_ids,
        n=one.n or placement.n,
        exclude=[*ask.exclude, *one.exclude] if one.exclude else ask.exclude,
        explain=ask.explain,
        profiling=ask.profiling == "on" and not caller.objects,
        rule=rule_of(one.filter, caller, f"/placements/{place}/filter"),
        diversity=one.diversity,
        after=before,
    )
