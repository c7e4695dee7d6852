"""The slate: candidates are taken one by one, unless live values or the visitor's own say no."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from serving.candidates import below
from serving.decision import Shown, shown
from serving.placement import MOST_ITEMS, Placement
from serving.recommender import Candidate
from serving.recommenders import recommenders
from serving.shop import Selection
from serving.slate.caps import Caps
from serving.slate.evidence import evidence
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
    ) -> None:
        self.items: list[Shown] = []
        self.offered: dict[str, Candidate] = {}
        self.refused: dict[str, str] = {}
        self._snapshot, self._wanted, self._now = snapshot, wanted, now
        self._within, self._hidden = within, snapshot.visit.hidden
        if above:
            self._hidden = self._hidden | dict.fromkeys(above, "above")
        self._floor, self._weak = placement.evidence_floor, set[str]()
        self._caps = Caps(placement, snapshot.shop) if placement.caps.limited else None
        self._variants, self._groups = placement.caps.item_group_id, Counter[str]()
        if snapshot.shop.grouped:
            self._groups.update({group: MOST_ITEMS for one in alike if (group := snapshot.shop.group_of(one))})

    def take(self, candidates: Iterable[Candidate]) -> bool:
        """Take those that may be shown; whether there are enough now.

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
            sure = evidence(candidate, snapshot)
            refusal = hidden[item_id] if item_id in hidden else self._refusal(candidate, sure)
            if refusal:
                self.refused[item_id] = refusal
            else:
                factor = factor or below(candidate.score, lowest)
                items.append(shown(candidate, factor, reasons, sure))
        return len(items) >= wanted

    def _refusal(self, candidate: Candidate, sure: float) -> str:
        """Why live values and the placement keep it back, empty if they do not; its group then counts as taken."""
        shop, item_id = self._snapshot.shop, candidate.item_id
        if sure < self._floor and recommenders()[candidate.recommender].personal:
            self._weak.add(item_id)
            return "little_evidence"
        self._weak.discard(item_id)
        if not shop.sellable(item_id, self._now):
            return "not_sold_now"
        if self._within is not None and not self._within.lets(item_id):
            return "filtered"
        if shop.grouped and (group := shop.group_of(item_id)) is not None:
            if self._groups[group] >= self._variants:
                return "variant"
            if self._caps is None or not (full := self._caps.take(item_id)):
                self._groups[group] += 1
                return ""
            return full
        return "" if self._caps is None else self._caps.take(item_id)
