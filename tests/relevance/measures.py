"""How good a ranking is by what people judged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

TOP = 10


def ndcg(ranking: Sequence[str], judged: Mapping[str, int], top: int = TOP) -> float:
    """NDCG with gain 2^r − 1; an item that nobody judged gains nothing. `judged` has a relevant item."""
    best = _gain(sorted(judged.values(), reverse=True)[:top])
    return _gain([judged.get(item_id, 0) for item_id in ranking[:top]]) / best


def condensed(ranking: Sequence[str], judged: Mapping[str, int], top: int = TOP) -> float:
    """NDCG of what is left of a ranking without the items that nobody judged.

    Sakai, T. (2007). Alternatives to bpref. SIGIR.
    """
    return ndcg([item_id for item_id in ranking if item_id in judged], judged, top)


def judged_share(ranking: Sequence[str], judged: Mapping[str, int], top: int = TOP) -> float:
    """Which share of the first `top` places was judged (a missing item was not)."""
    return sum(item_id in judged for item_id in ranking[:top]) / top


def _gain(ratings: Sequence[int]) -> float:
    return sum((2.0**rating - 1) / math.log2(place + 2) for place, rating in enumerate(ratings))
