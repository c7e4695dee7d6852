"""What is popular in the category of the visit's last item."""

from __future__ import annotations

from serving.offer import Offer, listed, nothing
from serving.ranking.top import EMPTY
from serving.recommender import Known, Recommender

NAME = "category_popular"


def offer(known: Known, count: int) -> Offer:
    """What is popular in the category of the newest item that has one."""
    for item_id in known.session:
        category = known.category_of.get(item_id)
        if category is not None:
            popular = known.popular_in.get(category, EMPTY)
            return listed(NAME, popular.without(known.codes.code(item_id))[:count], item_id)
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
