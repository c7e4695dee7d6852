"""The page of results while it is filled: no item twice, no variant of one, nothing that a page before has shown."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from serving.decision import Shown
from serving.search.ladder import Rung
from serving.shop import Shop
from serving.slate import cursor
from serving.slate.caps import Caps

SEARCH = "search"
_NO_NAMES: Mapping[str, tuple[str, ...]] = {}


class Pinned(NamedTuple):
    """An item that takes a place of its own."""

    position: int
    shown: Shown


class Page:
    """At most `wanted` items, each with the rung that it came from; `after` is what the pages before have shown.

    What is over one of the `caps` comes only once nothing else is left.
    """

    def __init__(self, shop: Shop, wanted: int, after: Collection[int], caps: Caps | None = None) -> None:
        self.items: list[Shown] = []
        self.rungs: list[Rung] = []
        self._shop, self._wanted = shop, wanted
        self._taken, self._caps = set(after), caps
        self._pinned: list[Pinned] = []

    @property
    def room(self) -> int:
        """How many places are left."""
        return self._wanted - len(self.items) - len(self._pinned)

    @property
    def pinned(self) -> list[str]:
        """The items whose places marketers have taken."""
        return [one.shown.item_id for one in self._pinned]

    def reserve(self, position: int, item_id: str, rules: tuple[str, ...]) -> None:
        """Keep a place for an item."""
        if position < self._wanted and self.free(item_id):
            self._take(item_id)
            self._pinned.append(Pinned(position, Shown(item_id, 0.0, "pinned", None, None, rules=rules)))

    def fill(
        self,
        scored: Iterable[tuple[str, float]],
        rung: Rung,
        recommender: str = SEARCH,
        rules: Mapping[str, tuple[str, ...]] = _NO_NAMES,
    ) -> None:
        """Take items in their order as long as there is room; `rules` names by item what moved it."""
        if self.room > 0:
            for item_id, score in scored if self._caps is None else self._capped(scored, self._caps):
                if self.free(item_id):
                    self.put(Shown(item_id, score, recommender, None, None, rules=rules.get(item_id, ())), rung)
                    if self.room <= 0:
                        return

    def _capped(self, scored: Iterable[tuple[str, float]], caps: Caps) -> Iterator[tuple[str, float]]:
        """The items in their order, but those that a cap holds back, when they come, last."""
        held = []
        for one in scored:
            if self.free(one[0]) and caps.full(one[0]):
                held.append(one)
            else:
                yield one
        yield from held

    def put(self, shown: Shown, rung: Rung) -> None:
        """Take an item as it is."""
        self._take(shown.item_id)
        self.items.append(shown)
        self.rungs.append(rung)

    def free(self, item_id: str) -> bool:
        """Whether neither it nor a variant of it has been shown."""
        return cursor.code(item_id, self._shop) not in self._taken

    def pin(self, rung: Rung) -> None:
        """Put the reserved items where they belong, on a page that is shorter behind its last item."""
        for position, shown in sorted(self._pinned, key=lambda one: one.position):
            self.items.insert(position, shown)
            self.rungs.insert(position, rung)

    def _take(self, item_id: str) -> None:
        self._taken.add(cursor.code(item_id, self._shop))
        if self._caps is not None:
            self._caps.count(item_id)
