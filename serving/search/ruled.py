"""What marketers' rules (`/v1/admin/rules`) do to the results of a search.

| rule | on results |
| --- | --- |
| `filter` | holds for everything, what is asked for by its number as well |
| `boost`, `bury` | reorder by relevance, as on a shelf; not what was asked for by its number or whole title |
| `cap` | only one that names `search`: on a page, what is over it comes after the other matches |
| `pin` | none: a pin belongs to a query (`serving/search/curation.py`) |

A rule that names no placement holds here, too, but for caps: "two of a brand" is not meant for a search for a brand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from serving.candidate import Candidate
from serving.filters.rule import Rule as Filter
from serving.rules.acting import Acting
from serving.rules.rule import Rule
from serving.search.order import Scores
from serving.search.question import SEARCH
from serving.shop import Shop
from serving.slate.caps import Caps, caps_of

_NO_NAMES: Mapping[str, tuple[str, ...]] = {}


class Boosted(NamedTuple):
    """Scores with boosts and buries in them, and by item the names of those that moved it."""

    scores: Scores
    names: Mapping[str, tuple[str, ...]] = _NO_NAMES


class Ruled:
    """The rules that act on one search; `ordering`: whether those that reorder do, too."""

    def __init__(self, acting: Acting | None, *, ordering: bool) -> None:
        self._acting, self._ordering = acting, ordering
        self.rules = () if acting is None else tuple(one for one in acting.rules if self._acts(one))

    @property
    def filter(self) -> Filter | None:
        """What filter rules let through together."""
        return None if self._acting is None else self._acting.filter

    def caps(self, shop: Shop) -> Caps | None:
        """The caps of a page; None without any."""
        return caps_of(SEARCH, [one for one in self.rules if one.action == "cap"], shop)

    def boosted(self, item_ids: Sequence[str], scores: Scores, shop: Shop) -> Boosted:
        """The scores of items as boosts and buries want them."""
        acting = self._acting
        if acting is None or not (acting.bits and self._ordering):
            return Boosted(scores)
        found = [Candidate(*pair, SEARCH.name) for pair in zip(item_ids, scores.tolist(), strict=True)]
        moved = {one.item_id: one for one in acting.boosts.applied(found, shop, acting.bits)}
        named = {item_id: one.rules for item_id, one in moved.items() if one.rules}
        return Boosted(np.array([moved[item_id].score for item_id in item_ids]), named) if named else Boosted(scores)

    def _acts(self, rule: Rule) -> bool:
        if rule.action == "filter":
            return True
        named = rule.action != "cap" or SEARCH.name in rule.document.placements
        return self._ordering and named and rule.action != "pin"
