"""Candidate generation: the placement's generators, asked tier by tier, with what the request knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
from msgspec.structs import replace

from serving.candidate import Candidate
from serving.placement import Placement
from serving.ranking.learnt import Chooser, Ranking, gathered
from serving.ranking.order import merge
from serving.ranking.row import Row, backed
from serving.recommender import Known, Recommender
from serving.recommenders import recommenders
from serving.selection import Selection
from serving.shop import Shop
from serving.stage import Snapshot
from stream import vectors
from stream.signals import impressions

SESSION_SHARE = np.float32(0.3)


@cache
def _tiers(names: tuple[str, ...]) -> tuple[tuple[Recommender, ...], ...]:
    """The named generators by tier, lowest first."""
    chosen = [recommenders()[name] for name in dict.fromkeys(names)]
    tiers = sorted({one.tier for one in chosen})
    return tuple(tuple(one for one in chosen if one.tier == tier) for tier in tiers)


def tiered(placement: Placement, count: int, known_: Callable[[bool], Known]) -> Iterator[list[Candidate]]:
    """Candidates tier by tier, best first; a tier is only asked for if those before it did not fill the shelf.

    Where the visit is among titles is only found out (`known_` of True) if it comes to that.
    """
    known, located = known_(False), False
    for tier in _tiers(placement.recommenders):
        if not located and any(one.located for one in tier):
            known, located = known_(True), True
        offers = [one.candidates(known, count) for one in tier]
        yield offers[0] if len(offers) == 1 else merge(offers, {one.name: one.tier for one in tier})


def learnt(
    known: Known, placement: Placement, count: int, chooser: Chooser, wanted: int, beside: Sequence[int]
) -> Ranking:
    """All generators' candidates, ranked by a model for a shelf of `wanted` items; `beside` see `Ranking`."""
    tiers = _tiers(placement.recommenders if placement.evidence == "hide" else (*placement.recommenders, "popular"))
    offers, priced = gathered(known, tiers, count), placement.goal == "revenue"
    return Ranking(known, chooser, offers, wanted, beside, priced=priced)


def in_one(offers: Iterable[list[Candidate]], enough: int) -> list[Candidate]:
    """Tiers in one order until there are `enough`, each item once, each tier's scores scaled to lie below the last."""
    found: dict[str, Candidate] = {}
    lowest = 0.0
    for offer in offers:
        factor = 0.0
        for one in offer:
            if one.item_id not in found:
                factor = factor or below(one.score, lowest)
                found[one.item_id] = one if factor == 1.0 else replace(one, score=one.score * factor)
        if len(found) >= enough:
            break
        lowest = next(reversed(found.values())).score if found else 0.0
    return list(found.values())


def below(highest: float, lowest: float) -> float:
    """What scores from `highest` down are multiplied by to lie at or below `lowest` (0: nothing came before)."""
    return lowest / highest if 0.0 < lowest < highest else 1.0


def rows_of(row_of: Callable[[str], Row | None], item_ids: Iterable[str], placement: Placement) -> dict[str, Row]:
    """The rows of items, those that exist, as the placement lets them speak."""
    row_of = _backed_by(row_of, placement)
    found = {item_id: row for item_id in item_ids if (row := row_of(item_id)) is not None}
    if placement.repeats:
        return found
    # an item whose shoppers never come back to it has nothing to say for itself, only for its neighbours
    return {item_id: replace(row, repeat_rate=0.0) for item_id, row in found.items()}


def _backed_by(row_of: Callable[[str], Row | None], placement: Placement) -> Callable[[str], Row | None]:
    """Where a placement wants more than one session behind a neighbour, rows without the others."""
    least = placement.neighbour_sessions
    if least == 1:
        return row_of
    return lambda item_id: None if (row := row_of(item_id)) is None else backed(row, least)


def known_of(
    snapshot: Snapshot, placement: Placement, within: Shop | Selection, now: int, *, located: bool = False
) -> Known:
    """What the generators are told, with `located` also where the visit is among titles."""
    shop, visit = snapshot.shop, snapshot.visit
    visitor: Any = snapshot.visitor
    here = session_vector(snapshot, placement) if located else None
    return Known(
        now=now,
        session=visit.session,
        earlier=visit.earlier,
        viewed=visit.viewed,
        codes=shop.codes,
        rows=snapshot.rows,
        row_of=_backed_by(snapshot.row_of, placement),
        popular=within.popular,
        popular_in=within.popular_in,
        lists=within.lists,
        category_of=shop.category_of,
        brand_of=shop.brand_of,
        price_of=shop.price_of,
        steps=visit.steps,
        repeats=placement.repeats,
        board=shop.board,
        categories=shop.categories,
        impressions=None if visitor is None else impressions.SIGNAL.of(visitor),
        vectors=None if here is None else within.vectors,
        session_vector=here,
        shown=within.shown,
    )


def session_vector(snapshot: Snapshot, placement: Placement) -> vectors.Vector | None:
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
