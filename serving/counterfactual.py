"""What a shelf would be without one of the visitor's items: the same decision again, with that item left out.

`decide` is pure, so nothing is estimated. What is left out is the item, with all the visitor's events about it, from
the visit and from earlier ones; what lies in the cart or was bought stays hidden, and on a product page its own item
stays. One more earlier item that would move up into what is looked at is not known.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from serving.candidates import rows_of
from serving.contributions import contributions
from serving.decide import decide
from serving.decision import Decision, Status, relation
from serving.placement import MOST_ITEMS, Placement
from serving.ranking.table import SESSION_ITEMS
from serving.request import Request, Visit
from serving.sentences import of_item, without
from serving.stage import Snapshot

MOST = 8
BUDGET_S = 0.01
"""Of CPU time: each takes 0.5 ms in a shop of 20,000 items (`python -m tests.load.deciding`)."""


class Move(Struct, frozen=True):
    """An item that stands elsewhere; `without` is its position then, None: it is gone, also from the next ones."""

    item_id: str
    position: int
    without: int | None


class Without(Struct, frozen=True):
    """The shelf without `item_id`.

    `event_id` and `event` are the visitor's newest event about it, if one is known; `status` is the answer's then,
    `falls` are the items that stand lower or not at all, `enters` those that come onto the shelf.
    """

    item_id: str
    event_id: str | None
    event: str | None
    status: Status
    falls: list[Move]
    enters: list[str]
    says: str


class Case(Struct, frozen=True):
    """All that a decision was made from; `seed` is its generator's state, so that chance falls as it did."""

    request: Request
    snapshot: Snapshot
    placement: Placement
    variation: str
    now: int
    seed: Any
    above: Sequence[str] = ()

    def decided(self, snapshot: Snapshot | None = None, n: int | None = None) -> Decision:
        """The decision, from another snapshot or for another number of items if told."""
        rng = Random()
        rng.setstate(self.seed)
        request = self.request if n is None else replace(self.request, n=n)
        found = self.snapshot if snapshot is None else snapshot
        return decide(request, found, self.placement, self.variation, self.now, rng, above=self.above)


def told(case: Case, decision: Decision) -> Decision:
    """The decision, with a sentence for each item, what ranked it, and what would be otherwise in its explanation."""
    found, left_off = counterfactuals(case, decision)
    more = {
        "sentences": _sentences(case, decision),
        "contributions": contributions(decision, case.snapshot.choosers),
        "without": found,
        "without_left_off": left_off,
    }
    return replace(decision, explain=(decision.explain or {}) | more)


def counterfactuals(
    case: Case, decision: Decision, *, budget_s: float = BUDGET_S, timer: Callable[[], float] = time.thread_time
) -> tuple[list[Without], int]:
    """The shelf without each item that led it, those that say most first, and for how many there was no time."""
    began, found = timer(), []
    quiet = replace(case, request=replace(case.request, explain=False))
    leading = list(_leading(case, decision))
    for item_id in leading[:MOST]:
        if timer() - began > budget_s:
            break
        found.append(_without(quiet, decision, item_id))
    return found, len(leading) - len(found)


def _leading(case: Case, decision: Decision) -> Iterator[str]:
    """The visitor's items, those that speak for items of the shelf first; on a product page not its own."""
    visit = case.snapshot.visit
    spoken = [one.because_item_id for one in decision.items if one.because_item_id is not None]
    known = dict.fromkeys([*spoken, *visit.session[:SESSION_ITEMS], *visit.earlier])
    stay = frozenset(case.request.item_ids) if case.placement.page else frozenset()
    return (item_id for item_id in known if item_id not in stay)


def _without(case: Case, decision: Decision, item_id: str) -> Without:
    snapshot = left_out(case.snapshot, item_id, case.placement)
    then = case.decided(snapshot)
    places = {one.item_id: place for place, one in enumerate(then.items)}
    shown = [one.item_id for one in decision.items]
    if not places.keys() >= set(shown):  # how far the others fell
        deeper = case.decided(snapshot, MOST_ITEMS)
        last = len(then.items)  # a longer shelf asks its generators for more, and may order them otherwise
        places |= {one.item_id: max(at, last) for at, one in enumerate(deeper.items) if one.item_id not in places}
    falls = [
        Move(one, place, after)
        for place, one in enumerate(shown)
        if (after := places.get(one)) is None or after > place
    ]
    name = case.snapshot.shop.title_of
    why = case.snapshot.visit.reasons.get(item_id)
    status = then.status if then.status != decision.status else ""
    return Without(
        item_id,
        None if why is None else why.event_id,
        None if why is None else why.event,
        then.status,
        falls,
        [one.item_id for one in then.items if one.item_id not in set(shown)],
        without(name(item_id), [(name(one.item_id), one.position, one.without) for one in falls], status),
    )


def left_out(snapshot: Snapshot, item_id: str, placement: Placement) -> Snapshot:
    """The snapshot as if the visitor had done nothing with this item."""
    visit = _visit(snapshot.visit, item_id)
    rows = {one: row for one, row in snapshot.rows.items() if one != item_id}
    entering = [one for one in visit.session[:SESSION_ITEMS] if one not in rows]
    rows |= rows_of(snapshot.row_of, entering, placement)
    vector = snapshot.vector if len(visit.steps) == len(snapshot.visit.steps) else None
    return replace(snapshot, visit=visit, rows=rows, vector=vector)


def _visit(visit: Visit, item_id: str) -> Visit:
    def left(items: Sequence[str]) -> list[str]:
        return [one for one in items if one != item_id]

    hidden = visit.hidden
    if hidden.get(item_id) == "viewed":
        hidden = {one: why for one, why in hidden.items() if one != item_id}
    return replace(
        visit,
        session=left(visit.session),
        earlier=left(visit.earlier),
        viewed=left(visit.viewed),
        steps=[step for step in visit.steps if step.item_id != item_id],
        reasons={one: why for one, why in visit.reasons.items() if one != item_id},
        hidden=hidden,
    )


def _sentences(case: Case, decision: Decision) -> dict[str, str]:
    title_of = case.snapshot.shop.title_of
    return {
        one.item_id: of_item(
            one.recommender,
            None if one.because is None else one.because.event,
            title_of(one.because_item_id or ""),
            relation(one.item_id, one.because_item_id, one.recommender),
        )
        for one in decision.items
    }
