"""What shoppers of this item ended up buying."""

from __future__ import annotations

from serving.ranking.links import linked
from serving.ranking.table import SESSION_ITEMS
from serving.recommender import Candidate, Known, Recommender

NAME = "also_bought"


def candidates(known: Known, count: int) -> list[Candidate]:
    """What was bought by shoppers who had looked at, or bought before, the items of this visit."""
    here, ids = known.session[:SESSION_ITEMS], known.codes.ids
    rows = [known.rows.get(item_id) for item_id in here]
    ranked = linked(rows, lambda row: row.bought, now=known.now, count=count, shown=known.shown)
    return [
        Candidate(ids[code], score, NAME, here[place])
        for code, score, place in zip(ranked.codes, ranked.scores, ranked.because, strict=True)
    ]


RECOMMENDER = Recommender(
    name=NAME,
    tier=0,
    personal=True,
    candidates=candidates,
    explain="Shoppers who looked at this ended up buying that.",
    relation="bought_after",
    needs="orders",
)
