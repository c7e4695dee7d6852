"""The slate: candidates are taken one by one, unless live values or the visitor's own say no."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from serving.candidate import Candidate
from serving.candidates import below
from serving.decision import Shown, shown
from serving.placement import MOST_ITEMS, Placement
from serving.rules.acting import Pinned
from serving.selection import Selection
from serving.slate.caps import Caps
from serving.slate.evidence import evidence, personal
from serving.stage import Snapshot


class Slate:
    """Items taken one by one, until there are `wanted`: no variants of `alike`, and within the placement's caps."""

    def __init__(
        self,
        wanted: int,
        snapshot: Snapshot,
        placement: Placement,
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
        self._floor, self._weak = placement.evidence_floor, set[str]()
        self._variants, self._groups = placement.caps.item_group_id, Counter[str]()
        if snapshot.shop.grouped:
            self._groups.update({group: MOST_ITEMS for one in alike if (group := snapshot.shop.group_of(one))})

    def take(self, candidates: Iterable[Candidate], *, likely: bool = False) -> bool:
        """Take those that may be shown; whether there are enough now. `likely`: scores say how likely they are next.

        What is taken later ranks lower, so its scores, which are another generator's, are scaled to lie below.
        """
        items, offered, wanted = self.items, self.offered, self._wanted
        hidden, snapshot = self._hidden, self._snapshot
        reasons = snapshot.visit.reasons
        lowest = items[-1].score if items else 0.0
        factor = 0.0
        for candidate in candidates:
            if len(items) >= wanted:
                break
            item_id = candidate.item_id
            if item_id in offered and item_id not in self._weak:
                continue
            offered[item_id] = candidate
            sure = evidence(candidate, snapshot, likely=likely)
            if refusal := hidden[item_id] if item_id in hidden else self._refusal(candidate, sure):
                self.refused[item_id] = refusal
            else:
                factor = factor or below(candidate.score, lowest)
                items.append(shown(candidate, factor, reasons, sure))
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
            if refusal := self._hidden.get(item_id) or self._refusal(candidate, 1.0):
                self.refused[item_id] = refusal
                continue
            self._pinned.append((position, shown(candidate, 1.0, reasons, 0.0)))
            if caps is not None:
                caps.count(item_id)
        self._caps = caps

    def pin(self) -> None:
        """Put the reserved items where they belong, on a shelf that is shorter behind its last item."""
        for position, one in self._pinned:
            self.items.insert(position, one)
        del self.items[self._wanted :]

    @property
    def pinned(self) -> list[str]:
        """The items whose places rules have taken."""
        return [one.item_id for _, one in self._pinned]

    def lets(self, item_id: str) -> bool:
        """Whether this item might stand on the shelf beside all that do."""
        if item_id in self._hidden or item_id in self.offered:
            return False
        shop = self._snapshot.shop
        if not shop.sellable(item_id, self._now) or (self._within is not None and not self._within.lets(item_id)):
            return False
        if self._caps is not None and self._caps.full(item_id):
            return False
        group = shop.group_of(item_id) if shop.grouped else None
        return group is None or self._groups[group] < self._variants

    def _refusal(self, candidate: Candidate, sure: float) -> str:
        """Why live values and the placement keep it back, empty if they do not; its group then counts as taken."""
        shop, item_id = self._snapshot.shop, candidate.item_id
        if self._floor:
            if sure < self._floor and personal(candidate.recommender):
                self._weak.add(item_id)
                return "little_evidence"
            self._weak.discard(item_id)
        if not shop.sellable(item_id, self._now):
            return "not_sold_now"
        if self._within is not None and not self._within.lets(item_id):
            return "filtered"
        if self._caps is not None and (full := self._caps.full(item_id)):
            return full
        if shop.grouped and (group := shop.group_of(item_id)) is not None:
            if self._groups[group] >= self._variants:
                return "variant"
            self._groups[group] += 1
        return ""
