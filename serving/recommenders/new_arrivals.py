"""What is new in the shop, above all where this visit looks around."""

from __future__ import annotations

from serving.offer import Offer, reasoned
from serving.recommender import Known, Recommender

NAME = "new_arrivals"
AGE_MS = 30 * 86_400_000


def offer(known: Known, count: int) -> Offer:
    """Items of the last 30 days, newest first, those of the visit's categories before all others.

    A score is what is left of the 30 days, and one more in a category of the visit.
    """
    categories: dict[str, str] = {}
    for item_id in known.session:
        category = known.category_of.get(item_id)
        if category is not None:
            categories.setdefault(category, item_id)
    found = []
    for item_id, since in known.lists.get("newest", ()):
        left = 1.0 - (known.now - since) / AGE_MS
        if left > 0.0 and item_id not in known.session:
            because = categories.get(known.category_of.get(item_id, ""))
            found.append((item_id, min(left, 1.0) + (because is not None), because))
    found.sort(key=lambda one: -one[1])
    return reasoned(NAME, known.codes, found[:count])


RECOMMENDER = Recommender(
    name=NAME,
    tier=11,
    personal=True,
    offer=offer,
    explain="New in the shop.",
    relation="same_category",
    needs="titles",
)
