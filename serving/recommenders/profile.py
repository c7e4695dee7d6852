"""What is popular where this visitor looked and bought in earlier visits: a visit that has just begun."""

from __future__ import annotations

from collections import defaultdict
from math import exp

from serving.recommender import Candidate, Known, Recommender

NAME = "profile"
PLACE = 10.0
CATEGORIES = 8
BRAND = 1.0


def candidates(known: Known, count: int) -> list[Candidate]:
    """Popular items of the categories that the visitor knows, by how much of what they know is of each, and its brand.

    Only as long as the visit has no item of its own: from then on that says more.
    """
    if known.session or not known.earlier:
        return []
    categories, brands, reason = _affinities(known)
    scores: dict[str, tuple[float, str]] = {}
    for category in sorted(categories, key=lambda one: (-categories[one], one))[:CATEGORIES]:
        popular = known.popular_in.get(category, ())
        rates = sum(rate for _, rate in popular)
        for item_id, rate in popular:
            liked = 1.0 + BRAND * brands.get(known.brand_of.get(item_id, ""), 0.0)
            scores[item_id] = categories[category] * rate / rates * liked, reason[category]
    best = sorted(scores, key=lambda item_id: (-scores[item_id][0], item_id))[:count]
    return [Candidate(item_id, scores[item_id][0], NAME, scores[item_id][1]) for item_id in best]


def _affinities(known: Known) -> tuple[dict[str, float], dict[str, float], dict[str, str]]:
    """Shares of the categories and of the brands in what was seen earlier, and each category's newest item."""
    categories: defaultdict[str, float] = defaultdict(float)
    brands: defaultdict[str, float] = defaultdict(float)
    reason: dict[str, str] = {}
    for place, item_id in enumerate(known.earlier):
        share = exp(-place / PLACE)
        category, brand = known.category_of.get(item_id), known.brand_of.get(item_id)
        if category:
            categories[category] += share
            reason.setdefault(category, item_id)
        if brand:
            brands[brand] += share
    return _shares(categories), _shares(brands), reason


def _shares(weights: dict[str, float]) -> dict[str, float]:
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


RECOMMENDER = Recommender(
    name=NAME,
    tier=2,
    personal=True,
    candidates=candidates,
    explain="Popular now where you looked around in earlier visits.",
    needs="categories",
)
