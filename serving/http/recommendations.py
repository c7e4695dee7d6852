"""``GET`` and ``POST /v1/recommendations/{placement}``: a shelf."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from serving.decision import Rung
from serving.http import metrics, problem
from serving.http.answer import Answer
from serving.http.body import struct_of
from serving.http.exchange import Caller, Exchange
from serving.http.proofs import Proofs
from serving.placement import ITEMS, MOST_ITEMS
from serving.placements import placements
from serving.request import Request
from serving.shelves import Shelves
from stream.tokens import BadToken, FreshToken, read_fresh_token

MOST_BYTES = 256_000
NEVER_SEEN = " "
"""Nobody's id, as the gate refuses blank ones: who must show a token and has none is answered with its shelf, so that
neither what is said nor how long it takes tells whether there is a visitor of the id that was asked for."""

Id = Annotated[str, Meta(min_length=1, max_length=128)]


class Ask(Struct, frozen=True, kw_only=True):
    """What a request may say; GET says `item_id` where POST says `item_ids`."""

    visitor_id: Id | None = None
    customer_id: Id | None = None
    session_id: Id | None = None
    item_id: Id | None = None
    item_ids: Annotated[list[Id], Meta(max_length=100)] = []
    n: Annotated[int, Meta(ge=1, le=MOST_ITEMS)] = ITEMS
    exclude: Annotated[list[Id], Meta(max_length=1_000)] = []
    filter: Annotated[Any, Meta(extra_json_schema={"type": "null"})] | UnsetType = UNSET
    diversity: Annotated[float, Meta(ge=0, le=1)] | None = None
    min_fresh: Annotated[str, Meta(max_length=256)] | None = None
    explain: bool = False
    profiling: Literal["on", "off"] = "on"


_MANY = frozenset({"item_ids", "exclude"})


class Recommendations:
    """The route. `require_token`: with a publishable key, a visitor is known only by their token."""

    def __init__(self, proofs: Proofs, shelves: Shelves, signing_key: bytes, *, require_token: bool) -> None:
        self._proofs, self._shelves, self._signing_key = proofs, shelves, signing_key
        self._require_token = require_token
        self._counters = {
            (name, status): metrics.DECISIONS.labels(name, status)
            for name in placements()
            for status in ("ok", "fallback", "insufficient_data", "no_consent", "control", "degraded")
        }
        self._rungs = {
            (name, rung): metrics.ANSWERS.labels(name, rung) for name in placements() for rung in get_args(Rung)
        }

    async def answer(self, exchange: Exchange) -> Answer:
        placement = placements().get(exchange.path["placement"])
        if placement is None:
            raise problem.not_found(f"There is no placement of this name; there are {', '.join(placements())}.")
        ask = struct_of(await exchange.body(MOST_BYTES), Ask) if exchange.method == "POST" else _queried(exchange)
        request = _request(ask, exchange, self._visitor_id(ask, exchange.caller))
        shelf = await self._shelves.shelf(request, placement, self._wanted(ask.min_fresh))
        self._counters[placement.name, shelf.decision.status].inc()
        self._rungs[placement.name, shelf.decision.rung].inc()
        return Answer(shelf.body)

    def _visitor_id(self, ask: Ask, caller: Caller) -> str:
        """Whose shelf this caller may see, empty for nobody's; `Problem` 403 for another's token or customer."""
        if ask.customer_id is not None:
            self._proofs.demand_customer(caller, ask.customer_id)
        if ask.visitor_id is None:
            return ""
        proven = self._proofs.of_visitor(caller, ask.visitor_id)
        return ask.visitor_id if proven or not self._require_token else NEVER_SEEN

    def _wanted(self, token: str | None) -> FreshToken | None:
        if not token:
            return None
        try:
            return read_fresh_token(self._signing_key, token)
        except BadToken as error:
            raise problem.bad_request(f"min_fresh: {error}.") from None


def _request(ask: Ask, exchange: Exchange, visitor_id: str) -> Request:
    if ask.filter is not UNSET and ask.filter is not None:
        raise problem.bad_request("`filter` is not known to this release; it was not ignored, because it may matter.")
    return Request(
        visitor_id=visitor_id,
        customer_id=ask.customer_id or "",
        session_id=ask.session_id,
        item_ids=[ask.item_id, *ask.item_ids] if ask.item_id else ask.item_ids,
        n=ask.n,
        exclude=ask.exclude,
        explain=ask.explain,
        profiling=ask.profiling == "on" and not exchange.caller.objects,
    )


def _queried(exchange: Exchange) -> Ask:
    found: dict[str, Any] = {}
    for name, value in exchange.parameters():
        if name in _MANY:
            found.setdefault(name, []).extend(filter(None, value.split(",")))
        elif value:
            found[name] = value
    try:
        return msgspec.convert(found, Ask, strict=False)
    except msgspec.ValidationError as error:
        raise problem.bad_request(f"{error}.") from None
