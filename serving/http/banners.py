"""``GET /v1/banners/{slot}``: the banner for this visitor now, or none."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from serving.banners.answering import Banners
from serving.http import problem
from serving.http.access import Served
from serving.http.answer import Answer
from serving.http.asking import Asking, Id, count
from serving.http.exchange import Exchange
from serving.request import Request

_NO_SLOT = "A slot has a name of small letters, digits and underscores, such as home_hero: at most 64, a letter first."
_slot = re.compile(r"[a-z][a-z0-9_]{0,63}").fullmatch


class BannerAsk(Struct, frozen=True, kw_only=True):
    """What a request may say."""

    visitor_id: Id | None = None
    customer_id: Id | None = None
    session_id: Id | None = None
    min_fresh: Annotated[str, Meta(max_length=256)] | None = None
    profiling: Literal["on", "off"] = "on"


class BannerOf:
    """The route."""

    def __init__(self, asking: Asking, banners: Banners) -> None:
        self._asking, self._banners = asking, banners

    @property
    def routes(self) -> Served:
        """What it answers."""
        return (("GET", "/v1/banners/{slot}", self.answer),)

    async def answer(self, exchange: Exchange) -> Answer:
        asking, slot, ask = self._asking, slot_of(exchange.path["slot"]), _asked(exchange)
        request = Request(
            visitor_id=asking.visitor_id(exchange.caller, ask.visitor_id, ask.customer_id),
            customer_id=ask.customer_id or "",
            session_id=ask.session_id,
            profiling=ask.profiling == "on" and not exchange.caller.objects,
        )
        found = await self._banners.banner(slot, request, asking.wanted(ask.min_fresh))
        if found.reason != "no_campaign":  # what pages make up is no label of a metric
            count(found.decision)
        return Answer(found.body)


def slot_of(name: str) -> str:
    """The slot of a path; `Problem` 404 for what none can be called."""
    if _slot(name) is None:
        raise problem.not_found(_NO_SLOT)
    return name


def _asked(exchange: Exchange) -> BannerAsk:
    found: dict[str, Any] = {name: value for name, value in exchange.parameters() if value}
    try:
        return msgspec.convert(found, BannerAsk, strict=False)
    except msgspec.ValidationError as error:
        raise problem.bad_request(f"{error}.") from None
