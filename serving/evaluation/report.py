"""From the ledger to the numbers of the contract."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from serving.evaluation.intervals import as_pair, intervals, rounded
from serving.evaluation.ledger import LENGTHS, NOT_ASKED, OURS, STEPS, Ledger
from serving.quality import Gains, gains, quality

GROUPS = ("next", "first", "new_in_session", "cold_first", "cold_next", "unseen_items", "cold_items")
BOUNDED = ("next", "first", "cold_first", "cold_next", "cold_items")
EVENTS = (*STEPS, "purchase")
MEASURES = {"hr@20": ("hr", 20), "mrr@20": ("mrr", 20)}
AHEAD = "ahead"

Rows = dict[str, npt.NDArray[np.int64]]


class Report:
    """What the ledger of a run comes to."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger, self._rows = ledger, ledger.rows()
        self._places = {name: ledger.places(name) for name in ledger.names}
        self._bounded = {group: self._bounds(self._rows[group]) for group in BOUNDED}

    def ours(self) -> dict[str, Any]:
        """Quality of what serves, by groups of targets, with intervals of the main ones."""
        rows = self._rows
        return {
            **self._quality(OURS, GROUPS),
            "no_repeats": self._apart(OURS),
            "by_length": self._quality(OURS, [name for name, *_ in LENGTHS]),
            "by_event": self._quality(OURS, EVENTS),
            "unseen_share": round(len(rows["unseen"]) / max(1, len(rows["next"]) + len(rows["first"])), 5),
            "intervals": self._intervals(OURS),
        }

    def compared(self, name: str) -> dict[str, Any]:
        """Another recommender on the same targets, and how much better than it what serves is."""
        groups = self._quality(name, GROUPS)
        return {
            **groups.pop("next"),
            **groups,
            "no_repeats": self._apart(name),
            "by_length": self._quality(name, [length for length, *_ in LENGTHS]),
            "by_event": self._quality(name, EVENTS),
            "intervals": self._intervals(name),
            "difference": {group: self._difference(group, name) for group in BOUNDED},
        }

    def _quality(self, name: str, groups: Sequence[str]) -> dict[str, Any]:
        return {group: quality(self._places[name][self._rows[group]]) for group in groups}

    def _apart(self, name: str) -> dict[str, float]:
        places = self._ledger.apart(name)
        return quality(places[places != NOT_ASKED])

    def _intervals(self, name: str) -> dict[str, Any]:
        return {
            group: {measure: as_pair(bounds[name, measure]) for measure in MEASURES}
            for group, bounds in self._bounded.items()
        }

    def _difference(self, group: str, name: str) -> dict[str, Any]:
        rows, bounds = self._rows[group], self._bounded[group]
        ahead = {measure: self._ahead(rows, name, measure) for measure in MEASURES}
        return {
            measure: {
                "mean": rounded(one),
                "interval": as_pair(bounds[AHEAD, name, measure]),
            }
            for measure, one in ahead.items()
        }

    def _ahead(self, rows: npt.NDArray[np.int64], name: str, measure: str) -> Gains:
        return self._gains(rows, OURS, measure) - self._gains(rows, name, measure)

    def _gains(self, rows: npt.NDArray[np.int64], name: str, measure: str) -> Gains:
        kind, cut = MEASURES[measure]
        return gains(self._places[name][rows], kind, cut)

    def _bounds(self, rows: npt.NDArray[np.int64]) -> dict[tuple[str, ...], npt.NDArray[np.float64]]:
        """Of every measure and of what serves minus it, all from the same draws of sessions."""
        columns: dict[tuple[str, ...], Gains] = {}
        for name, measure in product(self._places, MEASURES):
            columns[name, measure] = self._gains(rows, name, measure)
            columns[AHEAD, name, measure] = self._ahead(rows, name, measure)
        found = intervals(self._ledger.sessions()[rows], np.column_stack(list(columns.values())))
        return dict(zip(columns, found, strict=True))
