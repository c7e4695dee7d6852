"""``GET /v1/search``: what answers a shopper's words."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from serving.http import problem
from serving.http.access import Served
from serving.http.answer import Answer
from serving.http.asking import Asking, Filter, Id, count, filter_of, rule_of
from serving.http.exchange import Exchange
from serving.placement import ITEMS, MOST_ITEMS
from serving.search.filtered import parts
from serving.search.question import Question, Sort
from serving.search.searching import Searching
from serving.slate.cursor import MOST_CHARACTERS

LONGEST = 1_000
_NO_QUERY = "Say what is looked for: `q` is 1 to 1,000 characters, and not only blanks."
_EXPLAIN = (
    "What a shop's own rules and other shoppers weigh is no business of pages: `explain` is for secret keys. Why one "
    "decision was made, `GET /v1/decisions/{decision_id}` tells its visitor as well."
)


class SearchAsk(Struct, frozen=True, kw_only=True):
    """What a search may say."""

    q: Annotated[str, Meta(min_length=1, max_length=LONGEST)]
    visitor_id: Id | None = None
    customer_id: Id | None = None
    session_id: Id | None = None
    n: Annotated[int, Meta(ge=1, le=MOST_ITEMS)] = ITEMS
    sort: Sort = "relevance"
    filter: Filter | None = None
    exclude: Annotated[list[Id], Meta(max_length=1_000)] = []
    personalize: bool = True
    min_fresh: Annotated[str, Meta(max_length=256)] | None = None
    after: Annotated[str, Meta(max_length=MOST_CHARACTERS)] | None = None
    explain: bool = False


class Search:
    """The route."""

    def __init__(self, asking: Asking, searching: Searching) -> None:
        self._asking, self._searching = asking, searching

    @property
    def routes(self) -> Served:
        """What it answers."""
        return (("GET", "/v1/search", self.answer),)

    async def answer(self, exchange: Exchange) -> Answer:
        asking, ask = self._asking, _asked(exchange)
        if ask.explain and not exchange.caller.key.secret:
            raise problem.wrong_at("/explain", _EXPLAIN)
        rule = rule_of(ask.filter, exchange.caller)
        question = Question(
            query=ask.q,
            visitor_id=asking.visitor_id(exchange.caller, ask.visitor_id, ask.customer_id),
            customer_id=ask.customer_id or "",
            session_id=ask.session_id,
            n=ask.n,
            sort=ask.sort,
            rule=rule,
            filters=() if rule is None or ask.filter is None else parts(rule, ask.filter),
            exclude=ask.exclude,
            personalize=ask.personalize and not exchange.caller.objects,
            after=asking.shown_before(ask.after),
            explain=ask.explain,
        )
        found = await self._searching.search(question, asking.wanted(ask.min_fresh))
        count(found.decision)
        return Answer(found.body)


def _asked(exchange: Exchange) -> SearchAsk:
    found: dict[str, Any] = {}
    for name, value in exchange.parameters():
        if name == "exclude":
            found.setdefault(name, []).extend(filter(None, value.split(",")))
        else:
            found[name] = filter_of(value) if name == "filter" else value
    query_of(found.get("q", ""))
    try:
        return msgspec.convert(found, SearchAsk, strict=False)
    except msgspec.ValidationError as error:
        raise problem.bad_request(f"{error}.") from None


def query_of(text: str) -> str:
    """The query as it may be asked; `Problem` 400 says what it must be instead."""
    if not text.strip() or len(text) > LONGEST:
        raise problem.wrong_at("/q", _NO_QUERY)
    return text
