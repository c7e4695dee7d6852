"""The slate: candidates are taken one by one, unless live values or the visitor's own say no."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from serving.candidates import below
from serving.decision import Shown, shown
from serving.recommender import Candidate
from serving.shop import Selection
from serving.stage import Snapshot


class Slate:
    """Items taken one by one, until there are `wanted`; variants of `alike` are not."""

    def __init__(
        self,
        wanted: int,
        snapshot: Snapshot,
        within: Selection | None,
        now: int,
        above: Collection[str],
        alike: Iterable[str],
    ) -> None:
        self.items: list[Shown] = []
        self.offered: dict[str, Candidate] = {}
        self.refused: dict[str, str] = {}
        self._snapshot, self._wanted, self._now = snapshot, wanted, now
        self._within, self._hidden = within, snapshot.visit.hidden
        if above:
            self._hidden = self._hidden | dict.fromkeys(above, "above")
        self._groups: set[str] = set()
        if snapshot.shop.grouped:
            self._groups = {group for one in alike if (group := snapshot.shop.group_of(one))}

    def take(self, candidates: Iterable[Candidate]) -> bool:
        """Take those that may be shown; whether there are enough now.

        What is taken later ranks lower, so its scores, which are another generator's, are scaled to lie below.
        """
        items, offered, wanted = self.items, self.offered, self._wanted
        hidden, reasons = self._hidden, self._snapshot.visit.reasons
        lowest = items[-1].score if items else 0.0
        factor = 0.0
        for candidate in candidates:
            if len(items) >= wanted:
                break
            item_id = candidate.item_id
            if item_id in offered:
                continue
            offered[item_id] = candidate
            refusal = hidden[item_id] if item_id in hidden else self._refusal(item_id)
            if refusal:
                self.refused[item_id] = refusal
            else:
                factor = factor or below(candidate.score, lowest)
                items.append(shown(candidate, factor, reasons))
        return len(items) >= wanted

    def lets(self, item_id: str) -> bool:
        """Whether this item might stand on the shelf beside all that do."""
        if item_id in self._hidden or item_id in self.offered:
            return False
        shop = self._snapshot.shop
        if not shop.sellable(item_id, self._now) or (self._within is not None and not self._within.lets(item_id)):
            return False
        return not shop.grouped or shop.group_of(item_id) not in self._groups

    def _refusal(self, item_id: str) -> str:
        """Why the shop's live values keep the item back, empty if they do not; its group then counts as taken."""
        shop = self._snapshot.shop
        if not shop.sellable(item_id, self._now):
            return "not_sold_now"
        if self._within is not None and not self._within.lets(item_id):
            return "filtered"
        if shop.grouped and (group := shop.group_of(item_id)) is not None:
            if group in self._groups:
                return "variant"
            self._groups.add(group)
        return ""
