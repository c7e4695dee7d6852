"""What a request for a shelf says, checked; and where the visitor is, as far as consent allows to know it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from serving.filters.rule import Rule
from serving.placement import ITEMS, Placement
from serving.ranking.table import EARLIER_ITEMS
from serving.ranking.visit import earlier_items, session_items, shared_items, viewed_items
from stream.entries import Summary
from stream.signals import bought, cart, dismissed, session, viewed
from stream.signals.session import Step

DAY_MS = 86_400_000


class Request(Struct, frozen=True, gc=False):
    """One question. `visitor_id` is empty for nobody; `profiling` is false if the visitor objects to it now.

    `customer_id` is one that the asker was allowed to name; empty: whose visitor it is, the visitor's own state says.
    `rule` narrows what the placement lets through. `diversity` takes the place of the placement's own; `after` is what
    the pages before this one have shown (`serving/slate/cursor.py`).
    """

    visitor_id: str = ""
    customer_id: str = ""
    session_id: str | None = None
    item_ids: Sequence[str] = ()
    n: int = ITEMS
    exclude: Sequence[str] = ()
    explain: bool = False
    profiling: bool = True
    rule: Rule | None = None
    diversity: float | None = None
    after: Sequence[int] = ()


class Reason(Struct, frozen=True, gc=False):
    """One of the shopper's own events, about an item at `at` (ms); it may have happened on another device of theirs."""

    event_id: str
    event: str
    at: int


class Visit(Struct, frozen=True, gc=False):
    """Where a visitor is.

    `session` and `earlier` are different items, newest first, the page's before both; on a cart's shelf `session` is
    the cart and nothing else. `reasons` tells by item the visitor's newest event about it; `hidden` tells by item why
    it is not to be shown. `others` counts the customer's other visitors in it.
    """

    session: list[str]
    earlier: list[str]
    viewed: list[str]
    steps: list[Step]
    reasons: dict[str, Reason]
    hidden: dict[str, str]
    others: int = 0


def visit(request: Request, placement: Placement, visitor: Any, now: int, others: Sequence[Summary] = ()) -> Visit:
    """What counts for this request of a visitor's value (None: nobody, or without consent) at `now` (ms).

    `others` are the customer's other visitors: what they did is older than all that this one did.
    """
    page = list(dict.fromkeys(request.item_ids)) if placement.page or placement.cart else []
    hidden = dict.fromkeys(request.item_ids, "page") | dict.fromkeys(request.exclude, "exclude")
    hidden |= dict.fromkeys(placement.exclude, "excluded_here")
    if visitor is None:
        return Visit(page, [], [], [], {}, hidden)
    steps = _steps(request, placement, session.SIGNAL.of(visitor), now)
    here = session_items(steps)
    if placement.exclude_viewed:
        hidden |= dict.fromkeys(here, "viewed")
    seen = viewed.SIGNAL.of(visitor).items
    _hide(hidden, placement, visitor, now)
    _hide_shared(hidden, placement, others, now)
    if placement.cart:
        return _cart_visit(page, visitor, steps, hidden)
    here = [*page, *(item_id for item_id in here if item_id not in page)] if page else here
    earlier = [] if page else earlier_items(visitor, here)[:EARLIER_ITEMS]
    reasons = _reasons(steps, seen, earlier, visitor)
    if not others:
        return Visit(here, earlier, [one.item_id for one in seen], steps, reasons, hidden)
    if not page:
        earlier = [*earlier, *shared_items(others, (*here, *earlier))][:EARLIER_ITEMS]
    _add_reasons(reasons, others)
    return Visit(here, earlier, viewed_items(seen, others), steps, reasons, hidden, len(others))


def _cart_visit(page: list[str], visitor: Any, steps: list[Step], hidden: dict[str, str]) -> Visit:
    """What the page says lies in the cart and what the state says, newest first; the rest of the visit is no matter."""
    lines = cart.SIGNAL.of(visitor).items
    reasons = {item_id: Reason(line.event_id, "add_to_cart", line.at) for item_id, line in lines.items()}
    return Visit(list(dict.fromkeys([*page, *reversed(lines)])), [], [], steps, reasons, hidden)


def _steps(request: Request, placement: Placement, last: session.State, now: int) -> list[Step]:
    """The steps of the visit that this request belongs to; of the last one, where the placement wants that."""
    return last.steps if placement.last_visit or _running(request, last, now) else []


def _running(request: Request, running: session.State, now: int) -> bool:
    """Whether the folded session is the one that this request belongs to."""
    if not running.last_at:
        return False
    if request.session_id is not None and running.explicit:
        return request.session_id == running.id
    return now <= running.last_at + session.GAP_MS


def _reasons(
    steps: Sequence[Step], seen: Sequence[viewed.Viewed], earlier: Sequence[str], visitor: Any
) -> dict[str, Reason]:
    reasons = {one.item_id: Reason(one.event_id, "view_item", one.at) for one in seen}
    if earlier:
        for item_id, purchase in bought.SIGNAL.of(visitor).items.items():
            if item_id not in reasons:
                reasons[item_id] = Reason(purchase.event_id, "purchase", purchase.at)
    for step in steps:
        reasons[step.item_id] = Reason(step.event_id, step.event, step.at)
    return reasons


def _hide(hidden: dict[str, str], placement: Placement, visitor: Any, now: int) -> None:
    hidden.update(dict.fromkeys(dismissed.SIGNAL.of(visitor).items, "dismissed"))
    since = now - placement.bought_days * DAY_MS
    for item_id, purchase in bought.SIGNAL.of(visitor).items.items():
        if purchase.at >= since:
            hidden[item_id] = "bought"
    hidden.update(dict.fromkeys(cart.SIGNAL.of(visitor).items, "in_cart"))


def _hide_shared(hidden: dict[str, str], placement: Placement, others: Sequence[Summary], now: int) -> None:
    since = now - placement.bought_days * DAY_MS
    for one in others:
        for item_id, _ in one.dismissed:
            hidden.setdefault(item_id, "dismissed")
        for touch in one.bought:
            if touch.at >= since:
                hidden.setdefault(touch.item_id, "bought")


def _add_reasons(reasons: dict[str, Reason], others: Sequence[Summary]) -> None:
    """The newest event of another visitor about an item speaks where this one has none."""
    found = [(touch, "view_item") for one in others for touch in one.viewed]
    found += [(touch, "purchase") for one in others for touch in one.bought]
    found.sort(key=lambda pair: -pair[0].at)
    for touch, event in found:
        reasons.setdefault(touch.item_id, Reason(touch.event_id, event, touch.at))
