"""What a placement still needs before it can say anything, in sentences for who sets the shop up.

The least numbers are rules of thumb, not measurements: from there on an answer is more often right than made of one
visitor's taste. A placement answers before, too, and says so by its status.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from serving.placement import Placement
from serving.ranking.row import Links, Row
from serving.recommender import Need
from serving.recommenders import recommenders
from serving.rows import Rows
from serving.shop import Shop

VIEWS = 200
SAMPLE = 200
LINKED = 10


class Readiness(Struct, frozen=True):
    """Whether any of the placement's generators can speak, and what the others wait for."""

    ready: bool
    needs: list[str]


class Evidence:
    """What this process knows of the shop."""

    def __init__(self, shop: Shop, rows: Rows) -> None:
        self._shop, self._rows = shop, rows
        self._wants: Mapping[Need, Callable[[], str]] = {
            "views": self._views,
            "categories": self._categories,
            "titles": self._titles,
            "pairs": lambda: self._linked("in a cart or an order with another", lambda row: row.together),
            "orders": lambda: self._linked("looked at before something was bought", lambda row: row.bought),
            "visitors": lambda: "",
        }

    def of(self, placement: Placement) -> Readiness:
        """The placement's readiness."""
        if not placement.enabled:
            return Readiness(ready=False, needs=["It is switched off."])
        needs = dict.fromkeys(recommenders()[name].needs for name in placement.recommenders)
        wants = [self._wants[need]() for need in needs]
        return Readiness(ready="" in wants, needs=[one for one in wants if one])

    def _views(self) -> str:
        views = self._shop.board.views
        return (
            "" if views >= VIEWS else f"Needs about {VIEWS} views of items (a visit counts once for each), has {views}."
        )

    def _categories(self) -> str:
        return "" if self._shop.categorized else f"Needs items with a category: 0 of {self._shop.items}."

    def _titles(self) -> str:
        told = self._shop.titled
        return "" if told else f"Needs items with titles: 0 of {self._shop.items}."

    def _linked(self, words: str, links_of: Callable[[Row], Links]) -> str:
        best = [item_id for item_id, _ in self._shop.popular[:SAMPLE]]
        linked = sum(len(links_of(row)) > 0 for item_id in best if (row := self._rows.of(item_id)) is not None)
        least = min(LINKED, max(1, len(best)))
        if linked >= least:
            return ""
        return f"Needs about {least} items that were {words}, has {linked} among the {len(best)} most popular."
