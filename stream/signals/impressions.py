"""Impressions: what the visitor was shown, and whether they ever cared.

An item counts once for a shelf that was really seen, however often the page says so: the same decision, the same view
of a page or the same second is one shelf. Interest (a click, a view, a cart) starts the count anew. A click that comes
before its impression counts as the answer to it.
"""

from __future__ import annotations

from zlib import crc32

from msgspec import Struct, field

from stream.fold import Emit
from stream.ingest import Accepted
from stream.signal import Signal

ITEMS = 100
SECOND_MS = 1_000


class Shown(Struct, array_like=True, gc=False):
    """One item: shown so many shelves since the last interest in it (`ignored`), and ever; and how often of interest.

    `at` (ms) is the newest impression; `decision` and `view` are hashes of the newest shelf, 0 = it had none.
    """

    ignored: int = 0
    shown: int = 0
    clicked: int = 0
    at: int = 0
    decision: int = 0
    view: int = 0


class State(Struct):
    """`items`: the newest at the end, at most `ITEMS`."""

    items: dict[str, Shown] = field(default_factory=dict)


def fold(state: State, accepted: Accepted, emit: Emit) -> None:  # noqa: ARG001  # as all signals
    """One shelf seen, or interest in some items."""
    event = accepted.event
    decision = crc32(event.decision_id.encode()) if event.decision_id else 0
    view = crc32(event.page.view_id.encode()) if event.page and event.page.view_id else 0
    for item in event.items:
        if accepted.name == "view_item_list":
            _show(state.items, item.item_id, accepted.at, decision, view)
        elif (one := state.items.get(item.item_id)) is not None:
            one.clicked += one.ignored > 0
            one.ignored = 0
        elif accepted.name == "select_item":
            state.items[item.item_id] = Shown(0, 1, 1, accepted.at, decision, view)
    while len(state.items) > ITEMS:
        del state.items[next(iter(state.items))]


def _show(items: dict[str, Shown], item_id: str, at: int, decision: int, view: int) -> None:
    """The item moves to the end; it counts unless its newest shelf was this one."""
    one = items.pop(item_id, None) or Shown()
    items[item_id] = one
    same = (decision and decision == one.decision) or (view and view == one.view)
    if not (same or abs(at - one.at) < SECOND_MS):
        one.ignored += 1
        one.shown += 1
    one.at = max(one.at, at)
    one.decision, one.view = decision or one.decision, view or one.view


def halve(state: State) -> None:
    """Forget the older half of the items."""
    for item_id in list(state.items)[: (len(state.items) + 1) // 2]:
        del state.items[item_id]


SIGNAL = Signal(
    name="impressions",
    scope="visitor",
    state=State,
    on=frozenset({"view_item_list", "select_item", "view_item", "add_to_cart"}),
    fold=fold,
    halve=halve,
    explain="What was shown to you, how often, and whether you looked at it.",
)
