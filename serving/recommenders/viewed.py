"""The items that the visitor looked at last, newest first."""

from __future__ import annotations

from serving.recommender import Candidate, Known, Recommender

NAME = "viewed"


def candidates(known: Known, count: int) -> list[Candidate]:
    """The items as they were viewed."""
    return [Candidate(item_id, 1.0 / (1 + place), NAME, item_id) for place, item_id in enumerate(known.viewed[:count])]


RECOMMENDER = Recommender(
    name=NAME,
    tier=13,
    personal=True,
    candidates=candidates,
    explain="You looked at this lately.",
    needs="visitors",
    relation="itself",
)
