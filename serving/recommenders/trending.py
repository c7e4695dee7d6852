"""What many shoppers look at now, above all what they look at more than they did."""

from __future__ import annotations

from serving.offer import Offer, scored
from serving.recommender import Known, Recommender

NAME = "trending"


def offer(known: Known, count: int) -> Offer:
    """Popular items, those that are rising before those that are not."""
    return scored(NAME, known.codes, known.lists.get("rising", ())[:count])


RECOMMENDER = Recommender(
    name=NAME,
    tier=10,
    personal=False,
    offer=offer,
    explain="More and more shoppers are looking at this now.",
    needs="views",
)
