"""What is searched for and how it goes, for the shop: top queries, those that find nothing, those that nobody clicks.

The whole counts every search that was learnt from. Single queries are named only once `VISITORS` visitors have asked
for them (`stream.query_counts`), and of those the `CONSIDERED` that are asked most of late.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Protocol

import msgspec
from msgspec import Struct

from stream.query import Searches
from stream.query_counts import DAY_MS, VISITORS, Counts, Day
from stream.query_text import digest
from stream.state.keys import Tag
from stream.state.store import Unavailable
from stream.topics import partition_of

CONSIDERED = 1_000
PLACES = (1, 3, 10)
_TOPIC = "queries"
_counts = msgspec.msgpack.Decoder(Counts)
_searches = msgspec.msgpack.Decoder(Searches)


class Went(Struct, frozen=True, kw_only=True):
    """How searches went.

    `zero_results` are those of `results_known` that found nothing; `ctr`: which share had a click among the first 1, 3
    and 10 places (null without searches), `no_click` how many had none at all; `carts` and `bought` count items.
    """

    searches: int
    results_known: int
    zero_results: int
    no_click: int
    ctr: dict[str, float | None]
    carts: int
    bought: int


class QueryWent(Went, frozen=True, kw_only=True):
    """How the searches for one query went."""

    query: str


class SearchReport(Struct, frozen=True):
    """Since `since` (a day, UTC): all searches, and of the queries that at least `least_visitors` asked for the first.

    `queries`: how many those are, as far as they are looked at.
    """

    since: str
    days: int
    least_visitors: int
    queries: int
    whole: Went
    top: list[QueryWent]
    zero_results: list[QueryWent]
    no_click: list[QueryWent]


class Reads(Protocol):
    """Reads values and rankings; `stream.state.store.Store`."""

    async def load(self, tag: Tag, keys: Sequence[str]) -> list[bytes | None]:
        """The values in order; raises `Unavailable`."""

    async def ranking(self, tag: Tag) -> dict[str, float]:
        """Member → score; raises `Unavailable`."""


class Reports:
    """Makes reports. `partitions`: how many the queries' topic has, 0 while that is not known; `now` in ms."""

    def __init__(self, store: Reads, partitions: Callable[[], int], now: Callable[[], float]) -> None:
        self._store, self._partitions, self._now = store, partitions, now

    async def report(self, days: int, most: int) -> SearchReport:
        """The last `days` days with today, with at most `most` queries a list; raises `Unavailable`."""
        if not self._partitions():
            raise Unavailable("the topics' partitions are not known yet")
        tags = [Tag(_TOPIC, partition) for partition in range(self._partitions())]
        whole = await asyncio.gather(*[self._store.load(tag, ["searches"]) for tag in tags])
        queries = await self._queries(tags)
        first = int(self._now() // DAY_MS) - days + 1
        all_days = [_searches.decode(packed).days for (packed,) in whole if packed is not None]
        return report(all_days, queries, first=first, days=days, most=most)

    async def _queries(self, tags: Sequence[Tag]) -> list[Counts]:
        rankings = await asyncio.gather(*[self._store.ranking(tag) for tag in tags])
        scores = [(score, query) for ranking in rankings for query, score in ranking.items()]
        keys: dict[Tag, list[str]] = {}
        for _, query in heapq.nlargest(CONSIDERED, scores):
            id_ = digest(query)
            keys.setdefault(tags[partition_of(id_.encode(), len(tags))], []).append(f"query:{id_}")
        found = await asyncio.gather(*[self._store.load(tag, of_tag) for tag, of_tag in keys.items()])
        return [_counts.decode(packed) for some in found for packed in some if packed is not None]


def report(
    whole: Iterable[dict[int, Day]], queries: Iterable[Counts], *, first: int, days: int, most: int
) -> SearchReport:
    """The report since the day `first` (since 1970)."""
    named = [(counts.text, _since(first, [counts.days])) for counts in queries if counts.text]
    went = [QueryWent(query=query, **msgspec.structs.asdict(_went(day))) for query, day in named if day.searches]
    return SearchReport(
        datetime.fromtimestamp(first * DAY_MS / 1000, UTC).date().isoformat(),
        days,
        VISITORS,
        len(went),
        _went(_since(first, whole)),
        _most(went, lambda one: one.searches, most),
        _most(went, lambda one: one.zero_results, most),
        _most(went, lambda one: one.no_click, most),
    )


def _most(went: Iterable[QueryWent], by: Callable[[QueryWent], int], most: int) -> list[QueryWent]:
    """Those with the highest number that is not 0, of equal ones by their words."""
    return sorted((one for one in went if by(one)), key=lambda one: (-by(one), one.query))[:most]


def _since(first: int, parts: Iterable[dict[int, Day]]) -> Day:
    """The sum of all days from `first` on."""
    total = Day()
    for days in parts:
        for number, day in days.items():
            if number >= first:
                total.searches += day.searches
                total.told += day.told
                total.empty += day.empty
                total.clicked = [one + other for one, other in zip(total.clicked, day.clicked, strict=True)]
                total.carts += day.carts
                total.bought += day.bought
    return total


def _went(day: Day) -> Went:
    share = {
        str(k): round(sum(day.clicked[:k]) / day.searches, 4) if day.searches else None for k in PLACES
    }  # clicks whose place nobody knows are in none of them
    return Went(
        searches=day.searches,
        results_known=day.told,
        zero_results=day.empty,
        no_click=day.searches - sum(day.clicked),
        ctr=share,
        carts=day.carts,
        bought=day.bought,
    )
