"""What is bought together with this item."""

from __future__ import annotations

from serving.ranking.links import linked
from serving.ranking.table import SESSION_ITEMS
from serving.recommender import Candidate, Known, Recommender

NAME = "bought_together"


def candidates(known: Known, count: int) -> list[Candidate]:
    """What was in one cart or order with the items of this visit."""
    here, ids = known.session[:SESSION_ITEMS], known.codes.ids
    rows = [known.rows.get(item_id) for item_id in here]
    ranked = linked(rows, lambda row: row.together, now=known.now, count=count, shown=known.shown)
    return [
        Candidate(ids[code], score, NAME, here[place])
        for code, score, place in zip(ranked.codes, ranked.scores, ranked.because, strict=True)
    ]


RECOMMENDER = Recommender(
    name=NAME,
    tier=1,
    personal=True,
    candidates=candidates,
    explain="Often bought together with this.",
    relation="bought_together",
    needs="pairs",
)
