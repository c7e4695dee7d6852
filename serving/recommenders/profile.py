"""What is popular, above all where this visitor looked and bought in earlier visits: for a visit's beginning."""

from __future__ import annotations

from collections import defaultdict
from math import exp

from serving.offer import Offer, nothing, reasoned
from serving.recommender import Known, Recommender

NAME = "profile"
PLACE = 30.0
CATEGORIES = 5
POPULAR = 60
STRANGER = 30.0
BRAND = 1.0
LEAST_RATE = 1e-9


def offer(known: Known, count: int) -> Offer:
    """Popular items, those oftener that are of the categories and brands that the visitor knows.

    How many of the visitor's items are of a category is weighed against the category's share of what is popular, as if
    the visitor had looked at `STRANGER` more items like everybody (a Dirichlet prior); scores are shares. Only as long
    as the visit has no item of its own: from then on that says more.
    """
    if known.session or not known.earlier:
        return nothing(NAME)
    categories, brands, reason = _looked_at(known)
    if not categories:
        return nothing(NAME)
    scores = {item_id: (STRANGER * rate, "") for item_id, rate in known.popular[:POPULAR]}
    total = sum(rate for _, rate in known.popular)
    for category in sorted(categories, key=lambda one: (-categories[one], one))[:CATEGORIES]:
        popular = known.popular_in.get(category, ())
        lift = STRANGER + categories[category] * total / max(sum(rate for _, rate in popular), LEAST_RATE)
        scores.update({item_id: (lift * rate, reason[category]) for item_id, rate in popular})
    liked = {
        item_id: score * (1.0 + BRAND * brands.get(known.brand_of.get(item_id, ""), 0.0))
        for item_id, (score, _) in scores.items()
    }
    whole = max(sum(liked.values()), LEAST_RATE)
    best = sorted(liked, key=lambda item_id: (-liked[item_id], item_id))[:count]
    items = ((item_id, liked[item_id] / whole, scores[item_id][1] or None) for item_id in best)
    return reasoned(NAME, known.codes, items)


def _looked_at(known: Known) -> tuple[dict[str, float], dict[str, float], dict[str, str]]:
    """How many items of each category, which share of each brand, and each category's newest item."""
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
    branded = sum(brands.values())
    return categories, {brand: share / branded for brand, share in brands.items()}, reason


RECOMMENDER = Recommender(
    name=NAME,
    tier=3,
    personal=True,
    offer=offer,
    explain="Popular now, above all where you looked around in earlier visits.",
    relation="same_category",
    needs="categories",
)
