"""Items whose titles are nearest to what this visit is about: also those that nobody has looked at yet."""

from __future__ import annotations

import numpy as np

from serving.recommender import Candidate, Known, Recommender

NAME = "nearest"
# 10 % of random pairs of Online Retail's titles are nearer than .30 and 1 % than .50; an item's 20th nearest is at .51
LEAST = 0.45


def candidates(known: Known, count: int) -> list[Candidate]:
    """Items whose title vectors are nearest to the session vector, those of this visit left out."""
    vectors, here = known.vectors, known.session_vector
    if vectors is None or here is None or count <= 0:
        return []
    nearness = vectors.nearness(here)
    seen = set(known.session)
    wanted = min(len(nearness), count + len(seen))
    some = np.argpartition(-nearness, wanted - 1)[:wanted] if wanted < len(nearness) else np.arange(wanted)
    best = sorted(zip((-nearness[some]).tolist(), some.tolist(), strict=True))
    because = known.session[0] if known.session else None
    near = [(vectors.item_ids[n], -away) for away, n in best if -away >= LEAST]
    return [Candidate(item_id, score, NAME, because) for item_id, score in near if item_id not in seen][:count]


RECOMMENDER = Recommender(
    name=NAME,
    tier=9,
    personal=True,
    candidates=candidates,
    explain="Similar to what you are looking at.",
    needs="titles",
    located=True,
    fills=True,
    relation="similar",
)
