"""Items whose titles are nearest to what this visit is about: also those that nobody has looked at yet."""

from __future__ import annotations

import numpy as np

from serving.offer import Offer, nothing, scored
from serving.recommender import Known, Recommender

NAME = "nearest"
# 10 % of random pairs of Online Retail's titles are nearer than .30 and 1 % than .50; an item's 20th nearest is at .51
LEAST = 0.45


def offer(known: Known, count: int) -> Offer:
    """Items whose title vectors are nearest to the session vector, those of this visit left out."""
    vectors, here = known.vectors, known.session_vector
    if vectors is None or here is None or count <= 0:
        return nothing(NAME)
    nearness = vectors.nearness(here)
    seen = set(known.session)
    wanted = min(len(nearness), count + len(seen))
    some = np.argpartition(-nearness, wanted - 1)[:wanted] if wanted < len(nearness) else np.arange(wanted)
    best = sorted(zip((-nearness[some]).tolist(), some.tolist(), strict=True))
    because = known.session[0] if known.session else None
    near = [(vectors.item_ids[n], -away) for away, n in best if -away >= LEAST]
    others = [one for one in near if one[0] not in seen]
    return scored(NAME, known.codes, others[:count], because)


RECOMMENDER = Recommender(
    name=NAME,
    tier=9,
    personal=True,
    offer=offer,
    explain="Similar to what you are looking at.",
    needs="titles",
    located=True,
    fills=True,
    relation="similar",
)
