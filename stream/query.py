"""The query agent: what sessions searched for, and what came of it → what is known of each query.

Owns ``{queries:p}``. A query's items rank its next answer, its counts are the shop's report; the ranking holds the
queries that may be shown to others. Flushed as item rows are, many events at a time, at most once a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct, field

from stream import query_counts, query_items
from stream.derived import DerivedFold
from stream.entries import Listed, QueryEntry, Searched, Taken
from stream.fold import CLOCK, MARKS, Emit, Family, State
from stream.query_counts import HALF_MS, Counts, Day
from stream.query_items import Items
from stream.query_text import digest

FULL = 600
KEPT = 400

_TTL_S = 2 * query_items.RETENTION_MS // 1000


class Searches(Struct, array_like=True):
    """All queries of a partition together, by day since 1970."""

    days: dict[int, Day] = field(default_factory=dict)


ITEMS = Family("found", Items, "one query: how its items were seen and taken", "digest", ttl_s=_TTL_S)
COUNTS = Family(
    "query", Counts, "one query: how often it was asked, by day, and its words once enough have", "digest", ttl_s=_TTL_S
)
SEARCHES = Family("searches", Searches, "all queries of the partition: how many searches, by day")
POPULAR = Family("popular", float, "queries that enough visitors asked for, by how often of late", "query")


class QueryFold(DerivedFold[QueryEntry]):
    """One partition's fold of what was searched."""

    name = "query"
    topic = "queries"
    families = (ITEMS, COUNTS, SEARCHES, CLOCK, MARKS)
    ranking: Family | None = POPULAR
    entry_type = QueryEntry

    def entry_keys(self, entries: Sequence[QueryEntry]) -> Iterable[str]:
        for id_ in dict.fromkeys(digest(entry.query) for entry in entries):
            yield f"found:{id_}"
            yield f"query:{id_}"

    def apply(self, entry: QueryEntry, state: State, emit: Emit) -> None:
        id_ = digest(entry.query)
        if isinstance(entry, Searched | Taken):
            self._count(f"query:{id_}", entry, state)
        if isinstance(entry, Listed | Taken):
            self._learn(f"found:{id_}", entry, state)

    def _learn(self, key: str, entry: Listed | Taken, state: State) -> None:
        row: Items | None = state.read(key)
        if row is None or entry.at - row.at > query_items.RETENTION_MS:
            row = Items()
        if isinstance(entry, Listed):
            query_items.look(row, entry)
        else:
            query_items.take(row, entry)
        state.put(key, row)

    def _count(self, key: str, entry: Searched | Taken, state: State) -> None:
        searches: Searches = state.read("searches") or Searches()
        counts: Counts | None = state.read(key)
        if counts is None or entry.at - counts.at > query_counts.RETENTION_MS:
            counts = Counts()
        if isinstance(entry, Searched):
            query_counts.count(searches.days, entry)
            query_counts.ask(counts, entry)
            _rank(counts, state)
        else:
            query_counts.credit(searches.days, entry)
            query_counts.credit(counts.days, entry)
        state.put(key, counts)
        state.put("searches", searches)


def _rank(counts: Counts, state: State) -> None:
    """Only what enough visitors have asked for; the least popular beyond `FULL` and the forgotten go."""
    if not counts.text:
        return
    new = counts.text not in state.rank
    state.rerank(counts.text, counts.score)
    if not new:
        return
    lowest = (counts.at - query_counts.RETENTION_MS) / HALF_MS
    order = sorted(state.rank.items(), key=lambda pair: (-pair[1], pair[0]))
    most = KEPT if len(order) > FULL else FULL
    for place, (text, score) in enumerate(order):
        if place >= most or score < lowest:
            state.rerank(text, None)
