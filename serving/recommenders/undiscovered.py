"""What hardly anybody has looked at yet, and whose title is near to what this visit is about."""

from __future__ import annotations

import numpy as np

from serving.recommender import Candidate, Known, Recommender
from serving.recommenders.nearest import LEAST

NAME = "undiscovered"


def candidates(known: Known, count: int) -> list[Candidate]:
    """Items of few sessions whose title vectors are nearest to the session vector, those of this visit left out."""
    vectors, here = known.vectors, known.session_vector
    if vectors is None or here is None or count <= 0:
        return []
    few = vectors.few[vectors.allowed(vectors.few)]
    nearness = vectors.matrix[few] @ here
    near = np.flatnonzero(nearness >= LEAST)
    best = sorted(zip((-nearness[near]).tolist(), few[near].tolist(), strict=True))
    because = known.session[0] if known.session else None
    found = [Candidate(vectors.item_ids[n], -away, NAME, because) for away, n in best]
    return [one for one in found if one.item_id not in known.session][:count]


RECOMMENDER = Recommender(
    name=NAME,
    tier=8,
    personal=True,
    candidates=candidates,
    explain="Hardly discovered yet, and similar to what you are looking at.",
    relation="similar",
    needs="titles",
    located=True,
)
