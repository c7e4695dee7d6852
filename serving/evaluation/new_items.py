"""Items that came up in the tested part: what titles and categories find of them, beside what many shoppers want."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import product
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from serving.baselines.popularity import Popularity, RecentPopularity
from serving.evaluation.intervals import as_pair, intervals, rounded
from serving.evaluation.ledger import Ledger, Target
from serving.quality import DEPTH, Gains, gains, place, quality

SERVED: Final = ("home_for_you", "pdp_similar")
POPULAR: Final = (Popularity.name, RecentPopularity.name)
_MEASURES: Final = {"hr@20": ("hr", 20), "mrr@20": ("mrr", 20)}

Rows = npt.NDArray[np.int64]


class NewItems:
    """Targets that the session had not and that nobody had before the tested part, in lists without the session's own.

    Popularity is asked in the same places as what serves; the page of `pdp_similar` is that of the session's last item.
    """

    def __init__(self) -> None:
        self._ledger = Ledger([*SERVED, *POPULAR])
        self._popular = (Popularity(), RecentPopularity())
        self._items: set[str] = set()

    def learn(self, item_id: str, key: str, at: int) -> None:
        """A step of the session `key` at `at` (ms) was learnt."""
        for one in self._popular:
            one.learn(key, item_id, at)

    def lists(self, served: Mapping[str, list[str]], here: Collection[str], at: int) -> dict[str, list[str]]:
        """What was `served`, by `SERVED`, and beside it what was popular at `at` (ms), without the items of `here`."""
        others = {one.name: one.predict("", (), DEPTH + len(here), at) for one in self._popular}
        return {**served, **{name: [one for one in found if one not in here] for name, found in others.items()}}

    def add(self, item_id: str, target: Target, lists: Mapping[str, list[str]]) -> None:
        """What came next, and what everybody showed."""
        self._items.add(item_id)
        self._ledger.add(target, {name: place(listed, item_id) for name, listed in lists.items()}, {})

    def report(self) -> dict[str, Any]:
        """By group of targets: each list's quality, its intervals, and how far what serves is ahead of popularity."""
        rows = self._ledger.rows()
        groups = {"all": rows["next"]} | {name: rows[name] for name in ("unseen_items", "cold_items")}
        return {"items": len(self._items)} | {name: self._group(one) for name, one in groups.items()}

    def _group(self, rows: Rows) -> dict[str, Any]:
        columns = {
            (name, measure): gains(self._ledger.places(name)[rows], *how)
            for name, (measure, how) in product(self._ledger.names, _MEASURES.items())
        }
        ahead = dict(_ahead(columns))
        drawn = intervals(self._ledger.sessions()[rows], np.column_stack([*columns.values(), *ahead.values()]))
        bounds = dict(zip([*columns, *ahead], map(as_pair, drawn), strict=True))
        found: dict[str, Any] = {"n": len(rows)}
        for name in self._ledger.names:
            found[name] = quality(self._ledger.places(name)[rows])
            found[name]["intervals"] = {measure: bounds[name, measure] for measure in _MEASURES}
        for name in SERVED:
            found[name]["ahead"] = {
                other: {
                    one: {"mean": rounded(ahead[name, other, one]), "interval": bounds[name, other, one]}
                    for one in _MEASURES
                }
                for other in POPULAR
            }
        return found


def _ahead(columns: Mapping[tuple[str, str], Gains]) -> Iterator[tuple[tuple[str, str, str], Gains]]:
    """Of each that serves, by popularity and measure, what it gains more."""
    for name, other, measure in product(SERVED, POPULAR, _MEASURES):
        yield (name, other, measure), columns[name, measure] - columns[other, measure]
