"""Bought: what the visitor bought, so that it is not recommended again too soon."""

from __future__ import annotations

from msgspec import Struct, field

from stream.fold import Emit
from stream.ingest import Accepted
from stream.signal import Signal

ITEMS = 60


class Purchase(Struct, array_like=True, frozen=True, gc=False):
    """When an item was bought last (ms), by which event, and whether that order was confirmed."""

    at: int
    event_id: str
    confirmed: bool = False


class State(Struct):
    """`items`: item id → its last purchase, oldest first, at most `ITEMS`."""

    items: dict[str, Purchase] = field(default_factory=dict)


def fold(state: State, accepted: Accepted, emit: Emit) -> None:  # noqa: ARG001  # as all signals
    """Purchases are remembered, also those that only the browser tells of; refunds are forgotten."""
    event, name = accepted.event, accepted.name
    items = state.items
    for item in event.items:
        items.pop(item.item_id, None)
        if name == "purchase":
            items[item.item_id] = Purchase(accepted.at, event.event_id, event.confirmed)
    while len(items) > ITEMS:
        del items[next(iter(items))]


def before(state: State, event_id: str) -> list[str]:
    """What was bought in other confirmed orders than this event's, newest first."""
    return [item_id for item_id, one in reversed(state.items.items()) if one.confirmed and one.event_id != event_id]


def halve(state: State) -> None:
    """Forget the older half of the purchases."""
    for item_id in list(state.items)[: (len(state.items) + 1) // 2]:
        del state.items[item_id]


SIGNAL = Signal(
    name="bought",
    scope="visitor",
    state=State,
    on=frozenset({"purchase", "refund"}),
    fold=fold,
    halve=halve,
    explain="What you bought: it is not recommended to you again for a while.",
)
