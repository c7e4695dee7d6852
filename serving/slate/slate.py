"""The slate: candidates are taken one by one, unless live values or the visitor's own say no."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from serving.candidates import below
from serving.decision import Shown, shown
from serving.recommender import Candidate
from serving.rules.acting import Pinned
from serving.rules.caps import Caps
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
        caps: Caps | None = None,
    ) -> None:
        self.items: list[Shown] = []
        self.offered: dict[str, Candidate] = {}
        self.refused: dict[str, str] = {}
        self._caps = caps
        self._pinned: list[tuple[int, Shown]] = []
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
                if self._caps is not None:
                    self._caps.count(item_id)
        return len(items) >= wanted

    def reserve(self, pins: Sequence[Pinned]) -> None:
        """Keep places for items that rules pin, as far as they may be shown; caps count but let them."""
        caps, self._caps = self._caps, None
        reasons = self._snapshot.visit.reasons
        for position, candidate, rule in pins:
            item_id = candidate.item_id
            if position >= self._wanted or not rule.about(item_id, self._snapshot.shop):
                continue
            self.offered[item_id] = candidate
            if refusal := self._hidden.get(item_id) or self._refusal(item_id):
                self.refused[item_id] = refusal
                continue
            self._pinned.append((position, shown(candidate, 1.0, reasons)))
            if caps is not None:
                caps.count(item_id)
        self._caps = caps

    def pin(self) -> None:
        """Put the reserved items where they belong, on a shelf that is shorter behind its last item."""
        for position, one in self._pinned:
            self.items.insert(position, one)
        del self.items[self._wanted :]

    def _refusal(self, item_id: str) -> str:
        """Why the shop's live values keep the item back, empty if they do not; its group then counts as taken."""
        shop = self._snapshot.shop
        if not shop.sellable(item_id, self._now):
            return "not_sold_now"
        if self._within is not None and not self._within.lets(item_id):
            return "filtered"
        if self._caps is not None and self._caps.full(item_id):
            return "capped"
        if shop.grouped and (group := shop.group_of(item_id)) is not None:
            if group in self._groups:
                return "variant"
            self._groups.add(group)
        return ""
