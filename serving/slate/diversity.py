"""Diversity: maximal marginal relevance over titles, categories and brands.

Place by place the candidate is taken that is best by

    (1 - d) * relevance - d * the greatest likeness to one that was taken before

where `d` is the request's or the placement's `diversity`. Relevance is 1 for the first candidate and falls by the same
step from place to place, as scores of different generators are no measure of each other. Likeness is 0.5 of the titles'
cosine, 0.3 for the same category and 0.2 for the same brand. Only the best `POOL` that may be shown are reordered.

References
----------
Carbonell, J., Goldstein, J. (1998). The use of MMR, diversity-based reranking. SIGIR.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from serving.candidate import Candidate
from serving.shop import Shop
from serving.stage import Context
from stream import vectors

POOL = 60
TITLE, CATEGORY, BRAND = 0.5, 0.3, 0.2


def wanted(context: Context) -> float:
    """How much diversity counts here: as the request says, else as the placement does."""
    asked = context.request.diversity
    return context.placement.diversity if asked is None else asked


def applies(context: Context) -> bool:
    """Whether there is anything to do."""
    return wanted(context) > 0.0


def stage(candidates: list[Candidate], context: Context) -> list[Candidate]:
    """The best `POOL` in the order of their marginal relevance, the rest behind as it was."""
    much = wanted(context)
    if much <= 0.0 or len(candidates) < 3:
        return candidates
    pool = list(islice(_eligible(candidates, context), POOL))
    alike = likeness([one.item_id for one in pool], context.shop)
    ordered = [pool[place] for place in order(alike, much)]
    chosen = {one.item_id for one in pool}
    return [*ordered, *(one for one in candidates if one.item_id not in chosen)]


def _eligible(candidates: Iterable[Candidate], context: Context) -> Iterable[Candidate]:
    """Those that may be shown: what is not shown must not push away what is like it."""
    hidden, shop, now = context.snapshot.visit.hidden, context.shop, context.now
    return (one for one in candidates if one.item_id not in hidden and shop.sellable(one.item_id, now))


def likeness(item_ids: list[str], shop: Shop) -> NDArray[np.float32]:
    """How alike any two of these items are, 0 to 1."""
    titles = np.zeros((len(item_ids), vectors.DIMENSIONS), np.float32)
    for place, item_id in enumerate(item_ids):
        vector = shop.vector_of(item_id)
        if vector is not None:
            titles[place] = vector
    alike: NDArray[np.float32] = TITLE * np.maximum(titles @ titles.T, 0.0)
    for weight, of in ((CATEGORY, shop.category_of), (BRAND, shop.brand_of)):
        codes = _coded([of.get(item_id) for item_id in item_ids])
        alike += np.float32(weight) * ((codes[:, None] == codes) & (codes >= 0))
    return alike


def _coded(values: list[str | None]) -> NDArray[np.int32]:
    """Equal numbers for equal values, -1 for none."""
    numbers: dict[str, int] = {}
    return np.array([-1 if one is None else numbers.setdefault(one, len(numbers)) for one in values], np.int32)


def order(alike: NDArray[np.float32], much: float) -> list[int]:
    """Places by marginal relevance; of equal ones the earlier first."""
    count = len(alike)
    relevance = ((1.0 - much) * np.arange(count, 0, -1) / max(1, count)).astype(np.float32)
    nearest = np.zeros(count, np.float32)
    found: list[int] = []
    for _ in range(count):
        place = int((relevance - np.float32(much) * nearest).argmax())
        found.append(place)
        relevance[place] = -np.inf
        np.maximum(nearest, alike[place], out=nearest)
    return found
