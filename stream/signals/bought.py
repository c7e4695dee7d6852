"""Bought: what the visitor bought, so that it is not recommended again too soon."""

from __future__ import annotations

from msgspec import Struct, field

from stream.entries import Bought
from stream.fold import Emit
from stream.ingest import Accepted
from stream.signal import Signal

ITEMS = 60


class Purchase(Struct, array_like=True, frozen=True, gc=False):
    """When an item was bought last (ms), and by which event."""

    at: int
    event_id: str


class State(Struct):
    """`items`: item id → its last purchase, oldest first, at most `ITEMS`."""

    items: dict[str, Purchase] = field(default_factory=dict)


def fold(state: State, accepted: Accepted, emit: Emit) -> None:
    """Purchases are remembered, refunds forgotten."""
    event, name = accepted.event, accepted.name
    items = state.items
    confirmed = event.edge is None or event.edge.purchase_confirmed
    for item in event.items:
        items.pop(item.item_id, None)
        if name == "purchase":
            items[item.item_id] = Purchase(accepted.at, event.event_id)
            if emit.learning:
                emit.entry("pairs", item.item_id, Bought, item.item_id, accepted.at, item.quantity, confirmed)
    while len(items) > ITEMS:
        del items[next(iter(items))]


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
