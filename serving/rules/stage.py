"""The stage of rules: boosts and buries reorder the candidates. Filters, pins and caps are the slate's."""

from __future__ import annotations

from serving.candidate import Candidate
from serving.stage import Context


def applies(context: Context) -> bool:
    """Whether a rule that acts boosts or buries."""
    return context.acting is not None and bool(context.acting.bits)


def stage(candidates: list[Candidate], context: Context) -> list[Candidate]:
    """The candidates in the order that the acting rules want."""
    acting = context.acting
    if acting is None:
        return candidates
    return acting.boosts.applied(candidates, context.shop, acting.bits)
