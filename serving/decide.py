"""The decision: a pure function of a request, a snapshot of state, a placement, a clock and a seed.

```
generators, tier by tier ─▶ stages that reorder ─▶ slate: what must not be shown goes ─▶ the policy without evidence
                                                                                    ─▶ exploration
```
Rules on stock and on what the visitor has are applied here, to live values, and to what fills up, too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import partial
from itertools import islice
from random import Random
from typing import Any, cast

from serving.candidate import Candidate
from serving.candidates import in_one, known_of, learnt, tiered
from serving.decision import Decision, Fresh, Rung, Shown, Status
from serving.exploration import beside, explored
from serving.filters.rule import both
from serving.placement import Placement
from serving.ranking.learnt import Chooser, Ranking
from serving.recommenders import recommenders
from serving.request import Request
from serving.rules import stage as boosts
from serving.rules.acting import Acting
from serving.rules.segment import Shopper
from serving.selection import Selection
from serving.shop import NEWEST, Shop
from serving.slate import cursor, steady
from serving.slate.caps import caps_of
from serving.slate.slate import Slate
from serving.stage import Context, Snapshot, Stage
from serving.stages import stages as stages_of
from stream.visitor import SIGNALS

NONCE_BYTES = 6
EXPLAINED = 200
VARIANTS = 3
WIDER, LEAST_WIDE = 4, 60
OF_THE_CATALOGUE = frozenset({"similar", "nearest", "search", NEWEST})
MODELS = {"clicks": "clicks", "conversions": "conversions", "revenue": "conversions"}
"""Which model of choices a goal goes by."""
OFF = "This placement is switched off."
OTHERS = "What you did on your other devices, where you are logged in."


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
    acting = acting_on(request, snapshot, now)
    rule = both(placement.rule, request.rule) if placement.rule and request.rule else placement.rule or request.rule
    if acting is not None and acting.filter is not None:
        rule = both(acting.filter, rule) if rule else acting.filter
    within = None if rule is None else shop.within(rule)
    own = snapshot.visit.session if placement.cart else ()
    slate = Slate(
        request.n,
        snapshot,
        placement,
        within,
        now,
        above,
        (*request.item_ids, *above, *own),
        caps_of(placement, () if acting is None else acting.caps, shop),
    )
    context = Context(request, snapshot, placement, now, acting)
    evident, draw = 0, None
    ranking: Ranking | None = None
    if placement.enabled:
        evident, ranking = _fill(slate, context, within or shop, above)
    items = slate.items
    if evident and placement.explore:
        items, draw = explored(slate, context, ranking)
    return Decision(
        placement=placement.name,
        variation=variation,
        status=status_of(snapshot, placement, evident, len(items)),
        rung=rung_of(snapshot, items),
        at=now,
        pid=snapshot.pid,
        nonce=rng.randbytes(NONCE_BYTES),
        fresh=fresh_of(snapshot, now),
        items=items,
        candidates=len(slate.offered),
        choices=ranking.choices([one.item_id for one in items]) if ranking is not None and items else None,
        explain=_explained(slate, snapshot, placement, acting) if request.explain else None,
        rules=() if acting is None else acting.names,
        explored=draw,
    )


def _fill(
    slate: Slate, context: Context, within: Shop | Selection, above: Collection[str]
) -> tuple[int, Ranking | None]:
    """Take what the generators offer, then what is popular where the placement wants that.

    Where items have variants more are asked for, as most will be left. How many items have something to speak for them
    is answered, and the model's ranking where there is one.
    """
    request, snapshot, placement = context.request, context.snapshot, context.placement
    count = request.n + len(snapshot.visit.hidden) + len(above) + len(request.after)
    count *= VARIANTS if snapshot.shop.grouped else 1
    if context.acting is not None:
        count = max(WIDER * count, LEAST_WIDE) if context.acting.wide else count
        if not request.after:  # what is pinned to a place has it on the first page
            slate.reserve(context.acting.pins)
    known = partial(known_of, snapshot, placement, within, steady.instant(snapshot, context.now))
    stages = left = stages_of(context)
    ranking: Ranking | None = None
    offers: Iterable[Iterable[Candidate]]
    if placement.goal is None:
        by_tier = tiered(placement, count, lambda located: known(located=located))
        offers = [in_one(by_tier, count)] if stages else by_tier
    else:
        model = MODELS[placement.goal]
        chooser = snapshot.choosers.get(model) or Chooser(model)
        unoffered = [*snapshot.shop.codes.array(slate.pinned).tolist(), *beside(context).tolist()]
        ranking = learnt(known(located=True), placement, count, chooser, request.n, unoffered)
        offers, left = [ranking], _boosted(ranking, stages, context)
    for candidates in offers:
        if slate.take(_staged(candidates, left, context), likely=ranking is not None and ranking.likely):
            break
    evident = sum(one.recommender in placement.recommenders for one in slate.items)
    if placement.evidence == "popular" and len(slate.items) < request.n:
        slate.take(_staged(within.fallback, stages, context))
    if evident or placement.evidence == "popular":
        slate.pin()
    return evident, ranking


def _boosted(ranking: Ranking, stages: Sequence[Stage], context: Context) -> Sequence[Stage]:
    """Boost as arrays, without a candidate for each item; the stages that are left."""
    acting = context.acting
    if acting is None or not acting.bits:
        return stages
    ranking.boost(acting.boosts.effects(ranking.codes, context.shop, acting.bits))
    return [one for one in stages if one is not boosts.stage]


def acting_on(request: Request, snapshot: Snapshot, now: int) -> Acting | None:
    """The rules that act on a request; only what consent allows to be known of the shopper decides."""
    rules, visitor = snapshot.rules, cast("Any", snapshot.visitor)
    if rules is None:
        return None
    if visitor is None:
        return rules.acting(None, now)
    customer = bool(request.customer_id or visitor.customer)
    return rules.acting(Shopper(visitor, customer, snapshot.visit.others, snapshot.shop, now), now)


def _staged(candidates: Iterable[Candidate], stages: Sequence[Stage], context: Context) -> Iterable[Candidate]:
    after = context.request.after
    if not (stages or after):
        return candidates
    left = cursor.unseen(list(candidates), after, context.shop)
    for stage in stages:
        left = stage(left, context)
    return left


def status_of(snapshot: Snapshot, placement: Placement, evident: int, total: int) -> Status:
    """How an answer of `total` items came about, of which so many have something to speak for them."""
    if not placement.enabled:
        return "insufficient_data"
    if snapshot.degraded:
        return "degraded"
    if snapshot.asked_for_somebody and snapshot.visitor is None:
        return "no_consent"
    if not total:
        return "insufficient_data"
    return "ok" if evident else "fallback"


def rung_of(snapshot: Snapshot, items: Sequence[Shown]) -> Rung:
    """What an answer was made from."""
    if not snapshot.degraded:
        return "live"
    if not items:
        return "empty"
    if snapshot.visitor is not None:
        return "partial"
    return "catalogue" if all(one.recommender in OF_THE_CATALOGUE for one in items) else "local"


def fresh_of(snapshot: Snapshot, now: int) -> Fresh:
    """The newest event of the visitor that an answer knows."""
    visitor: Any = snapshot.visitor
    if visitor is None or visitor.last is None:
        return Fresh(met=snapshot.met)
    return Fresh(visitor.last.at, max(0, now - visitor.last.at), snapshot.met)


def _explained(slate: Slate, snapshot: Snapshot, placement: Placement, acting: Acting | None) -> dict[str, Any]:
    """What a shop, or a shopper, may want to know of a decision."""
    names = dict.fromkeys((*placement.recommenders, *(one.recommender for one in slate.items)))
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
                "refused": slate.refused.get(one.item_id),
                "rules": one.rules,
            }
            for one in islice(slate.offered.values(), EXPLAINED)
        ],
        "rules": {} if acting is None else {one.name: one.document.explain for one in acting.rules},
        "signals": signals_of(snapshot),
        "session": {"items": snapshot.visit.session, "steps": len(snapshot.visit.steps)},
        "models": snapshot.models,
    }


def signals_of(snapshot: Snapshot) -> dict[str, str]:
    """What of the visitor's value holds anything, in one sentence each."""
    if snapshot.visitor is None:
        return {}
    found = {one.name: one.explain for one in SIGNALS if one.of(snapshot.visitor) != one.state()}
    return found | ({"customer": OTHERS} if snapshot.visit.others else {})
