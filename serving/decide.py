"""The decision: a pure function of a request, a snapshot of state, a placement, a clock and a seed.

```
recommenders, tier by tier ─▶ what must not be shown goes ─▶ the policy without evidence ─▶ positions, reasons
```
Rules on stock and on what the visitor has are applied here, to live values, and to what fills up, too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import islice
from random import Random
from typing import Any

import numpy as np
from msgspec import Struct

from serving.decision import Decision, Fresh, Rung, Shown, Status, shown
from serving.filters.rule import both
from serving.placement import Placement
from serving.ranking.order import merge
from serving.ranking.table import Row
from serving.recommender import Candidate, Known, Recommender
from serving.recommenders import recommenders
from serving.request import Request, Visit
from serving.shop import NEWEST, Selection, Shop
from stream import vectors
from stream.visitor import SIGNALS, VisitorBase

NONCE_BYTES = 6
SESSION_SHARE = np.float32(0.3)
EXPLAINED = 200
VARIANTS = 3
OF_THE_CATALOGUE = frozenset({"similar", "nearest", NEWEST})
OFF = "This placement is switched off."
OTHERS = "What you did on your other devices, where you are logged in."


class Snapshot(Struct, frozen=True, gc=False):
    """What was read for one request.

    Attributes
    ----------
    visitor: the visitor's value, None without one or without the consent to use it.
    pid: the visitor's pseudonym, empty where `visitor` is None.
    asked_for_somebody: whether the request named a visitor at all.
    visit: where the visitor is.
    rows: parsed rows of the visit's items, those that exist; `row_of` gives any that this process has read.
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
    row_of: Callable[[str], Row | None] = lambda _: None
    met: bool | None = None
    degraded: bool = False
    models: dict[str, Any] = {}


def decide(
    request: Request,
    snapshot: Snapshot,
    placement: Placement,
    variation: str,
    now: int,
    rng: Random,
    *,
    above: Collection[str] = (),
) -> Decision:
    """Choose what `request` is answered at `now` (ms); `above` is what the same page shows already."""
    shop = snapshot.shop
    rule = both(placement.rule, request.rule) if placement.rule and request.rule else placement.rule or request.rule
    within = None if rule is None else shop.within(rule)
    own = snapshot.visit.session if placement.cart else ()
    choice = _Choice(request.n, snapshot, within, now, above, (*request.item_ids, *above, *own))
    evident = 0
    if placement.enabled:
        _fill(choice, request, snapshot, placement, within or shop, now, above)
        evident = len(choice.items)
        if placement.evidence == "popular" and evident < request.n:
            choice.take((within or shop).fallback)
    return Decision(
        placement=placement.name,
        variation=variation,
        status=_status(snapshot, placement, evident, len(choice.items)),
        rung=_rung(snapshot, choice.items),
        at=now,
        pid=snapshot.pid,
        nonce=rng.randbytes(NONCE_BYTES),
        fresh=_fresh(snapshot, now),
        items=choice.items,
        candidates=len(choice.offered),
        explain=_explained(choice, snapshot, placement) if request.explain else None,
    )


def _fill(
    choice: _Choice,
    request: Request,
    snapshot: Snapshot,
    placement: Placement,
    within: Shop | Selection,
    now: int,
    above: Collection[str],
) -> None:
    """Take what the generators offer; where items have variants more of them are asked for, as most will be left."""
    count = request.n + len(snapshot.visit.hidden) + len(above)
    count *= VARIANTS if snapshot.shop.grouped else 1
    known = _known(snapshot, within, now)
    for candidates in _offers(known, placement, count, lambda known: _located(known, snapshot, placement, within)):
        if choice.take(candidates):
            return


class _Choice:
    """Items taken one by one, until there are `wanted`; variants of `alike` are not."""

    def __init__(
        self,
        wanted: int,
        snapshot: Snapshot,
        within: Selection | None,
        now: int,
        above: Collection[str],
        alike: Iterable[str],
    ) -> None:
        self.items: list[Shown] = []
        self.offered: dict[str, Candidate] = {}
        self.refused: dict[str, str] = {}
        self._snapshot, self._wanted, self._now = snapshot, wanted, now
        self._within, self._hidden = within, snapshot.visit.hidden
        if above:
            self._hidden = self._hidden | dict.fromkeys(above, "above")
        self._groups: set[str] = set()
        if snapshot.shop.grouped:
            self._groups = {group for one in alike if (group := snapshot.shop.group_of(one))}

    def take(self, candidates: Iterable[Candidate]) -> bool:
        """Take those that may be shown; whether there are enough now.

        What is taken later ranks lower, so its scores, which are another generator's, are scaled to lie below.
        """
        items, offered, wanted = self.items, self.offered, self._wanted
        hidden, reasons = self._hidden, self._snapshot.visit.reasons
        lowest = items[-1].score if items else 0.0
        factor = 0.0
        for candidate in candidates:
            if len(items) >= wanted:
                break
            item_id = candidate.item_id
            if item_id in offered:
                continue
            offered[item_id] = candidate
            refusal = hidden[item_id] if item_id in hidden else self._refusal(item_id)
            if refusal:
                self.refused[item_id] = refusal
            else:
                factor = factor or _factor(candidate.score, lowest)
                items.append(shown(candidate, factor, reasons))
        return len(items) >= wanted

    def _refusal(self, item_id: str) -> str:
        """Why the shop's live values keep the item back, empty if they do not; its group then counts as taken."""
        shop = self._snapshot.shop
        if not shop.sellable(item_id, self._now):
            return "not_sold_now"
        if self._within is not None and not self._within.lets(item_id):
            return "filtered"
        if shop.grouped and (group := shop.group_of(item_id)) is not None:
            if group in self._groups:
                return "variant"
            self._groups.add(group)
        return ""


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
        known = located(known) if any(one.located for one in tier) else known
        offers = [one.candidates(known, count) for one in tier]
        yield offers[0] if len(offers) == 1 else merge(offers, {one.name: one.tier for one in tier})


def _known(snapshot: Snapshot, within: Shop | Selection, now: int) -> Known:
    shop, visit = snapshot.shop, snapshot.visit
    return Known(
        now=now,
        session=visit.session,
        earlier=visit.earlier,
        viewed=visit.viewed,
        codes=shop.codes,
        rows=snapshot.rows,
        row_of=snapshot.row_of,
        popular=within.popular,
        popular_in=within.popular_in,
        category_of=shop.category_of,
        price_of=shop.price_of,
        shown=within.shown,
    )


def _located(known: Known, snapshot: Snapshot, placement: Placement, within: Shop | Selection) -> Known:
    here = _session_vector(snapshot, placement)
    return known if here is None else replace(known, vectors=within.vectors, session_vector=here)


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


def _status(snapshot: Snapshot, placement: Placement, evident: int, total: int) -> Status:
    if not placement.enabled:
        return "insufficient_data"
    if snapshot.degraded:
        return "degraded"
    if snapshot.asked_for_somebody and snapshot.visitor is None:
        return "no_consent"
    if not total:
        return "insufficient_data"
    return "ok" if evident else "fallback"


def _rung(snapshot: Snapshot, items: Sequence[Shown]) -> Rung:
    if not snapshot.degraded:
        return "live"
    if not items:
        return "empty"
    if snapshot.visitor is not None:
        return "partial"
    return "catalogue" if all(one.recommender in OF_THE_CATALOGUE for one in items) else "local"


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
        "placement": placement.explain if placement.enabled else OFF,
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
