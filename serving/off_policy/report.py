"""`liveshelf evaluate --policy`: the log as arrays, and each policy's estimates as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from serving.off_policy.estimate import CLIP, LEAST_ESS, LEAST_ESS_DR, Estimate, Shown, Slots, estimate
from serving.off_policy.interval import Interval, Value
from serving.off_policy.logged import Join, Logged, decisions, slots
from serving.off_policy.policies import POLICIES, Policy
from stream.replay import BadFile

GOALS = {"clicks": "clicked", "conversions": "bought"}
ASSUMES = (
    "A click depends on the item, its position and the visitor, not on the items beside it (item-position model).",
    "Each propensity is the probability with which its item stood at its position for that request.",
    "What a policy shows is chosen among the items of the logged order; it is asked about the visits that there were.",
)
CROSS_FITTED = f"cross-fitted, from {LEAST_ESS_DR:.0f} effective places on"
ESTIMATORS = {
    "ips": f"weights clipped at {CLIP:g}, from {LEAST_ESS:.0f} effective places on",
    "snips": f"self-normalized, weights clipped at {CLIP:g}, from {LEAST_ESS:.0f} effective places on",
    "interval": "95 %, by visitor: score intervals of the value, normal ones of a difference",
}
Cell = tuple[str, int, str]


class _Log:
    """The places of all shelves, numbered: visitors, strata (placement × position), cells (with the recommender)."""

    def __init__(self, shelves: Sequence[Logged]) -> None:
        self.shelves = shelves
        self._cells: dict[Cell, int] = {}
        numbers = {visitor: n for n, visitor in enumerate(dict.fromkeys(one.visitor for one in shelves))}
        self._visitor = np.array([numbers[shelf.visitor] for shelf, _ in slots(shelves)])
        self._shown = np.bincount([numbers[one.visitor] for one in shelves]).astype(np.float64)
        self._cell = np.array([self._number(shelf, slot.position, slot.recommender) for shelf, slot in slots(shelves)])
        self._propensity = np.array([slot.probability for _, slot in slots(shelves)])

    def shown(self, policy: Policy) -> Shown:
        """What a policy shows at these places."""
        at: list[float] = []
        parts: list[tuple[int, int, float]] = []
        for shelf in self.shelves:
            target = policy.target(shelf)
            for place, (slot, mix) in enumerate(zip(shelf.items, target.mix, strict=True), len(at)):
                parts += [(place, self._number(shelf, slot.position, name), part) for name, part in mix.items()]
            at += target.at
        places, cells, shares = (np.array(column) for column in zip(*parts, strict=True))
        return Shown(np.array(at), places, cells, shares)

    def slots(self, goal: str) -> Slots:
        """The places with what they earned; strata of all cells that any policy has named."""
        strata: dict[tuple[str, int], int] = {}
        stratum = [strata.setdefault((cell[0], cell[1]), len(strata)) for cell in self._cells]
        reward = np.array([float(getattr(slot, GOALS[goal])) for _, slot in slots(self.shelves)])
        return Slots(self._visitor, self._cell, reward, self._propensity, np.array(stratum), self._shown, len(strata))

    def _number(self, shelf: Logged, position: int, recommender: str) -> int:
        return self._cells.setdefault((shelf.placement, position, recommender), len(self._cells))


def policies(records: Iterable[bytes], events: Iterable[bytes], *, placement: str = "") -> dict[str, Any]:
    """What each policy would have earned, by goal; raises `BadFile` where nothing can be said at all.

    Parameters
    ----------
    records: decision records (`schemas/decision_record.json`), in any order.
    events: a history, one event a line, in time order.
    placement: only this one's shelves; empty: all.
    """
    shelves, refused = decisions(records, placement)
    if not shelves:
        where = f" of the placement {placement}" if placement else ""
        raise BadFile(
            f"there is no shelf{where} among the decisions ({refused} lines are no decision records): name a file of "
            "records as they lie in liveshelf.decisions.v1 with --decisions, or the broker that has them in "
            "LIVESHELF_BROKER_URL"
        )
    joined = Join(shelves).play(events)
    log = _Log(shelves)
    shown = {one.name: log.shown(one) for one in POLICIES if not one.lacks(shelves)}
    found = {goal: {name: estimate(log.slots(goal), shown[name]) for name in shown} for goal in GOALS}
    return {
        "protocol": _protocol(shelves, refused, joined),
        "policies": {
            one.name: {"says": one.says} | {goal: _of(one, found[goal], one.lacks(shelves)) for goal in GOALS}
            for one in POLICIES
        },
    }


def _protocol(shelves: Sequence[Logged], refused: int, joined: Any) -> dict[str, Any]:
    propensities = [slot.probability for _, slot in slots(shelves)]
    return {
        "decisions": len(shelves),
        "records_refused": refused,
        "visitors": len({one.visitor for one in shelves}),
        "places": len(propensities),
        "places_random": sum(one < 1.0 for one in propensities),
        "events": joined.events,
        "clicks": joined.clicks,
        "conversions": joined.conversions,
        "unit": "a shelf",
        "estimators": ESTIMATORS | {"dr": f"placement x position x recommender, {CROSS_FITTED}"},
        "assumes": ASSUMES,
    }


def _of(policy: Policy, found: dict[str, Estimate], lacks: str) -> dict[str, Any]:
    return unknown(lacks) if lacks else told(found[policy.name], found["as_logged"])


def unknown(reason: str) -> dict[str, Any]:
    """A policy of which the log does not tell."""
    return {"ips": None, "snips": None, "dr": None, "reason": reason}


def told(one: Estimate, logged: Estimate) -> dict[str, Any]:
    """A policy's estimates of one goal beside what was logged; what cannot be said is null, with a reason."""
    weights = one.weights
    return {
        "ips": _value(one.ips, logged.snips),
        "snips": _value(one.snips, logged.snips),
        "dr": _value(one.dr, logged.snips),
        "reason": one.reason or one.reason_dr or None,
        "effective_places": round(one.ess, 1),
        "weights": {
            "mean": round(weights.mean, 4),
            "most": round(weights.most, 2),
            "clipped": weights.clipped,
            "clipped_share": round(weights.clipped_share, 4),
        },
    }


def _value(value: Value | None, logged: Value | None) -> dict[str, Any] | None:
    """An estimate, and by how much it is above what was logged, both with their intervals."""
    if value is None:
        return None
    found: dict[str, Any] = _rounded(value.value, value.interval)
    if logged is not None:
        found["above_logged"] = _rounded(*value.above(logged))
    return found


def _rounded(value: float, interval: Interval) -> dict[str, Any]:
    return {"value": _short(value), "interval": [_short(one) for one in interval]}


def _short(number: float) -> float:
    return round(number, 6) + 0.0  # no -0.0
