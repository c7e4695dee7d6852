"""What many shoppers look at now."""

from __future__ import annotations

from serving.recommender import Candidate, Known, Recommender

NAME = "popular"


def candidates(known: Known, count: int) -> list[Candidate]:
    """The most popular items."""
    return [Candidate(item_id, score, NAME) for item_id, score in known.popular[:count]]


RECOMMENDER = Recommender(
    name=NAME,
    tier=12,
    personal=False,
    candidates=candidates,
    explain="Many shoppers are looking at this now.",
    needs="views",
)
