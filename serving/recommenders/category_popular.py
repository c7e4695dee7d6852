"""What is popular in the category of the visit's last item."""

from __future__ import annotations

from serving.offer import Offer, nothing, scored
from serving.recommender import Known, Recommender

NAME = "category_popular"


def offer(known: Known, count: int) -> Offer:
    """What is popular in the category of the newest item that has one."""
    for item_id in known.session:
        category = known.category_of.get(item_id)
        if category is not None:
            popular = known.popular_in.get(category, ())
            others = [one for one in popular[: count + 1] if one[0] != item_id]
            return scored(NAME, known.codes, others[:count], item_id)
    return nothing(NAME)


RECOMMENDER = Recommender(
    name=NAME,
    tier=6,
    personal=True,
    offer=offer,
    explain="Popular now in the category that you are looking at.",
    needs="categories",
    relation="same_category",
)
