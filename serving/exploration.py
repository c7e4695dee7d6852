"""Exploration: now and then one place of a shelf goes to an item that few have seen, by a draw of known probability.

With probability e the item at a place s, uniform among the S places after the first that no rule pins, gives way to a
new item x, drawn with probability q(x). So at each of these places the item of the order stands with probability
1 - e/S, and x with e/S · q(x): these are the propensities on record, exact for the shelf as it is shown, which is why
the draw comes after everything else. The draw is a hash of the visitor's pseudonym, their newest event and the
placement: as long as nothing happened, nothing changes.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from serving.candidates import session_vector
from serving.decision import Explored, Shown
from serving.newcomers import Newcomers, Uniforms
from serving.ranking.learnt import Ranking
from serving.slate import cursor
from serving.slate.slate import Slate
from serving.stage import Context

Codes = NDArray[np.int32]
RECOMMENDER = "exploration"
NOBODY = np.zeros(0, np.int32)
NEAR = 3.0
ALIKE = math.exp(NEAR)
"""A new item whose title is like the visit's is e³ times as likely as one that has nothing to do with it."""
SESSION_ITEMS = 5
_THREE = struct.Struct(">3Q").unpack


class Draw(NamedTuple):
    """What a seed says: whether and where in [0, 1), and the seed of the race."""

    whether: float
    where: float
    race: int


def draw(pid: str, event_id: str, placement: str) -> Draw:
    """The draw of a visitor after their newest event, for a placement."""
    drawn = blake2b(f"{pid}\0{event_id}\0{placement}".encode(), digest_size=24).digest()
    whether, where, race = _THREE(drawn)
    return Draw((whether >> 11) * 2.0**-53, (where >> 11) * 2.0**-53, race)


def beside(context: Context) -> Codes:
    """The codes of the new items of which one may come onto the shelf: those a model has to be told of, too."""
    drawn, explore = _drawn(context), context.placement.explore
    if drawn is None or explore is None or drawn.whether >= explore.share * context.request.n:
        return NOBODY
    return context.shop.newcomers.codes


def _drawn(context: Context) -> Draw | None:
    """The draw for this shelf; None without a pseudonym, or where not everything could be read."""
    snapshot = context.snapshot
    if context.placement.explore is None or snapshot.visitor is None or not snapshot.pid or snapshot.degraded:
        return None
    last = snapshot.visitor.last
    return draw(snapshot.pid, last.event_id if last else "", context.placement.name)


def explored(slate: Slate, context: Context, ranking: Ranking | None) -> tuple[list[Shown], Explored | None]:
    """The shelf with or without a new item in it, and with which probability; None where nothing could be drawn.

    Nothing is drawn without a pseudonym: nobody is shown a decision that is made again, or of a history.
    `ranking` is what a model ordered the shelf by.
    """
    items, explore, places = slate.items, context.placement.explore, _places(slate)
    drawn = _drawn(context)
    if explore is None or drawn is None or not places:
        return items, None
    new, lets = context.shop.newcomers, _lets(slate, context)
    share = min(1.0, explore.share * len(items))
    if not share or not any(map(lets, new.item_ids)):
        return items, None
    usual = 1.0 - share / len(places)
    if drawn.whether >= share:
        return items, Explored(usual, places)
    place = places[int(drawn.where * len(places))]
    item_id, chance = _winner(new, drawn.race, lets, context)
    gone = items[place]
    features = "" if ranking is None else ranking.choices([gone.item_id]).packed()
    shown = Shown(item_id, gone.score, RECOMMENDER, None, None)
    told = Explored(usual, places, place, share / len(places) * chance, gone, features)
    return [*items[:place], shown, *items[place + 1 :]], told


def _places(slate: Slate) -> Sequence[int]:
    """Where a new item may stand: after the first, and where no rule has pinned another."""
    pinned = slate.pinned
    places = range(1, len(slate.items))
    return [n for n in places if slate.items[n].item_id not in pinned] if pinned else places


def _lets(slate: Slate, context: Context) -> Callable[[str], bool]:
    """Whether an item might stand on this shelf, and has not stood on a page before."""
    if not context.request.after:
        return slate.lets
    before, shop = frozenset(context.request.after), context.shop
    return lambda item_id: cursor.code(item_id, shop) not in before and slate.lets(item_id)


def _winner(new: Newcomers, race: int, lets: Callable[[str], bool], context: Context) -> tuple[str, float]:
    """The new item that is drawn, and with which probability."""
    weights = np.where([lets(item_id) for item_id in new.item_ids], _weights(new, context), 0.0)
    with np.errstate(divide="ignore"):
        first = int(np.argmin(new.arrivals(race) / weights))
    return new.item_ids[first], float(weights[first] / weights.sum())


def _weights(new: Newcomers, context: Context) -> Uniforms:
    """By title where both are known, else by category; all alike for a visit that says neither."""
    here = session_vector(context.snapshot, context.placement)
    if here is not None:
        near: Uniforms = np.exp(NEAR * (new.matrix @ here).astype(np.float64))
        return near
    category_of = context.shop.category_of
    seen = {category_of.get(item_id) for item_id in context.snapshot.visit.session[:SESSION_ITEMS]} - {None}
    return np.array([ALIKE if category in seen else 1.0 for category in new.categories])
