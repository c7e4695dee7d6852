"""What usually follows the items of this visit."""

from __future__ import annotations

from serving.offer import Offer
from serving.ranking.table import SESSION_ITEMS, rank
from serving.recommender import Known, Recommender

NAME = "session_table"


def offer(known: Known, count: int) -> Offer:
    """The best items by the table score, with the item that added most to each."""
    here, earlier, rows = known.session[:SESSION_ITEMS], known.earlier, known.rows
    ranked = rank(
        [rows.get(item_id) for item_id in here],
        [rows.get(item_id) for item_id in earlier],
        now=known.now,
        count=count,
        shown=known.shown,
    )
    return Offer(NAME, ranked, [*here, *earlier])


RECOMMENDER = Recommender(
    name=NAME,
    tier=2,
    personal=True,
    offer=offer,
    explain="Shoppers who looked at this went on to that.",
    needs="views",
    relation="viewed_next",
)
