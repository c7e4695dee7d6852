"""What shoppers of this item ended up buying."""

from __future__ import annotations

from serving.offer import Offer
from serving.ranking.links import linked
from serving.ranking.table import SESSION_ITEMS
from serving.recommender import Known, Recommender

NAME = "also_bought"


def offer(known: Known, count: int) -> Offer:
    """What was bought by shoppers who had looked at, or bought before, the items of this visit."""
    here = known.session[:SESSION_ITEMS]
    rows = [known.rows.get(item_id) for item_id in here]
    ranked = linked(rows, lambda row: row.bought, now=known.now, count=count, shown=known.shown)
    return Offer(NAME, ranked, here)


RECOMMENDER = Recommender(
    name=NAME,
    tier=0,
    personal=True,
    offer=offer,
    explain="Shoppers who looked at this ended up buying that.",
    relation="bought_after",
    needs="orders",
)
