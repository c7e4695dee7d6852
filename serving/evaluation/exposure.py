"""What lists show, whether it was wanted or not: how much of the shop, how popular, how unequal.

References
----------
Shani, G., Gunawardana, A. (2011). Evaluating recommendation systems. Recommender Systems Handbook (Gini index, 8.3.3).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np


class Exposure:
    """Counts over the tested lists of one recommender."""

    def __init__(self) -> None:
        self._times: Counter[str] = Counter()
        self._popularity = 0.0

    def add(self, listed: Sequence[str], seen: Mapping[str, int], most_seen: int) -> None:
        """A list, by what was `seen` of its items and of the most seen one until then."""
        self._times.update(listed)
        self._popularity += sum(seen.get(item_id, 0) for item_id in listed) / most_seen

    def as_dict(self, known: int) -> dict[str, float]:
        """Of the `known` items of the whole history."""
        return {
            "coverage@20": round(len(self._times) / max(1, known), 5),
            "popularity@20": round(self._popularity / max(1, self._times.total()), 5),
            "gini@20": round(gini(self._times.values(), known), 5),
        }


def gini(times: Iterable[int], items: int) -> float:
    """How unequally exposures fall on `items`, of which `times` has those that got any: 0 = equally, 1 = all on one."""
    exposed = np.sort(np.fromiter(times, np.float64))
    total = exposed.sum()
    if items < 2 or not total:
        return 0.0
    places = np.arange(items - len(exposed) + 1, items + 1)
    return float((2 * places - items - 1) @ exposed / total / (items - 1))
