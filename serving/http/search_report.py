"""``GET /v1/ops/searches``: what is searched for, and how it goes."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from serving.http import problem
from serving.http.access import Served
from serving.http.answer import Answer
from serving.http.exchange import Exchange
from serving.search.report import Reports
from stream.query_counts import DAYS
from stream.state.store import Unavailable

USUAL_DAYS = 7
USUAL_QUERIES = 20
MOST_QUERIES = 100
_encode = msgspec.json.Encoder().encode


class ReportAsk(Struct, frozen=True, kw_only=True):
    """Over how many days, and how many queries a list."""

    days: Annotated[int, Meta(ge=1, le=DAYS)] = USUAL_DAYS
    n: Annotated[int, Meta(ge=1, le=MOST_QUERIES)] = USUAL_QUERIES


class SearchReports:
    """The route."""

    def __init__(self, reports: Reports) -> None:
        self._reports = reports

    @property
    def routes(self) -> Served:
        """What it answers."""
        return (("GET", "/v1/ops/searches", self.answer),)

    async def answer(self, exchange: Exchange) -> Answer:
        ask = _asked(exchange)
        try:
            return Answer(_encode(await self._reports.report(ask.days, ask.n)))
        except Unavailable:
            detail = "What was searched for is not known: Redis does not answer, or no topics are known yet."
            raise problem.unavailable(detail, 2) from None


def _asked(exchange: Exchange) -> ReportAsk:
    try:
        return msgspec.convert(dict(exchange.parameters()), ReportAsk, strict=False)
    except msgspec.ValidationError as error:
        raise problem.bad_request(f"{error}.") from None
