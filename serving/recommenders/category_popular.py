"""What is popular in the category of the visit's last item."""

from __future__ import annotations

from serving.recommender import Candidate, Known, Recommender

NAME = "category_popular"


def candidates(known: Known, count: int) -> list[Candidate]:
    """What is popular in the category of the newest item that has one."""
    for item_id in known.session:
        category = known.category_of.get(item_id)
        if category is not None:
            popular = known.popular_in.get(category, ())
            return [Candidate(other, score, NAME, item_id) for other, score in popular if other != item_id][:count]
    return []


RECOMMENDER = Recommender(
    name=NAME,
    tier=6,
    personal=True,
    candidates=candidates,
    explain="Popular now in the category that you are looking at.",
    needs="categories",
    relation="same_category",
)
