"""What many shoppers look at now, above all what they look at more than they did."""

from __future__ import annotations

from serving.recommender import Candidate, Known, Recommender

NAME = "trending"


def candidates(known: Known, count: int) -> list[Candidate]:
    """Popular items, those that are rising before those that are not."""
    return [Candidate(item_id, score, NAME) for item_id, score in known.lists.get("rising", ())[:count]]


RECOMMENDER = Recommender(
    name=NAME,
    tier=10,
    personal=False,
    candidates=candidates,
    explain="More and more shoppers are looking at this now.",
    needs="views",
)
