"""``GET /v1/offers``: the demand flags of items, and the coupon of who asks."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from serving.demand.offers import Asked, Offers
from serving.http import problem
from serving.http.access import Served
from serving.http.answer import Answer
from serving.http.asking import Asking, Id, count
from serving.http.exchange import Exchange

MOST_OFFERS = 100
_NO_ITEM = (
    f"Say which items it is about: `item_id` is 1 to {MOST_OFFERS} ids, separated by commas; or only who asks for a "
    "coupon: `visitor_id`."
)


class OffersAsk(Struct, frozen=True, kw_only=True):
    """What a request may say."""

    item_id: Annotated[list[Id], Meta(max_length=MOST_OFFERS)] = []
    visitor_id: Id | None = None
    profiling: Literal["on", "off"] = "on"
    min_fresh: Annotated[str, Meta(max_length=256)] | None = None


class OffersRoute:
    """The route."""

    def __init__(self, asking: Asking, offers: Offers) -> None:
        self._asking, self._offers = asking, offers

    @property
    def routes(self) -> Served:
        """What it answers."""
        return (("GET", "/v1/offers", self.answer),)

    async def answer(self, exchange: Exchange) -> Answer:
        asking, ask, caller = self._asking, _asked(exchange), exchange.caller
        visitor_id = asking.visitor_id(caller, ask.visitor_id, None)
        profiling = ask.profiling == "on" and not caller.objects
        asked = Asked([*dict.fromkeys(ask.item_id)], visitor_id, whole=caller.key.secret, profiling=profiling)
        told = await self._offers.of(asked, asking.wanted(ask.min_fresh))
        count(told.decision)
        return Answer(told.body)


def _asked(exchange: Exchange) -> OffersAsk:
    found: dict[str, Any] = {}
    for name, value in exchange.parameters():
        if name == "item_id":
            found.setdefault(name, []).extend(filter(None, value.split(",")))
        elif value:
            found[name] = value
    if not (found.get("item_id") or found.get("visitor_id")):
        raise problem.wrong_at("/item_id", _NO_ITEM)
    try:
        return msgspec.convert(found, OffersAsk, strict=False)
    except msgspec.ValidationError as error:
        raise problem.bad_request(f"{error}.") from None
