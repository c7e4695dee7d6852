"""What could be bought instead: near in its title, of the same part of the shop, its brand, and at about its price."""

from __future__ import annotations

import numpy as np

from serving.filters.fields import path
from serving.offer import Offer, nothing, scored
from serving.recommender import Known, Recommender

NAME = "similar"
# of random pairs of Online Retail's titles 10 % are nearer than .30 and 1 % than .50: by its title alone an item must
# be as near as `nearest` demands, within the same category half of that chance is ruled out by the category
LEAST = 0.45
LEAST_IN_CATEGORY = 0.30
CATEGORY = 0.2
BRAND = 0.05
PRICE = 0.1
CONSIDERED = 400


def offer(known: Known, count: int) -> Offer:
    """Items near to the page's by title, those first that share more of its category path, its brand and its price."""
    vectors, here = known.vectors, known.session_vector
    if vectors is None or here is None or not known.session or count <= 0:
        return nothing(NAME)
    nearness = vectors.nearness(here)
    item_id = known.session[0]
    near = np.flatnonzero(nearness >= LEAST_IN_CATEGORY)
    if len(near) > max(CONSIDERED, count):
        near = near[np.argpartition(-nearness[near], max(CONSIDERED, count) - 1)[: max(CONSIDERED, count)]]
    its, brand, price = path(known.category_of.get(item_id) or ""), known.brand_of.get(item_id), _price(known, item_id)
    found = []
    for number, cosine in zip(near.tolist(), nearness[near].tolist(), strict=True):
        other = vectors.item_ids[number]
        shared = _shared(its, path(known.category_of.get(other) or ""))
        if other != item_id and (cosine >= LEAST or shared == 1.0):
            alike = BRAND * (brand is not None and known.brand_of.get(other) == brand)
            alike += PRICE * _as_dear(price, _price(known, other))
            found.append((cosine + CATEGORY * shared + alike, number, other))
    found.sort(key=lambda one: (-one[0], one[1]))
    return scored(NAME, known.codes, [(other, score) for score, _, other in found[:count]], item_id)


def _price(known: Known, item_id: str) -> int:
    return known.price_of.get(item_id) or 0


def _as_dear(one: int, other: int) -> float:
    """1 at the same price, 1 / 2 at half or twice of it, and so on; 0 where a price is not known."""
    return min(one, other) / max(one, other, 1)


def _shared(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    """How much of a category path is the other's, from 0 to 1."""
    same = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        same += 1
    return same / max(len(one), len(other), 1)


RECOMMENDER = Recommender(
    name=NAME,
    tier=5,
    personal=True,
    offer=offer,
    explain="Similar to this: alike in name, kind and price.",
    needs="titles",
    located=True,
    fills=True,
    relation="similar",
)
