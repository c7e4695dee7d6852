"""What is bought together with this item."""

from __future__ import annotations

from serving.offer import Offer
from serving.ranking.links import linked
from serving.ranking.table import SESSION_ITEMS
from serving.recommender import Known, Recommender

NAME = "bought_together"


def offer(known: Known, count: int) -> Offer:
    """What was in one cart or order with the items of this visit."""
    here = known.session[:SESSION_ITEMS]
    rows = [known.rows.get(item_id) for item_id in here]
    ranked = linked(rows, lambda row: row.together, now=known.now, count=count, shown=known.shown)
    return Offer(NAME, ranked, here)


RECOMMENDER = Recommender(
    name=NAME,
    tier=1,
    personal=True,
    offer=offer,
    explain="Often bought together with this.",
    relation="bought_together",
    needs="pairs",
)
