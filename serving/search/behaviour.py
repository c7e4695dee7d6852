"""What shoppers did for a query: which of its items they took, as boosts for the next answer.

An item's strength is how often it was taken for how likely it was looked at (`stream.query_items`), smoothed by a prior
that stands for two looks without a click, times how many visitors say so. One visitor's word is worth at most
`LONE` of many's, whatever they do. Queries of the same words (in another order, by the same stems) lend theirs by half,
once enough visitors have asked for them. That a cart and an order count half a click each is not measured.

```
 of(query) ─▶ its row, and those of queries of the same words: one MGET a hash tag, at most once a second ─▶ Boosts
 follow    ─▶ the partitions' rankings, every 10 s ─▶ popular queries
```
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from math import ceil
from typing import Any, NamedTuple, Protocol

import msgspec
import numpy as np
import structlog
from msgspec import Struct
from numpy.typing import NDArray

from serving.rows import Reads
from serving.search.analysis import DEFAULT, stem, words_of
from stream.query_counts import present
from stream.query_items import HALF_MS, HOUR_MS, Found, Items
from stream.query_text import digest, normalised
from stream.state.keys import Keys, Tag
from stream.state.store import Unavailable
from stream.topics import partition_of

_TOPIC = "queries"
WEIGHT = 2.4
PRIOR_LOOKS = 2.0
CART = BOUGHT = 0.5
ALONE, MANY = 0.75, 0.25
LONE = (1.0 - ALONE) / (1.0 + MANY)
LENT = 0.5
SIBLINGS = 2
FRESH_S = 1.0
ROWS = 10_000
EVERY_S = 10.0
LEAST_SEARCHES = 0.5

log = structlog.get_logger()
_items = msgspec.msgpack.Decoder(Items)


class Boosts(Struct, frozen=True, gc=False):
    """Items that shoppers took for a query, the strongest first.

    `boosts`: float32 in (0, `WEIGHT`), to be added to scores that are divided by the query's best score, so that an
    item far down can come to the top; an item that the index did not find may be added with its boost alone.
    """

    item_ids: tuple[str, ...]
    boosts: NDArray[np.float32]


NONE = Boosts((), np.zeros(0, np.float32))


class PopularQuery(NamedTuple):
    """A query that enough visitors asked for, and how many searches for it count today (halved every week)."""

    query: str
    searches: float


class Rankings(Protocol):
    """Reads partitions' rankings; `stream.state.store.Store`."""

    async def ranking(self, tag: Tag) -> dict[str, float]:
        """Member → score; raises `Unavailable`."""


class _Held(NamedTuple):
    read_at: float
    row: Items | None


