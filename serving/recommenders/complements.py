"""What goes with the items of the cart: in one cart or order with them, bought after them, or looked at around them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from serving.ranking.table import DAMPING, Row
from serving.recommender import Candidate, Known, Recommender

NAME = "complements"
TOGETHER = 5.0
"""What one common cart counts, in common visits: those also compare what they then buy only one of."""


def candidates(known: Known, count: int) -> list[Candidate]:
    """What goes with the session's items, without more of the same and nothing dearer than the dearest of them.

    Of the cart's own categories only what was in one cart or order with its items is a complement: what is merely
    looked at around an item of its kind, or bought after looking at it, is an alternative to it.
    """
    cart = {item_id: row for item_id in known.session if (row := known.rows.get(item_id)) is not None}
    own = {category for item_id in known.session if (category := known.category_of.get(item_id)) is not None}
    prices = [price for item_id in known.session if (price := known.price_of.get(item_id)) is not None]
    dearest = max(prices, default=None)
    scores: defaultdict[str, float] = defaultdict(float)
    most: dict[str, tuple[float, str]] = {}
    for item_id, row in cart.items():
        for other, weight in _said(row, known, own):
            scores[other] += weight
            if weight > most.get(other, (0.0, ""))[0]:
                most[other] = (weight, item_id)
    fitting = [
        (score, other)
        for other, score in scores.items()
        if other not in known.session and _affordable(known.price_of.get(other), dearest)
    ]
    fitting.sort(key=lambda one: (-one[0], one[1]))
    return [Candidate(other, score, NAME, most[other][1]) for score, other in fitting[:count]]


def _said(row: Row, known: Known, own: set[str]) -> list[tuple[str, float]]:
    """What one item of the cart says of others."""
    ids, damped = known.codes.ids, (row.total + 1.0) ** DAMPING
    said = [
        (ids[code], TOGETHER * weight / damped) for code, weight in _pairs(row.together.codes, row.together.weights)
    ]
    for code, weight in (*_pairs(row.bought.codes, row.bought.weights), *_pairs(row.codes, row.weights)):
        if known.category_of.get(ids[code]) not in own:
            said.append((ids[code], weight / damped))
    return said


def _pairs(codes: NDArray[np.int32], weights: NDArray[np.float32]) -> Iterator[tuple[int, float]]:
    return zip(codes.tolist(), weights.tolist(), strict=True)


def _affordable(price: int | None, dearest: int | None) -> bool:
    return price is None or dearest is None or price <= dearest


RECOMMENDER = Recommender(
    name=NAME,
    tier=4,
    personal=True,
    candidates=candidates,
    explain="Goes with what is in the cart.",
    needs="pairs",
    relation="goes_with",
)
