"""Exploration among results: now and then one place of a page goes to a match further down, by a draw on record.

As on shelves (`serving/exploration.py`): with probability e the item at a place s, uniform among the S places after the
first that nobody has pinned, gives way to a match x, drawn uniformly among the `POOL` next ones. So at each of these
places the item of the order stands with probability 1 - e/S, and x with e/S/POOL.
"""

from __future__ import annotations

from collections.abc import Sequence

from serving.decision import Explored, Shown
from serving.exploration import RECOMMENDER, draw
from serving.search.question import SEARCH
from serving.stage import Snapshot

POOL = 40
_TWO_64 = 2.0**-64


def explored(
    items: list[Shown], pinned: Sequence[str], pool: Sequence[str], query: str, snapshot: Snapshot
) -> tuple[list[Shown], Explored | None]:
    """The page with or without a match of `pool` in it, and with which probability; None where nothing was drawn."""
    places = [place for place in range(1, len(items)) if items[place].item_id not in pinned]
    explore, visitor = SEARCH.explore, snapshot.visitor
    if explore is None or visitor is None or not snapshot.pid or snapshot.degraded or not places or not pool:
        return items, None
    share = min(1.0, explore.share * len(items))
    usual = 1.0 - share / len(places)
    drawn = draw(snapshot.pid, visitor.last.event_id if visitor.last else "", f"{SEARCH.name}\0{query}")
    if drawn.whether >= share:
        return items, Explored(usual, places)
    place = places[int(drawn.where * len(places))]
    item_id, gone = pool[int((drawn.race & (1 << 64) - 1) * _TWO_64 * len(pool))], items[place]
    shown = Shown(item_id, gone.score, RECOMMENDER, None, None)
    told = Explored(usual, places, place, share / len(places) / len(pool), gone)
    return [*items[:place], shown, *items[place + 1 :]], told