class Behaviour:
    """What is known of queries, in this process.

    Parameters
    ----------
    reader: for requests, with a short budget; `rankings` for what runs in the background.
    partitions: how many partitions the queries' topic has; 0 while that is not known.
    heard: is told what is popular, and how often it was asked for, whenever that was read.
    clock: seconds that only grow; `now`: the time in ms.

    Attributes
    ----------
    popular: the most asked queries first.
    """

    def __init__(
        self,
        reader: Reads,
        rankings: Rankings,
        names: Keys,
        partitions: Callable[[], int],
        *,
        heard: Callable[[Mapping[str, int]], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = lambda: time.time() * 1000,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self._reader, self._rankings, self._names, self._partitions = reader, rankings, names, partitions
        self._heard, self._clock, self._now, self._sleep = heard, clock, now, sleep
        self._held: dict[str, _Held] = {}
        self._siblings: dict[frozenset[str], list[str]] = {}
        self.popular: tuple[PopularQuery, ...] = ()

    async def of(self, query: str) -> Boosts:
        """The boosts for a query as it was typed; those that are held, or none, if Redis does not answer in time."""
        text = normalised(query)
        if text is None:
            return NONE
        texts = [text, *self._alike(text)]
        with suppress(Unavailable):
            await self._read([digest(one) for one in texts])
        held = [self._held.get(digest(one)) for one in texts]
        rows = [(one.row, LENT if n else 1.0) for n, one in enumerate(held) if one is not None and one.row is not None]
        return boosts(rows, self._now()) if rows else NONE

    def _alike(self, text: str) -> list[str]:
        """The most asked queries of the same words."""
        same = self._siblings.get(stems_of(text), ())
        return [one for one in same if one != text][:SIBLINGS]

    async def _read(self, ids: Sequence[str]) -> None:
        before, partitions = self._clock() - FRESH_S, self._partitions()
        tags: dict[int, list[str]] = {}
        for id_ in ids:
            held = self._held.get(id_)
            if held is None or held.read_at < before:
                tags.setdefault(partition_of(id_.encode(), partitions) if partitions else -1, []).append(id_)
        if tags and not partitions:
            raise Unavailable("the topics' partitions are not known yet")
        await asyncio.gather(*[self._read_tag(partition, of_tag) for partition, of_tag in tags.items()])

    async def _read_tag(self, partition: int, ids: Sequence[str]) -> None:
        root = self._names.value(Tag(_TOPIC, partition), "found:")
        found = await self._reader.mget([root + id_ for id_ in ids])
        for id_, packed in zip(ids, found, strict=True):
            self._held.pop(id_, None)
            self._held[id_] = _Held(self._clock(), _parsed(packed))
        while len(self._held) > ROWS:
            del self._held[next(iter(self._held))]

    async def follow(self) -> None:
        """Take over which queries are popular, for ever."""
        while True:
            with suppress(Unavailable):  # what is held stays in use
                await self.refresh()
            await self._sleep(EVERY_S)

    async def refresh(self) -> None:
        """Read which queries are popular; raises `Unavailable`."""
        tags = [Tag(_TOPIC, partition) for partition in range(self._partitions())]
        scores: dict[str, float] = {}
        for tag in tags:
            scores |= await self._rankings.ranking(tag)
        now = self._now()
        counted = (PopularQuery(query, present(score, now)) for query, score in scores.items())
        popular = sorted((one for one in counted if one.searches >= LEAST_SEARCHES), key=_most_asked)
        siblings: dict[frozenset[str], list[str]] = {}
        for one in popular:
            siblings.setdefault(stems_of(one.query), []).append(one.query)
        self.popular, self._siblings = tuple(popular), siblings
        self._heard({one.query: ceil(one.searches) for one in popular})


def stems_of(query: str) -> frozenset[str]:
    """By what a query is another's sibling."""
    return frozenset(stem(word, DEFAULT) for word in words_of(query))


def _most_asked(one: PopularQuery) -> tuple[float, str]:
    return -one.searches, one.query


def _parsed(packed: bytes | None) -> Items | None:
    """A row that cannot be read is as none, until it changes."""
    try:
        return None if packed is None else _items.decode(packed)
    except msgspec.MsgspecError as error:
        log.warning("query_row_not_readable", reason=str(error), meaning="its query is ranked without what was clicked")
        return None


def boosts(
    rows: Sequence[tuple[Items, float]], now: float, *, weight: float = WEIGHT, prior: float = PRIOR_LOOKS
) -> Boosts:
    """The boosts that rows, each with what it counts, come to at `now` (ms)."""
    found = strengths(rows, now, prior)
    order = sorted(found, key=lambda item_id: (-found[item_id], item_id))
    return Boosts(tuple(order), np.array([weight * found[item_id] for item_id in order], np.float32))


def strengths(rows: Sequence[tuple[Items, float]], now: float, prior: float = PRIOR_LOOKS) -> Mapping[str, float]:
    """Each taken item's strength in (0, 1), by all rows together."""
    seen: dict[str, NDArray[np.float64]] = {}
    for row, share in rows:
        share_now = share * 2.0 ** (-max(0.0, now / HOUR_MS - row.hour) * HOUR_MS / HALF_MS)
        for item_id, found in row.items.items():
            new = np.array([found.seen * share_now, _taken(found) * share_now, found.takers * share])
            seen[item_id] = seen[item_id] + new if item_id in seen else new
    return {
        item_id: strength
        for item_id, (looked, taken, takers) in seen.items()
        if (strength := _strength(taken / (looked + prior), takers)) > 0
    }


def _taken(found: Found) -> float:
    return found.clicks + CART * found.carts + BOUGHT * found.bought


def _strength(rate: float, takers: float) -> float:
    """A rate, drawn down where few visitors say so: one by a fifth, many hardly."""
    return float(min(1.0, rate) * max(0.0, takers - ALONE) / (takers + MANY))
