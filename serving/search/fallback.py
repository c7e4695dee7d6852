"""What is shown where nothing answers a query: what sells in the category that comes nearest, then what fits the visit.

The category is that of the titles nearest in meaning, if they are near and half of them agree. Word vectors put
nonsense ("xyzzy") near part numbers, from the two and three letters that they read it as; so words without a longer
piece that they know mean nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random

import numpy as np
from msgspec.structs import replace

from serving.candidate import Scored
from serving.decide import decide
from serving.decision import Shown
from serving.filters.columns import Mask
from serving.search.question import SEARCH, Question
from serving.shop import NEWEST, Shop
from serving.stage import Snapshot
from stream import vectors

NEAR = 0.45
PIECE = 4
AGREED = 5
LOOKED_AT = 10
PICKS = replace(SEARCH, explore=None)


def nearest_category(words: Sequence[str], shop: Shop, among: Mask) -> str | None:
    """The category whose titles are nearest in meaning; None where none is near.

    `among` says by code which items count.
    """
    titles = shop.vectors_of(among)
    if titles is None or not words or not shop.titled:
        return None
    read = [word for word in words if any(len(piece) >= PIECE for piece in vectors.pieces(word))]
    if not read:
        return None
    near = titles.nearness(vectors.title_vectors([" ".join(read)])[0])
    best = [place for place in np.argsort(-near, kind="stable")[:LOOKED_AT].tolist() if near[place] >= NEAR]
    found = Counter(shop.category_of.get(titles.item_ids[place]) for place in best)
    category, agreeing = max(found.items(), key=lambda one: one[1], default=(None, 0))
    return category if agreeing >= AGREED else None


def best_sellers(category: str, shop: Shop, among: Mask) -> Scored:
    """What is popular in a category."""
    return shop.popular_within(category, among) or ()


def picks(question: Question, snapshot: Snapshot, count: int, above: Sequence[str], now: int) -> Sequence[Shown]:
    """What fits the visit, or is popular where nothing is known of it."""
    request = replace(question.request, n=count)
    return decide(request, snapshot, PICKS, "", now, Random(0), above=above).items


def says(found: Sequence[Shown]) -> str:
    """What picks are; nothing is said to be for the visit that is not."""
    if any(one.because is not None for one in found):
        return "These may fit what you have looked at."
    if all(one.recommender == NEWEST for one in found):
        return "These are new in the shop."
    return "These are popular in the shop."
