"""What usually follows the items of this visit."""

from __future__ import annotations

from serving.ranking.table import SESSION_ITEMS, rank
from serving.recommender import Candidate, Known, Recommender

NAME = "session_table"


def candidates(known: Known, count: int) -> list[Candidate]:
    """The best items by the table score, with the item that added most to each."""
    here, earlier, rows = known.session[:SESSION_ITEMS], known.earlier, known.rows
    ranked = rank(
        [rows.get(item_id) for item_id in here],
        [rows.get(item_id) for item_id in earlier],
        now=known.now,
        count=count,
        shown=known.shown,
    )
    sources, ids = [*here, *earlier, None], known.codes.ids  # None is at -1
    return [
        Candidate(ids[code], score, NAME, sources[place], sources[also])
        for code, score, place, also in zip(ranked.codes, ranked.scores, ranked.because, ranked.also, strict=True)
    ]


RECOMMENDER = Recommender(
    name=NAME,
    tier=2,
    personal=True,
    candidates=candidates,
    explain="Shoppers who looked at this went on to that.",
    needs="views",
    relation="viewed_next",
)
