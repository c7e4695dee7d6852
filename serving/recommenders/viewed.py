"""The items that the visitor looked at last, newest first."""

from __future__ import annotations

from serving.offer import Offer, reasoned
from serving.recommender import Known, Recommender

NAME = "viewed"


def offer(known: Known, count: int) -> Offer:
    """The items as they were viewed."""
    items = ((item_id, 1.0 / (1 + place), item_id) for place, item_id in enumerate(known.viewed[:count]))
    return reasoned(NAME, known.codes, items)


RECOMMENDER = Recommender(
    name=NAME,
    tier=13,
    personal=True,
    offer=offer,
    explain="You looked at this lately.",
    needs="visitors",
    relation="itself",
)
