"""What all requests share of the shop, in this process's memory: live items, what is popular, and where titles lie.

`Codes` number every item that the catalogue or a row has named; numpy arrays beside them say what may be shown and how
popular it is. Rankings are made by `refresh`, every few seconds; a category's when it is first asked for after that.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from serving.decision import Fragments
from serving.ranking.board import Board
from serving.ranking.codes import Codes
from serving.recommender import Candidate, Scored, Vectors
from stream.catalogue import Catalogue, Shelved
from stream.title_vectors import TitleVectors

POPULAR = 200
IN_CATEGORY = 60
NEWEST = "newest"
NEWEST_EVERY_MS = 10_000
SMALL = 2_000

V = TypeVar("V")
_json = msgspec.json.Encoder().encode


class Shop:
    """A view of the catalogue and of the rows' popularity.

    Attributes
    ----------
    shown: by code, whether an item may be answered; None while the shop has sent no catalogue at all, and then every
        item with events may be, by its bare id.
    popular: the most popular items now; `fallback` the same as candidates, followed by the newest of the catalogue
        where few items are popular.
    """

    def __init__(self, catalogue: Catalogue, vectors: TitleVectors | None = None) -> None:
        self.codes = Codes()
        self.board = Board(self.codes)
        self.popular: Scored = ()
        self.fallback: list[Candidate] = []
        self.popular_in: Mapping[str, Scored] = _Asked(self._popular_in)
        self.category_of: Mapping[str, str] = _Asked(self._category_of, keep=False)
        self._catalogue, self._vectors = catalogue, vectors
        self._may = np.zeros(1_024, np.bool_)
        self._later: list[tuple[int, str]] = []
        self._fragments: dict[str, Fragments] = {}
        self._newest_known: tuple[int, int, list[str]] = (-1, 0, [])
        self._refreshed_at = 0
        catalogue.watch(self._changed)

    @property
    def shown(self) -> NDArray[np.bool_] | None:
        return None if self._catalogue.unsent else self._may[: len(self.codes)]

    @property
    def vectors(self) -> Vectors | None:
        found = self._vectors
        return Vectors(found.item_ids, found.matrix[: len(found.item_ids)]) if found and found.item_ids else None

    def vector_of(self, item_id: str) -> NDArray[np.float32] | None:
        """An item's title vector."""
        return self._vectors.of(item_id) if self._vectors else None

    def sellable(self, item_id: str, now: int) -> bool:
        """Whether an item may be answered at `now` (ms), by live stock."""
        shelved = self._catalogue.items.get(item_id)
        if shelved is None:
            return self._catalogue.unsent
        return shelved.sellable and shelved.from_ms <= now

    def fragments(self, item_id: str) -> Fragments:
        """The first part of an item as JSON, with what the catalogue says; made once per version of the item."""
        found = self._fragments.get(item_id)
        if found is None:
            found = self._fragments[item_id] = _written(item_id, self._catalogue.items.get(item_id))
        return found

    def refresh(self, now: int) -> None:
        """Rank what is popular at `now` (ms). About 1 ms for 20,000 items."""
        self._refreshed_at = now
        self._open_later(now)
        self.popular_in = _Asked(self._popular_in)
        self.popular = self.board.top(now, POPULAR, among=self._among())
        self.fallback = [Candidate(item_id, score, "popular") for item_id, score in self.popular]
        if len(self.fallback) < POPULAR:
            self.fallback += self._newest(now)

    def _among(self) -> NDArray[np.int32] | None:
        shown = self.shown
        return None if shown is None else np.flatnonzero(shown).astype(np.int32)

    def _newest(self, now: int) -> list[Candidate]:
        """The catalogue's newest items, where nobody has looked at anything yet."""
        popular = {item_id for item_id, _ in self.popular}
        version, at, listed = self._newest_known
        small = len(self._catalogue) < SMALL
        if version != self._catalogue.version and (small or now - at >= NEWEST_EVERY_MS):
            live = self._catalogue.items.items()
            newest = ((one.from_ms, one.number, item_id) for item_id, one in live if self.sellable(item_id, now))
            listed = [item_id for _, _, item_id in heapq.nlargest(2 * POPULAR, newest)]
            self._newest_known = (self._catalogue.version, now, listed)
        return [Candidate(item_id, 0.0, NEWEST) for item_id in listed if item_id not in popular]

    def _popular_in(self, category: str) -> Scored | None:
        members = [self.codes.code(item_id) for item_id in self._catalogue.of_category(category)]
        if not members:
            return None
        among = np.array(members, np.int32)
        return self.board.top(self._refreshed_at, IN_CATEGORY, among=among[self._may[among]])

    def _category_of(self, item_id: str) -> str | None:
        shelved = self._catalogue.items.get(item_id)
        return None if shelved is None else shelved.item.category

    def _changed(self, item_id: str, before: Shelved | None, after: Shelved | None) -> None:
        code = self.codes.code(item_id)
        if code >= len(self._may):
            self._may = np.pad(self._may, (0, max(code + 1, 2 * len(self._may)) - len(self._may)))
        self._may[code] = after is not None and after.sellable and after.from_ms <= self._refreshed_at
        if after is not None and after.from_ms > self._refreshed_at:
            heapq.heappush(self._later, (after.from_ms, item_id))
        self._fragments.pop(item_id, None)

    def _open_later(self, now: int) -> None:
        """Show what was to be published from a time on that has come."""
        while self._later and self._later[0][0] <= now:
            _, item_id = heapq.heappop(self._later)
            self._may[self.codes.code(item_id)] = self.sellable(item_id, now)


class _Asked(Mapping[str, V]):
    """A mapping whose values are made when they are asked for, and with `keep` only once."""

    def __init__(self, make: Callable[[str], V | None], *, keep: bool = True) -> None:
        self._make, self._keep = make, keep
        self._made: dict[str, V] = {}

    def get(self, key: str, default: V | None = None) -> V | None:  # type: ignore[override]  # one default type is enough
        if key in self._made:
            return self._made[key]
        value = self._make(key)
        if value is None:
            return default
        if self._keep:
            self._made[key] = value
        return value

    def __getitem__(self, key: str) -> V:
        value = self.get(key)
        if value is None:
            raise KeyError(key)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)


def _written(item_id: str, shelved: Shelved | None) -> Fragments:
    if shelved is None:
        shown = {"item_id": item_id, "title": item_id, "url": None, "image_url": None, "price": None, "currency": None}
    else:
        item = shelved.item
        shown = {
            "item_id": item_id,
            "title": item.title,
            "url": item.url,
            "image_url": item.image_url,
            "price": item.sale_price or item.price,
            "currency": item.currency,
        }
    whole, named = _json(shown).decode(), _json({"item_id": item_id}).decode()
    return Fragments(f'{whole[:-1]},"position":', f'{named[:-1]},"position":')
