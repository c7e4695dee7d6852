"""The order of what was found: by its score, the kind that is meant, what shoppers took, and where this visit is.

```
index's score ─▶ + 0.15 for the kind that is meant ─▶ + what shoppers took
              ─▶ the best 200: + 0.3 · nearness to the visit
              ─▶ what can be sent now first ─▶ equal ones by number
```
What lies below the best 200 no visit brings up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.filters.fields import FIELDS
from serving.filters.rule import compiled
from serving.search.behaviour import Boosts
from serving.search.hits import Hits
from serving.search.question import Sort
from serving.shop import Shop

MOST = 200
NEARNESS = 0.3
KIND = 0.15
_IN_STOCK = compiled({"availability": "in_stock"})

Numbers = NDArray[np.int32]
Scores = NDArray[np.float64]


def by_visit(numbers: Numbers, scores: Scores, titles: NDArray[np.float32], visit: NDArray[np.float32]) -> Scores:
    """The scores, those of the best `MOST` with their titles' nearness to a visit; what lies below stays below."""
    best = np.lexsort((numbers, -scores))[:MOST]
    there = best[numbers[best] < len(titles)]
    moved = scores.copy()
    moved[there] += NEARNESS * (titles[numbers[there]] @ visit)
    return moved


def by_taken(numbers: Numbers, scores: Scores, taken: Boosts, shop: Shop) -> Scores:
    """The scores with what shoppers took of this query's items before, in units of the best score."""
    if not taken.item_ids or not len(scores):
        return scores
    places = {code: place for place, code in enumerate(shop.codes_of(numbers).tolist())}
    best, moved = float(scores.max()) or 1.0, scores.copy()
    for item_id, boost in zip(taken.item_ids, taken.boosts.tolist(), strict=True):
        code = shop.codes.known(item_id)
        if code is not None and code in places:
            moved[places[code]] += boost * best
    return moved


def by_relevance(numbers: Numbers, scores: Scores, shop: Shop) -> NDArray[np.intp]:
    """Places of the numbers, those first that can be sent now, then by score; of equal ones by number."""
    later = ~shop.met(_IN_STOCK)[shop.codes_of(numbers)]
    return np.lexsort((numbers, -scores, later))


def sorted_by(sort: Sort, numbers: Numbers, shop: Shop) -> Numbers:
    """All numbers in the order of a field; what has nothing in it comes last."""
    codes = shop.codes_of(numbers)
    keys: NDArray[Any]
    if sort == "newest":
        keys = -shop.since(codes)
        return numbers[np.lexsort((numbers, keys))]
    column = shop.columns.of(FIELDS["price"])
    assert column is not None  # only attributes may have none
    amounts, there = column.each(codes)
    keys = amounts if sort == "price_asc" else -amounts
    return numbers[np.lexsort((numbers, keys, ~there))]


def by_popularity(numbers: Numbers, shop: Shop) -> Numbers:
    """The numbers in the order of how many sessions have seen them, then by number."""
    return numbers[np.lexsort((numbers, -shop.board.seen(shop.codes_of(numbers))))]


def union(found: Sequence[Numbers]) -> Numbers:
    """All numbers of several, ascending."""
    return found[0] if len(found) == 1 else np.unique(np.concatenate(found))


def merged(found: Sequence[Hits], most: int) -> tuple[Numbers, Scores, Scores]:
    """Several orders as one: each item with its best score, and what of that is meaning."""
    numbers = np.concatenate([one.numbers for one in found])
    scores = np.concatenate([one.scores for one in found]).astype(np.float64)
    meant = np.concatenate([one.meant for one in found]).astype(np.float64)
    if len(found) == 1:
        return numbers, scores, meant
    order = np.lexsort((numbers, -scores))
    _, first = np.unique(numbers[order], return_index=True)
    first.sort()
    places = order[first][:most]
    return numbers[places], scores[places], meant[places]
