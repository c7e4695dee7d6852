"""What could be bought instead: near in its title, and of the same part of the shop."""

from __future__ import annotations

import numpy as np

from serving.filters.fields import path
from serving.recommender import Candidate, Known, Recommender

NAME = "similar"
# of random pairs of Online Retail's titles 10 % are nearer than .30 and 1 % than .50: by its title alone an item must
# be as near as `nearest` demands, within the same category half of that chance is ruled out by the category
LEAST = 0.45
LEAST_IN_CATEGORY = 0.30
CATEGORY = 0.2
CONSIDERED = 400


def candidates(known: Known, count: int) -> list[Candidate]:
    """Items near to the page's by title, those that share more of its category path before others."""
    vectors, here = known.vectors, known.session_vector
    if vectors is None or here is None or not known.session or count <= 0:
        return []
    item_id = known.session[0]
    nearness = vectors.matrix @ here
    if vectors.allowed is not None:
        nearness[~vectors.allowed] = -1.0
    near = np.flatnonzero(nearness >= LEAST_IN_CATEGORY)
    if len(near) > max(CONSIDERED, count):
        near = near[np.argpartition(-nearness[near], max(CONSIDERED, count) - 1)[: max(CONSIDERED, count)]]
    its = path(known.category_of.get(item_id) or "")
    scored = []
    for number, cosine in zip(near.tolist(), nearness[near].tolist(), strict=True):
        other = vectors.item_ids[number]
        shared = _shared(its, path(known.category_of.get(other) or ""))
        if other != item_id and (cosine >= LEAST or shared == 1.0):
            scored.append((cosine + CATEGORY * shared, number, other))
    scored.sort(key=lambda one: (-one[0], one[1]))
    return [Candidate(other, score, NAME, item_id) for score, _, other in scored[:count]]


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
    tier=2,
    personal=True,
    candidates=candidates,
    explain="Similar to this: alike in name and kind.",
    needs="titles",
    located=True,
    relation="similar",
)
