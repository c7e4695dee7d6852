"""What a filter leaves of the shop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from serving.asked import Asked
from serving.candidate import Scored
from serving.filters.columns import Mask
from serving.filters.rule import Rule
from serving.ranking.top import Top
from serving.recommender import Vectors

if TYPE_CHECKING:
    from serving.shop import Shop


class Selection:
    """What a filter leaves of the shop, with the names that `Shop` has for the whole; good while `of` is as it was."""

    def __init__(self, shop: Shop, rule: Rule, of: tuple[int, int]) -> None:
        self.of = of
        self._shop, self.mask = shop, shop.mask(rule)
        shown = shop.shown
        # an item that only a row has named is not of the catalogue
        self.shown: Mask = self.mask if shown is None else self.mask[: len(shown)] & shown
        self.popular, self.fallback = shop.ranked(self.shown)
        self.lists: Mapping[str, Scored] = shop.listed(self.shown)
        self.popular_in: Mapping[str, Top] = Asked(lambda category: shop.popular_within(category, self.mask))

    @property
    def vectors(self) -> Vectors | None:
        return self._shop.vectors_of(self.shown)

    def lets(self, item_id: str) -> bool:
        """Whether the filter lets this item through."""
        code = self._shop.codes.known(item_id)
        return code is not None and code < len(self.mask) and bool(self.mask[code])
