"""Where a visitor was, as a decision's record keeps it, so that the decision can be made again.

Written and read back here: what a record leaves out (it is bounded) a decision made again does not know.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import msgspec
from msgspec import Struct

from serving.placement import Placement
from serving.request import Reason, Request, Visit
from stream.signals.session import Step

ITEMS = 30
STEPS = 20
HIDDEN = 100
_TOLD = frozenset({"page", "excluded_here"})
"""Reasons that the record's request and the placement tell anyway."""


class Visited(Struct, frozen=True, omit_defaults=True, gc=False):
    """As `serving.request.Visit`, bounded; `hidden` tells by item why it was not to be shown.

    `before` is what earlier pages of the shelf had shown, as their cursor has it.
    """

    session: Sequence[str] = ()
    earlier: Sequence[str] = ()
    viewed: Sequence[str] = ()
    steps: Sequence[Step] = ()
    hidden: dict[str, str] = {}
    before: Sequence[int] = ()


def visited(visit: Visit, above: Sequence[str] = (), before: Sequence[int] = ()) -> Visited:
    """What of a visit is on record; `above` and `before` (codes): what the page and the pages before it have shown."""
    own = {one: why for one, why in visit.hidden.items() if why not in _TOLD}
    hidden = own | dict.fromkeys(above, "above") if above else own
    if len(hidden) > HIDDEN:
        hidden = dict(islice(hidden.items(), HIDDEN))
    return Visited(
        visit.session[:ITEMS],
        visit.earlier[:ITEMS],
        visit.viewed[:ITEMS],
        visit.steps[-STEPS:],
        hidden,
        before[:HIDDEN],
    )


def visited_of(record: dict[str, Any]) -> Visited:
    """What a decision's record keeps; raises `msgspec.ValidationError` where it keeps nothing."""
    return msgspec.convert(record.get("visit"), Visited)


def visit_of(record: dict[str, Any], request: Request, placement: Placement) -> Visit:
    """The visit that a decision's record tells; raises `msgspec.ValidationError` where it tells none."""
    found = visited_of(record)
    hidden = dict.fromkeys(request.item_ids, "page") | dict.fromkeys(placement.exclude, "excluded_here") | found.hidden
    at = int(record["decided_at"])
    reasons = {
        one["item_id"]: Reason(one["event_id"], one["event"], at - int(one["seconds_ago"] * 1000))
        for item in record["items"]
        for one in item.get("because", ())
        if one.get("item_id")
    }
    reasons = {step.item_id: Reason(step.event_id, step.event, step.at) for step in found.steps} | reasons
    return Visit(list(found.session), list(found.earlier), list(found.viewed), list(found.steps), reasons, hidden)
