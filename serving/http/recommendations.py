"""``GET`` and ``POST /v1/recommendations/{placement}``: a shelf."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from serving.http import metrics, problem
from serving.http.answer import Answer
from serving.http.exchange import Exchange
from serving.http.keys import Access, ApiKeys
from serving.placement import ITEMS, MOST_ITEMS
from serving.placements import placements
from serving.request import Request
from serving.shelves import Shelves
from stream.tokens import BadToken, FreshToken, read_fresh_token

MOST_BYTES = 256_000

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
    filter: Any | UnsetType = UNSET
    diversity: Annotated[float, Meta(ge=0, le=1)] | None = None
    min_fresh: Annotated[str, Meta(max_length=256)] | None = None
    explain: bool = False
    profiling: Literal["on", "off"] = "on"


_MANY = frozenset({"item_ids", "exclude"})
_decode = msgspec.json.Decoder(Ask).decode


class Recommendations:
    """The route."""

    def __init__(self, keys: ApiKeys, shelves: Shelves, signing_key: bytes) -> None:
        self._keys, self._shelves, self._signing_key = keys, shelves, signing_key
        self._counters = {
            (name, status): metrics.DECISIONS.labels(name, status)
            for name in placements()
            for status in ("ok", "fallback", "insufficient_data", "no_consent", "control", "degraded")
        }

    async def answer(self, exchange: Exchange) -> Answer:
        access = self._keys.access(exchange, "publishable")
        placement = placements().get(exchange.path["placement"])
        if placement is None:
            raise problem.not_found(f"There is no placement of this name; there are {', '.join(placements())}.")
        ask = _posted(await exchange.body(MOST_BYTES)) if exchange.method == "POST" else _queried(exchange)
        shelf = await self._shelves.shelf(_request(ask, exchange, access), placement, self._wanted(ask.min_fresh))
        self._counters[placement.name, shelf.decision.status].inc()
        return Answer(shelf.body)

    def _wanted(self, token: str | None) -> FreshToken | None:
        if not token:
            return None
        try:
            return read_fresh_token(self._signing_key, token)
        except BadToken as error:
            raise problem.bad_request(f"min_fresh: {error}.") from None


def _request(ask: Ask, exchange: Exchange, access: Access) -> Request:
    if ask.filter is not UNSET and ask.filter is not None:
        raise problem.bad_request("`filter` is not known to this release; it was not ignored, because it may matter.")
    return Request(
        visitor_id=ask.visitor_id or "",
        customer_id=(ask.customer_id or "") if access == "secret" else "",
        session_id=ask.session_id,
        item_ids=[ask.item_id, *ask.item_ids] if ask.item_id else ask.item_ids,
        n=ask.n,
        exclude=ask.exclude,
        explain=ask.explain,
        # Global Privacy Control: the browser itself objects to profiling
        profiling=ask.profiling == "on" and exchange.header(b"sec-gpc") != b"1",
    )


def _posted(body: bytes) -> Ask:
    try:
        return _decode(body or b"{}")
    except msgspec.ValidationError as error:
        raise problem.bad_request(f"{error}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise problem.unreadable("The body is not a JSON object.") from None


def _queried(exchange: Exchange) -> Ask:
    found: dict[str, Any] = {}
    for name, value in exchange.parameters():
        if name in _MANY:
            found.setdefault(name, []).extend(value.split(","))
        elif value:
            found[name] = value
    try:
        return msgspec.convert(found, Ask, strict=False)
    except msgspec.ValidationError as error:
        raise problem.bad_request(f"{error}.") from None
