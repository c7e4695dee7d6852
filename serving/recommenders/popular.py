"""What many shoppers look at now."""

from __future__ import annotations

from serving.offer import Offer, listed
from serving.recommender import Known, Recommender

NAME = "popular"


def offer(known: Known, count: int) -> Offer:
    """The most popular items."""
    return listed(NAME, known.popular[:count])


RECOMMENDER = Recommender(
    name=NAME,
    tier=12,
    personal=False,
    offer=offer,
    explain="Many shoppers are looking at this now.",
    needs="views",
)
