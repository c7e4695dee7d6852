"""From many generators' candidates to one order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from serving.candidate import Candidate


def merge(offers: Iterable[Sequence[Candidate]], tiers: Mapping[str, int]) -> list[Candidate]:
    """Every item once, best first: by its generator's tier, then by score; of equal ones the first offered.

    Scores of different generators are not comparable, so two generators share a tier only if theirs are.
    """
    ordered = sorted((c for offer in offers for c in offer), key=lambda c: (tiers[c.recommender], -c.score))
    best: dict[str, Candidate] = {}
    for candidate in ordered:
        best.setdefault(candidate.item_id, candidate)
    return list(best.values())
