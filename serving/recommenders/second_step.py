"""What follows the items that follow those of this visit: one step further, where the table has too little to say."""

from __future__ import annotations

from serving.offer import Offer
from serving.ranking.table import further
from serving.recommender import Known, Recommender

NAME = "second_step"
VISITED = 3


def offer(known: Known, count: int) -> Offer:
    """The best neighbours of the neighbours of the visit's newest items, with the visit's item that led there."""
    here, ids = known.session[:VISITED], known.codes.ids
    ranked = further(
        [known.rows.get(item_id) for item_id in here],
        lambda code: known.row_of(ids[code]),
        now=known.now,
        count=count,
        shown=known.shown,
    )
    return Offer(NAME, ranked, here)


RECOMMENDER = Recommender(
    name=NAME,
    tier=7,
    personal=True,
    offer=offer,
    needs="views",
    fills=True,
    explain="Shoppers who went on from this to something else went on to that.",
    relation="one_step_further",
)
