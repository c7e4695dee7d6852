"""What all requests share of the shop, in this process's memory: live items, what is popular, and where titles lie.

`Codes` number every item that the catalogue or a row has named; numpy arrays beside them say what may be shown and how
popular it is. Rankings are made by `refresh`, every few seconds; a category's when it is first asked for after that.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from serving.asked import Asked
from serving.candidate import Candidate, Scored
from serving.decision import Fragments
from serving.filters.columns import Columns, Mask
from serving.filters.fields import FIELDS
from serving.filters.masks import Masks
from serving.filters.rule import Rule
from serving.newcomers import AT_ONCE, DAYS, VIEWS, Newcomers, newcomers
from serving.prices import Prices
from serving.ranking.board import Board
from serving.ranking.codes import Codes
from serving.ranking.top import EMPTY, Top
from serving.recommender import Vectors
from serving.selection import Selection
from stream.catalog_item import CatalogItem
from stream.catalogue import Catalogue, Shelved
from stream.title_vectors import TitleVectors

POPULAR = 200
IN_CATEGORY = 60
NEWEST = "newest"
FEW = 5
HARDLY_SEEN = 2_000
SELECTIONS = 256
DAY_MS = 86_400_000

_json = msgspec.json.Encoder().encode


class Shop:
    """A view of the catalogue and of the rows' popularity.

    Attributes
    ----------
    shown: by code, whether an item may be answered; None while the shop has sent no catalogue at all, and then every
        item with events may be, by its bare id.
    popular: the most popular items now; `fallback` the same as candidates, followed by the newest of the catalogue
        where few items are popular.
    grouped: whether any item is a variant of a group.
    """

    def __init__(self, catalogue: Catalogue, vectors: TitleVectors | None = None, prices: Prices | None = None) -> None:
        self.codes = Codes()
        self.board = Board(self.codes)
        self.popular: Top = EMPTY
        self.fallback: list[Candidate] = []
        self.popular_in: Mapping[str, Top] = Asked(self._popular_in)
        self.lists: Mapping[str, Scored] = {}
        self.category_of: Mapping[str, str] = Asked(self._category_of, keep=False)
        self.brand_of: Mapping[str, str] = Asked(self._brand_of, keep=False)
        self.price_of: Mapping[str, int] = Asked(self._price_of, keep=False)
        self.grouped = False
        self._catalogue, self._vectors, self._prices = catalogue, vectors, prices or Prices()
        self._may = np.zeros(1_024, np.bool_)
        self._since = np.zeros(1_024, np.int64)
        self._code_of = np.zeros(1_024, np.int32)
        self._number_of = np.full(1_024, -1, np.int32)
        self._few = np.zeros(0, np.int32)
        self._later: list[tuple[int, str]] = []
        self._fragments: dict[str, Fragments] = {}
        self._members: dict[str, NDArray[np.int32]] = {}
        self._columns = Columns(self._item_of, lambda: len(self.codes))
        self._masks = Masks(self._columns)
        self._selections: OrderedDict[Rule, Selection] = OrderedDict()
        self._refreshed_at, self._ranked_at = 0, 0
        self._newcomers: Newcomers | None = None
        catalogue.watch(self._changed)
        self._prices.watch(self._repriced)

    @property
    def shown(self) -> NDArray[np.bool_] | None:
        return None if self._catalogue.unsent else self._may[: len(self.codes)]

    @property
    def items(self) -> int:
        """How many items the catalogue has."""
        return len(self._catalogue)

    @property
    def categorized(self) -> bool:
        """Whether any item has a category."""
        return any(True for _ in self._catalogue.categories())

    @property
    def titled(self) -> bool:
        """Whether any title has a vector."""
        return self._vectors is not None and bool(self._vectors.matrix.any())

    @property
    def vectors(self) -> Vectors | None:
        return self.vectors_of(self.shown)

    def vectors_of(self, shown: Mask | None) -> Vectors | None:
        """All title vectors, and by code which items may be answered."""
        found = self._vectors
        if not found or not found.item_ids:
            return None
        count = len(found.item_ids)
        few = self._few[self._few < count]
        return Vectors(found.item_ids, found.matrix[:count], self._code_of[:count], self._number_of, few, shown)

    def vector_of(self, item_id: str) -> NDArray[np.float32] | None:
        """An item's title vector."""
        return self._vectors.of(item_id) if self._vectors else None

    def codes_of(self, numbers: NDArray[np.int32]) -> NDArray[np.int32]:
        """Codes of items that the catalogue has numbered."""
        found: NDArray[np.int32] = self._code_of[numbers]
        return found

    def by_number(self, mask: Mask) -> Mask:
        """A mask by code as one by the catalogue's numbers."""
        codes = self._code_of[: self._catalogue.numbers]
        there = codes < len(mask)
        found: Mask = mask[np.where(there, codes, 0)] & there
        return found

    def sellable(self, item_id: str, now: int) -> bool:
        """Whether an item may be answered at `now` (ms), by live stock."""
        shelved = self._catalogue.items.get(item_id)
        if shelved is None:
            return self._catalogue.unsent
        return shelved.sellable and shelved.from_ms <= now

    def title_of(self, item_id: str) -> str:
        """What shoppers call an item; its id where the catalogue does not know it."""
        shelved = self._catalogue.items.get(item_id)
        return item_id if shelved is None else shelved.item.title

    def group_of(self, item_id: str) -> str | None:
        """The group that an item is a variant of, if it is one of any."""
        shelved = self._catalogue.items.get(item_id)
        return None if shelved is None else shelved.item.item_group_id

    def within(self, rule: Rule) -> Selection:
        """What the rule leaves of the shop as it is now."""
        found = self._selections.get(rule)
        if found is None or found.of != (self._columns.version, self._refreshed_at):
            found = self._selections[rule] = Selection(self, rule, (self._columns.version, self._refreshed_at))
            if len(self._selections) > SELECTIONS:
                self._selections.popitem(last=False)
        self._selections.move_to_end(rule)
        return found

    def mask(self, rule: Rule) -> Mask:
        """By code, which items the rule lets through."""
        return rule.mask(self._columns)

    def met(self, rule: Rule) -> Mask:
        """`mask`, made anew only when a field that the rule names has changed."""
        return self._masks.of(rule)

    def since(self, codes: NDArray[np.int32]) -> NDArray[np.int64]:
        """When (ms) these were published or, where nobody says, first known."""
        found: NDArray[np.int64] = self._since[codes]
        return found

    @property
    def columns(self) -> Columns:
        """The catalogue by columns."""
        return self._columns

    @property
    def version(self) -> tuple[int, int]:
        """What is another one after any change of the catalogue."""
        return self._columns.version, len(self.codes)

    def item(self, item_id: str) -> CatalogItem | None:
        """What the catalogue says of an item."""
        shelved = self._catalogue.items.get(item_id)
        return None if shelved is None else shelved.item

    def fragments(self, item_id: str) -> Fragments:
        """The first part of an item as JSON, as catalogue and ledger have it; anew when they say something else."""
        found = self._fragments.get(item_id)
        if found is None:
            found = self._fragments[item_id] = _written(
                item_id, self._catalogue.items.get(item_id), self._prices.reference
            )
        return found

    def categories(self, codes: NDArray[np.int32]) -> NDArray[np.int32]:
        """Numbers of these items' categories, 0 where an item has none."""
        column = self._columns.of(FIELDS["category"])
        assert column is not None  # only attributes may have none
        return column.values(codes)

    def refresh(self, now: int) -> None:
        """Rank what is popular at `now` (ms), or when anybody did anything last. About 1 ms for 20,000 items."""
        self._refreshed_at, self._ranked_at = now, min(now, self.board.newest_at)
        self._newcomers = None
        self._open_later(now)
        self.popular_in = Asked(self._popular_in)
        self.popular, self.fallback = self.ranked(self.shown)
        self.lists = self.listed(self.shown)
        self._few = self._hardly_seen()

    def _hardly_seen(self) -> NDArray[np.int32]:
        """Numbers of the newest items that fewer than `FEW` sessions saw: the table has nothing to say of them."""
        codes = self._code_of[: self._catalogue.numbers]
        few = np.flatnonzero(self.board.seen(codes) < FEW).astype(np.int32)
        return few[(-self._since[codes[few]]).argsort(kind="stable")[:HARDLY_SEEN]]

    @property
    def newcomers(self) -> Newcomers:
        """New items of the catalogue that might be answered; made when they are first asked for after a ranking."""
        if self._newcomers is None:
            new = self._new()
            self._newcomers = newcomers(new, self.codes.array(new), self.category_of, self.vector_of)
        return self._newcomers

    def _new(self) -> list[str]:
        if (shown := self.shown) is None:
            return []
        since = self._refreshed_at - DAYS * DAY_MS
        few = np.flatnonzero(shown).astype(np.int32)
        few = few[(self.board.seen(few) < VIEWS) & (self._since[few] > since)]
        return [item_id for item_id, _ in self._newest_of(few, AT_ONCE)]

    def ranked(self, shown: Mask | None) -> tuple[Top, list[Candidate]]:
        """What is popular among the items that may be answered, and the same with the newest where that is little."""
        among = None if shown is None else np.flatnonzero(shown).astype(np.int32)
        popular = self.board.top(self._ranked_at, POPULAR, among=among)
        fallback = [Candidate(item_id, score, "popular") for item_id, score in popular]
        if len(fallback) < POPULAR and among is not None:
            fallback += self._newest(among, {item_id for item_id, _ in popular})
        return popular, fallback

    def _newest(self, among: NDArray[np.int32], popular: set[str]) -> list[Candidate]:
        """The newest items, where nobody has looked at anything yet."""
        newest = self._newest_of(among, 2 * POPULAR)
        return [Candidate(item_id, 0.0, NEWEST) for item_id, _ in newest if item_id not in popular]

    def _newest_of(self, among: NDArray[np.int32], count: int) -> Scored:
        """Items with since when (ms) they are known or published, the newest first."""
        newest = among[np.lexsort((among, self._since[among]))[: -count - 1 : -1]]
        ids = [self.codes.ids[code] for code in newest.tolist()]
        return list(zip(ids, self._since[newest].tolist(), strict=True))

    def listed(self, shown: Mask | None) -> Mapping[str, Scored]:
        """Other rankings of the items that may be answered, as of the last refresh, made when they are asked for."""
        among = None if shown is None else np.flatnonzero(shown).astype(np.int32)
        made: dict[str, Callable[[], Scored]] = {
            "rising": lambda: self.board.top(self._ranked_at, POPULAR, among=among, rising=True),
            "newest": lambda: () if among is None else self._newest_of(among, POPULAR),
        }
        return Asked(lambda name: made[name]() if name in made else None)

    def popular_within(self, category: str, among: Mask | None = None) -> Top | None:
        """What is popular in a category, with `among` only what it lets through."""
        members = self._members.get(category)
        if members is None:
            members = self.codes.array(list(self._catalogue.of_category(category)))
            if not len(members):
                return None
            self._members[category] = members
        members = members[self._may[members]]
        if among is not None:
            members = members[members < len(among)]
            members = members[among[members]]
        return self.board.top(self._ranked_at, IN_CATEGORY, among=members)

    def members(self, category: str) -> Iterable[str]:
        """The items of a category."""
        return self._catalogue.of_category(category)

    def _popular_in(self, category: str) -> Top | None:
        return self.popular_within(category)

    def _category_of(self, item_id: str) -> str | None:
        shelved = self._catalogue.items.get(item_id)
        return None if shelved is None else shelved.item.category

    def _brand_of(self, item_id: str) -> str | None:
        shelved = self._catalogue.items.get(item_id)
        return None if shelved is None else shelved.item.brand

    def _price_of(self, item_id: str) -> int | None:
        shelved = self._catalogue.items.get(item_id)
        price: Any = () if shelved is None else FIELDS["price"].elements(shelved.item)
        return price[0] if price else None

    def _item_of(self, code: int) -> CatalogItem | None:
        return self.item(self.codes.ids[code])

    def _changed(self, item_id: str, before: Shelved | None, after: Shelved | None) -> None:
        code = self.codes.code(item_id)
        self._make_room(code)
        self._may[code] = after is not None and after.sellable and after.from_ms <= self._refreshed_at
        if after is not None:
            self._since[code], self._code_of[after.number] = after.since_ms, code
            self._number_of[code] = after.number
            if before is None:
                self._few = np.concatenate([np.array([after.number], np.int32), self._few[: HARDLY_SEEN - 1]])
            self.grouped |= after.item.item_group_id is not None
            if after.from_ms > self._refreshed_at:
                heapq.heappush(self._later, (after.from_ms, item_id))
        self._columns.change(code, before.item if before else None, after.item if after else None)
        self._fragments.pop(item_id, None)
        for shelved in (before, after):
            if shelved is not None:
                self._members.pop(shelved.item.category or "", None)

    def _repriced(self, item_id: str) -> None:
        self._fragments.pop(item_id, None)

    def _make_room(self, code: int) -> None:
        least = max(code + 2, self._catalogue.numbers)  # the last number stands for codes beyond: -1
        if least > len(self._may):
            more = max(least, 2 * len(self._may)) - len(self._may)
            self._may, self._since = np.pad(self._may, (0, more)), np.pad(self._since, (0, more))
            self._code_of = np.pad(self._code_of, (0, more))
            self._number_of = np.pad(self._number_of, (0, more), constant_values=-1)

    def _open_later(self, now: int) -> None:
        """Show what was to be published from a time on that has come."""
        while self._later and self._later[0][0] <= now:
            _, item_id = heapq.heappop(self._later)
            self._may[self.codes.code(item_id)] = self.sellable(item_id, now)


def _written(item_id: str, shelved: Shelved | None, reference: Callable[[CatalogItem], str | None]) -> Fragments:
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
        if (price := reference(item)) is not None:
            shown["reference_price"] = price
    whole, named = _json(shown).decode(), _json({"item_id": item_id}).decode()
    return Fragments(f'{whole[:-1]},"position":', f'{named[:-1]},"position":')
