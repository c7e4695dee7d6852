"""From the ledger to the numbers of the contract."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from serving.evaluation.intervals import intervals
from serving.evaluation.ledger import LENGTHS, NOT_ASKED, OURS, STEPS, Ledger
from serving.quality import Gains, Places, gains, quality

GROUPS = ("next", "first", "new_in_session", "cold_first", "cold_next", "unseen_items", "cold_items")
BOUNDED = ("next", "first", "cold_first", "cold_next", "cold_items")
MEASURES = (("hr@20", "hr", 20), ("mrr@20", "mrr", 20))

Rows = dict[str, npt.NDArray[np.int64]]


def report(ledger: Ledger) -> dict[str, Any]:
    """Quality of what serves, by groups of targets, with intervals of the main ones."""
    rows, places = ledger.rows(), ledger.places(OURS)
    return {
        **{name: quality(places[rows[name]]) for name in GROUPS},
        "no_repeats": _apart(ledger, OURS),
        "by_length": {name: quality(places[rows[name]]) for name, *_ in LENGTHS},
        "by_event": {name: quality(places[rows[name]]) for name in (*STEPS, "purchase")},
        "unseen_share": round(len(rows["unseen"]) / max(1, len(rows["next"]) + len(rows["first"])), 5),
        "intervals": {name: _bounds(ledger, rows, name, places)[0] for name in BOUNDED},
    }


def compared(ledger: Ledger, name: str) -> dict[str, Any]:
    """Another recommender on the same targets, and how much better than it what serves is."""
    rows, places, ours = ledger.rows(), ledger.places(name), ledger.places(OURS)
    bounded = {group: _bounds(ledger, rows, group, places, ours) for group in BOUNDED}
    return {
        **quality(places[rows["next"]]),
        **{group: quality(places[rows[group]]) for group in GROUPS if group != "next"},
        "no_repeats": _apart(ledger, name),
        "by_event": {event: quality(places[rows[event]]) for event in (*STEPS, "purchase")},
        "intervals": {group: own for group, (own, _) in bounded.items()},
        "difference": {group: difference for group, (_, difference) in bounded.items()},
    }


def _apart(ledger: Ledger, name: str) -> dict[str, float]:
    places = ledger.apart(name)
    return quality(places[places != NOT_ASKED])


def _bounds(
    ledger: Ledger, rows: Rows, group: str, places: Places, ours: Places | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """(bounds of the measures, what serves minus that with bounds); both from the same draws of sessions."""
    chosen = rows[group]
    own = [gains(places[chosen], measure, cut) for _, measure, cut in MEASURES]
    ahead = [gains(ours[chosen], measure, cut) for _, measure, cut in MEASURES] if ours is not None else own
    less: list[Gains] = [one - other for one, other in zip(ahead, own, strict=True)]
    bounds = intervals(ledger.sessions()[chosen], np.column_stack([*own, *less]))
    names = [name for name, *_ in MEASURES]
    differences = {
        name: {"mean": _rounded(one.mean() if len(one) else np.nan), "interval": _pair(pair)}
        for name, one, pair in zip(names, less, bounds[len(names) :], strict=True)
    }
    return {name: _pair(pair) for name, pair in zip(names, bounds, strict=False)}, differences


def _pair(bounds: npt.NDArray[np.float64]) -> list[float] | None:
    """JSON has no word for what is not a number."""
    return None if np.isnan(bounds).any() else [round(float(bound), 5) for bound in bounds]


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 5)
