"""A decision of the past made again: from what its record says of the visit, and what the shop knows now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from serving.contributions import contributions
from serving.counterfactual import Case, Without, counterfactuals
from serving.decision import Decision
from serving.filters.rule import BadFilter, compiled
from serving.placement import Placement
from serving.request import Request
from serving.snapshot import Snapshots
from serving.visited import visit_of, visited_of

_SAYS = (
    "Decided again with what the shop knows now (its rows, catalogue, models, rules and the placement's present "
    "settings), without chance and without the visitor's other state: {same} of {shown} items are the same, {in_place} "
    "of them in the same place. What was refused is not recorded; it is what would be refused now."
)
_NO_VISIT = "It cannot be decided again: its record, which an older release wrote, does not say where the visitor was."
_NO_PLACEMENT = "It cannot be decided again: there is no placement of this name any more."
_A_SEARCH = "A search is not decided again: ask the same query again to see what it finds now."
_A_BANNER = "A banner is not decided again: what was drawn is of that moment."
_NO_FILTER = "It cannot be decided again: its filter is not understood any more."


class Recomputed(Struct, frozen=True):
    """As `schemas/explanation.json` has it.

    `shown` items were shown, `same` of them would be now, `in_place` at the same position. `items` are those that would
    be, `refused` tells by item why it would not. `without_left_off`: for how many more there was no time.
    """

    says: str
    shown: int
    same: int = 0
    in_place: int = 0
    items: list[dict[str, Any]] = []
    refused: dict[str, str] = {}
    without: list[Without] = []
    without_left_off: int = 0


class Again:
    """Decides again. `clock` says now, in ms."""

    def __init__(
        self, snapshots: Snapshots, placements: Callable[[], Mapping[str, Placement]], *, clock: Callable[[], float]
    ) -> None:
        self._snapshots, self._placements, self._clock = snapshots, placements, clock

    async def of(self, record: dict[str, Any]) -> Recomputed:
        """The decision of this record, made now."""
        shown = [one["item_id"] for one in record["items"]]
        if record.get("kind") == "search":
            return Recomputed(_A_SEARCH, len(shown))
        if record.get("kind") == "banner":
            return Recomputed(_A_BANNER, len(shown))
        placement = self._placements().get(record["placement"])
        if placement is None:
            return Recomputed(_NO_PLACEMENT, len(shown))
        placement = replace(placement, explore=None)  # what is drawn is of that moment
        try:
            request = _request(record, len(shown))
            visit = visit_of(record, request, placement)
        except BadFilter:
            return Recomputed(_NO_FILTER, len(shown))
        except msgspec.ValidationError:
            return Recomputed(_NO_VISIT, len(shown))
        snapshot = await self._snapshots.of_visit(visit, placement, record.get("rules", ()))
        variation, seed = record.get("variation") or "", Random(0).getstate()
        return _compared(shown, Case(request, snapshot, placement, variation, int(self._clock()), seed))


def _request(record: dict[str, Any], shown: int) -> Request:
    asked = record.get("request") or {}
    rule = compiled(asked["filter"]) if "filter" in asked else None
    before = tuple(visited_of(record).before)
    return Request(n=asked.get("n", shown), item_ids=asked.get("item_ids", ()), explain=True, rule=rule, after=before)


def _compared(shown: list[str], case: Case) -> Recomputed:
    now = case.decided()
    found = [one.item_id for one in now.items]
    same = len(set(shown) & set(found))
    in_place = sum(one == other for one, other in zip(shown, found, strict=False))
    without, left_off = counterfactuals(case, now)
    says = _SAYS.format(same=same, shown=len(shown), in_place=in_place)
    return Recomputed(says, len(shown), same, in_place, _items(now, case), _refused(now), without, left_off)


def _items(decision: Decision, case: Case) -> list[dict[str, Any]]:
    counted = contributions(decision, case.snapshot.choosers)
    return [
        {
            "item_id": one.item_id,
            "position": place,
            "score": one.score,
            "recommender": one.recommender,
            "contributions": counted.get(one.item_id, {}),
        }
        for place, one in enumerate(decision.items)
    ]


def _refused(decision: Decision) -> dict[str, str]:
    candidates = (decision.explain or {}).get("candidates", ())
    return {one["item_id"]: one["refused"] for one in candidates if one["refused"]}
