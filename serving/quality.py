"""How good lists of recommendations are, when what came next is known.

References
----------
Ludewig, M., Jannach, D. (2018). Evaluation of session-based recommendation algorithms. UMUAI 28.
Järvelin, K., Kekäläinen, J. (2002). Cumulated gain-based evaluation of IR techniques. ACM TOIS 20.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

DEPTH = 20
CUTS = (1, 5, 10, DEPTH)
MISSED = -1

Places: TypeAlias = npt.NDArray[np.int64]
Gains: TypeAlias = npt.NDArray[np.float64]


def place(listed: list[str], item_id: str) -> int:
    """Where the item that came next stands in a list, from 0; `MISSED` if it is not among the first `DEPTH`."""
    found = listed.index(item_id) if item_id in listed else DEPTH
    return found if found < DEPTH else MISSED


def gains(places: Places, measure: str, cut: int) -> Gains:
    """What each list counts by "hr", "mrr" or "ndcg" at `cut`; one target a list, so the ideal gain is 1."""
    hit = (places >= 0) & (places < cut)
    ranks = np.where(hit, places + 1, 1)
    if measure == "hr":
        return hit.astype(np.float64)
    worth: Gains = hit / (ranks if measure == "mrr" else np.log2(ranks + 1))
    return worth


def quality(places: Places) -> dict[str, float]:
    """The contract's names: n, and hr, mrr and ndcg at each of `CUTS`, means over the lists (0 without lists)."""
    n = len(places)
    found: dict[str, float] = {"n": n}
    for cut in reversed(CUTS):
        for measure in ("hr", "mrr", "ndcg"):
            found[f"{measure}@{cut}"] = round(float(gains(places, measure, cut).sum()) / max(1, n), 5)
    return found
