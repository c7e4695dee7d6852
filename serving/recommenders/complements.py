"""What goes with the items of the cart: in one cart or order with them, bought after them, or looked at around them."""

from __future__ import annotations

from itertools import islice

import numpy as np
from numpy.typing import NDArray

from serving.offer import Offer, nothing
from serving.ranking.best import Ranked
from serving.ranking.row import Row
from serving.ranking.table import DAMPING
from serving.recommender import Known, Recommender

NAME = "complements"
TOGETHER = 5.0
"""What one common cart counts, in common visits: those also compare what they then buy only one of."""


def offer(known: Known, count: int) -> Offer:
    """What goes with the session's items, without more of the same and nothing dearer than the dearest of them.

    Of the cart's own categories only what was in one cart or order with its items is a complement: what is merely
    looked at around an item of its kind, or bought after looking at it, is an alternative to it.
    """
    cart = [(item_id, row) for item_id in known.session if (row := known.rows.get(item_id)) is not None]
    if not cart:
        return nothing(NAME)
    here = known.codes.array(known.session)
    said = [_said(row, known, here) for _, row in cart]
    codes = np.concatenate([one for one, _ in said])
    weights = np.concatenate([one for _, one in said])
    others, of = np.unique(codes, return_inverse=True)
    scores = np.bincount(of, weights, len(others))
    scores[np.isin(others, here)] = 0.0
    loudest = np.lexsort((-weights, of))[np.searchsorted(np.sort(of), np.arange(len(others)))]
    speakers = np.repeat(np.arange(len(cart)), [len(one) for one, _ in said])[loudest]
    ids, prices = known.codes.ids, [price for one in known.session if (price := known.price_of.get(one)) is not None]
    dearest = max(prices, default=None)
    best = (place for place in np.argsort(-scores, kind="stable").tolist() if scores[place] > 0.0)
    fitting = (place for place in best if _affordable(known.price_of.get(ids[others[place]]), dearest))
    chosen = list(islice(fitting, count))
    ranked = Ranked.of(others[chosen], scores[chosen], speakers[chosen])
    return Offer(NAME, ranked, [item_id for item_id, _ in cart])


def _said(row: Row, known: Known, here: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """What one item of the cart says of others: their codes, not each once, and weights."""
    around = np.concatenate([row.bought.codes, row.codes])
    weights = np.concatenate([row.bought.weights, row.weights])
    if known.categories is not None:
        own = known.categories(here)
        other = ~np.isin(known.categories(around), own[own > 0])
        around, weights = around[other], weights[other]
    codes = np.concatenate([row.together.codes, around])
    return codes, np.concatenate([TOGETHER * row.together.weights, weights]) / (row.total + 1.0) ** DAMPING


def _affordable(price: int | None, dearest: int | None) -> bool:
    return price is None or dearest is None or price <= dearest


RECOMMENDER = Recommender(
    name=NAME,
    tier=4,
    personal=True,
    offer=offer,
    explain="Goes with what is in the cart.",
    needs="pairs",
    relation="goes_with",
)
