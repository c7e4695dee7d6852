"""What hardly anybody has looked at yet, and whose title is near to what this visit is about."""

from __future__ import annotations

import numpy as np

from serving.offer import Offer, nothing, scored
from serving.recommender import Known, Recommender
from serving.recommenders.nearest import LEAST

NAME = "undiscovered"


def offer(known: Known, count: int) -> Offer:
    """Items of few sessions whose title vectors are nearest to the session vector, those of this visit left out."""
    vectors, here = known.vectors, known.session_vector
    if vectors is None or here is None or count <= 0 or not len(vectors.few):
        return nothing(NAME)
    few = vectors.few[vectors.allowed(vectors.few)]
    nearness = vectors.matrix[few] @ here
    near = np.flatnonzero(nearness >= LEAST)
    best = sorted(zip((-nearness[near]).tolist(), few[near].tolist(), strict=True))
    because = known.session[0] if known.session else None
    found = [(vectors.item_ids[n], -away) for away, n in best]
    others = [one for one in found if one[0] not in known.session]
    return scored(NAME, known.codes, others[:count], because)


RECOMMENDER = Recommender(
    name=NAME,
    tier=8,
    personal=True,
    offer=offer,
    explain="Hardly discovered yet, and similar to what you are looking at.",
    relation="similar",
    needs="titles",
    located=True,
)
