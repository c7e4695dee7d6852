"""The stage of rules: boosts and buries reorder the candidates. Filters, pins and caps are the slate's."""

from __future__ import annotations

from serving.recommender import Candidate
from serving.stage import Context


def stage(candidates: list[Candidate], context: Context) -> list[Candidate]:
    """The candidates in the order that the acting rules want."""
    acting = context.acting
    if acting is None or not acting.bits:
        return candidates
    return acting.boosts.applied(candidates, context.shop, acting.bits)
