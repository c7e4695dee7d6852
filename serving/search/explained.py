"""Why results stand where they stand, for who runs the shop: what each score is made of, and who else had a say."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from msgspec import Struct

from serving.decide import signals_of
from serving.decision import Shown
from serving.rules.rule import Rule
from serving.search import order
from serving.search.curation import Curated
from serving.search.ladder import Rung
from serving.search.question import SEARCH
from serving.search.ranked import Parts
from serving.shop import Shop
from serving.stage import Snapshot


class Made(Struct, frozen=True):
    """What a score is made of: all parts but `times` are added up, then it is multiplied by `times`.

    `place_before_visit`: where it would stand, from 0 and without pins and caps, if nothing were known of the visit nor
    any rule acted.
    """

    words: float
    meaning: float
    kind: float
    taken: float
    visit: float
    times: float
    place_before_visit: int


class Why(Struct, frozen=True):
    """One item of the page; `made` is None where words did not bring it there, or their score did not order it."""

    item_id: str
    step: Rung
    recommender: str
    rules: Sequence[str]
    made: Made | None


def explained(
    items: Sequence[Shown],
    rungs: Sequence[Rung],
    ranked: Sequence[Parts],
    rules: Sequence[Rule],
    curated: Curated | None,
    snapshot: Snapshot,
) -> dict[str, Any]:
    """All that the answer says more to who asks why; `ranked` are the parts of each rung that filled the page."""
    made: dict[str, Made] = {}
    for parts in reversed(ranked):
        made |= _made(parts, {one.item_id for one in items}, snapshot.shop)
    return {
        "placement": SEARCH.explain,
        "items": [
            Why(one.item_id, rung, one.recommender, one.rules, made.get(one.item_id))
            for one, rung in zip(items, rungs, strict=True)
        ],
        "rules": {one.name: one.document.explain for one in rules},
        "curations": {} if curated is None else curated.explains,
        "signals": signals_of(snapshot),
        "session": {"items": snapshot.visit.session, "steps": len(snapshot.visit.steps)},
    }


def _made(parts: Parts, wanted: Collection[str], shop: Shop) -> dict[str, Made]:
    """By item, what its score is made of."""
    found, meant, kind, before, after, final = (scores.tolist() for scores in parts[1:])
    standing = order.by_relevance(parts.numbers, parts.before_visit, shop).tolist()
    ranks = {place: rank for rank, place in enumerate(standing)}
    ids = [shop.codes.ids[code] for code in shop.codes_of(parts.numbers).tolist()]
    return {
        item_id: Made(
            words=found[place] - meant[place],
            meaning=meant[place],
            kind=kind[place],
            taken=before[place] - found[place] - kind[place],
            visit=after[place] - before[place],
            times=final[place] / after[place] if after[place] else 1.0,
            place_before_visit=ranks[place],
        )
        for place, item_id in enumerate(ids)
        if item_id in wanted
    }
