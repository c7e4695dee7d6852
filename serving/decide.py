"""The decision: a pure function of a request, a snapshot of state, a placement, a clock and a seed.

```
recommenders, tier by tier ─▶ what must not be shown goes ─▶ the policy without evidence ─▶ positions, reasons
```
Rules on stock and on what the visitor has are applied here, to live values, and to what fills up, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import islice
from random import Random
from typing import Any

import numpy as np
from msgspec import Struct

from serving.decision import Decision, Fresh, Rung, Shown, Status, shown
from serving.placement import Placement
from serving.ranking.order import merge
from serving.ranking.table import Row
from serving.recommender import Candidate, Known, Recommender
from serving.recommenders import recommenders
from serving.request import Request, Visit
from serving.shop import NEWEST, Shop
from stream import vectors
from stream.visitor import SIGNALS, VisitorBase

NONCE_BYTES = 6
SESSION_SHARE = np.float32(0.3)
EXPLAINED = 200
NEAREST = "nearest"
_OF_TITLES = frozenset({NEAREST, NEWEST})
OTHERS = "What you did on your other devices, where you are logged in."


class Snapshot(Struct, frozen=True, gc=False):
    """What was read for one request.

    Attributes
    ----------
    visitor: the visitor's value, None without one or without the consent to use it.
    pid: the visitor's pseudonym, empty where `visitor` is None.
    asked_for_somebody: whether the request named a visitor at all.
    visit: where the visitor is.
    rows: parsed rows of the visit's items, those that exist.
    vector: the session vector as it lies in Redis.
    shop: what is shared: live items, popularity, vectors.
    met: whether the freshness that was asked for was reached.
    degraded: whether something could not be read.
    models: what live models say, for `explain`.
    """

    visitor: VisitorBase | None
    pid: str
    asked_for_somebody: bool
    visit: Visit
    rows: dict[str, Row]
    vector: bytes | None
    shop: Shop
    met: bool | None = None
    degraded: bool = False
    models: dict[str, Any] = {}


def decide(
    request: Request, snapshot: Snapshot, placement: Placement, variation: str, now: int, rng: Random
) -> Decision:
    """Choose what `request` is answered at `now` (ms)."""
    choice = _Choice(snapshot, request.n, now)
    known = _known(snapshot, now)
    count = request.n + len(snapshot.visit.hidden)
    for candidates in _offers(known, placement, count, lambda known: _located(known, snapshot, placement)):
        if choice.take(candidates):
            break
    evident = len(choice.items)
    if placement.evidence == "popular" and evident < request.n:
        choice.take(snapshot.shop.fallback)
    return Decision(
        placement=placement.name,
        variation=variation,
        status=_status(request, snapshot, evident, len(choice.items)),
        rung=_rung(snapshot, choice.items),
        at=now,
        pid=snapshot.pid,
        nonce=rng.randbytes(NONCE_BYTES),
        fresh=_fresh(snapshot, now),
        items=choice.items,
        candidates=len(choice.offered),
        explain=_explained(choice, snapshot, placement) if request.explain else None,
    )


class _Choice:
    """Items taken one by one, until there are enough."""

    def __init__(self, snapshot: Snapshot, wanted: int, now: int) -> None:
        self.items: list[Shown] = []
        self.offered: dict[str, Candidate] = {}
        self.refused: dict[str, str] = {}
        self._snapshot, self._wanted, self._now = snapshot, wanted, now

    def take(self, candidates: Iterable[Candidate]) -> bool:
        """Take those that may be shown; whether there are enough now.

        What is taken later ranks lower, so its scores, which are another generator's, are scaled to lie below.
        """
        items, offered, wanted, now = self.items, self.offered, self._wanted, self._now
        hidden, reasons = self._snapshot.visit.hidden, self._snapshot.visit.reasons
        sellable, lowest = self._snapshot.shop.sellable, items[-1].score if items else 0.0
        factor = 0.0
        for candidate in candidates:
            if len(items) >= wanted:
                break
            item_id = candidate.item_id
            if item_id in offered:
                continue
            offered[item_id] = candidate
            if item_id in hidden:
                self.refused[item_id] = hidden[item_id]
            elif sellable(item_id, now):
                factor = factor or _factor(candidate.score, lowest)
                items.append(shown(candidate, factor, reasons))
            else:
                self.refused[item_id] = "not_sold_now"
        return len(items) >= wanted


def _factor(highest: float, lowest: float) -> float:
    """What scores from `highest` down are multiplied by to lie at or below `lowest` (0: nothing was taken before)."""
    return lowest / highest if 0.0 < lowest < highest else 1.0


@cache
def _tiers(names: tuple[str, ...]) -> tuple[tuple[Recommender, ...], ...]:
    """The named generators by tier, lowest first."""
    chosen = [recommenders()[name] for name in names]
    tiers = sorted({one.tier for one in chosen})
    return tuple(tuple(one for one in chosen if one.tier == tier) for tier in tiers)


def _offers(
    known: Known, placement: Placement, count: int, located: Callable[[Known], Known]
) -> Iterator[list[Candidate]]:
    """Candidates tier by tier; a tier is only asked if those before it did not fill the shelf.

    Where the visit is among titles is only found out (`located`) if it comes to that.
    """
    for tier in _tiers(placement.recommenders):
        known = located(known) if any(one.name == NEAREST for one in tier) else known
        offers = [one.candidates(known, count) for one in tier]
        yield offers[0] if len(offers) == 1 else merge(offers, {one.name: one.tier for one in tier})


def _known(snapshot: Snapshot, now: int) -> Known:
    shop, visit = snapshot.shop, snapshot.visit
    return Known(
        now=now,
        session=visit.session,
        earlier=visit.earlier,
        viewed=visit.viewed,
        codes=shop.codes,
        rows=snapshot.rows,
        popular=shop.popular,
        popular_in=shop.popular_in,
        category_of=shop.category_of,
        shown=shop.shown,
    )


def _located(known: Known, snapshot: Snapshot, placement: Placement) -> Known:
    here = _session_vector(snapshot, placement)
    return known if here is None else replace(known, vectors=snapshot.shop.vectors, session_vector=here)


def _session_vector(snapshot: Snapshot, placement: Placement) -> vectors.Vector | None:
    """Where the visit is among titles; on a product page near its item, drawn a little to where the visit was."""
    visit, shop = snapshot.visit, snapshot.shop
    stored = vectors.unpack(snapshot.vector) if visit.steps else None
    if stored is None and visit.steps:
        stored = vectors.session_vector(visit.steps, shop.vector_of)
    page = shop.vector_of(visit.session[0]) if placement.page and visit.session else None
    if page is None or stored is None:
        return stored if page is None else page
    drawn: vectors.Vector = page + SESSION_SHARE * stored
    drawn /= np.sqrt(drawn @ drawn)
    return drawn


def _status(request: Request, snapshot: Snapshot, evident: int, total: int) -> Status:
    if snapshot.degraded:
        return "degraded"
    if snapshot.asked_for_somebody and snapshot.visitor is None:
        return "no_consent"
    if not total:
        return "insufficient_data"
    return "ok" if evident or not request.n else "fallback"


def _rung(snapshot: Snapshot, items: Sequence[Shown]) -> Rung:
    if not snapshot.degraded:
        return "live"
    if not items:
        return "empty"
    if snapshot.visitor is not None:
        return "partial"
    return "catalogue" if all(one.recommender in _OF_TITLES for one in items) else "local"


def _fresh(snapshot: Snapshot, now: int) -> Fresh:
    visitor: Any = snapshot.visitor
    if visitor is None or visitor.last is None:
        return Fresh(met=snapshot.met)
    return Fresh(visitor.last.at, max(0, now - visitor.last.at), snapshot.met)


def _explained(choice: _Choice, snapshot: Snapshot, placement: Placement) -> dict[str, Any]:
    """What a shop, or a shopper, may want to know of a decision."""
    names = dict.fromkeys((*placement.recommenders, *(one.recommender for one in choice.items)))
    found = recommenders()
    return {
        "placement": placement.explain,
        "recommenders": {name: found[name].explain for name in names if name in found},
        "candidates": [
            {
                "item_id": one.item_id,
                "score": one.score,
                "recommender": one.recommender,
                "because_item_id": one.because_item_id,
                "refused": choice.refused.get(one.item_id),
            }
            for one in islice(choice.offered.values(), EXPLAINED)
        ],
        "signals": _signals(snapshot),
        "session": {"items": snapshot.visit.session, "steps": len(snapshot.visit.steps)},
        "models": snapshot.models,
    }


def _signals(snapshot: Snapshot) -> dict[str, str]:
    """What of the visitor's value holds anything, in one sentence each."""
    if snapshot.visitor is None:
        return {}
    found = {one.name: one.explain for one in SIGNALS if one.of(snapshot.visitor) != one.state()}
    return found | ({"customer": OTHERS} if snapshot.visit.others else {})
