"""Cart: what the visitor has put into the cart and not taken out or bought."""

from __future__ import annotations

from msgspec import Struct, field

from stream.fold import Emit
from stream.ingest import Accepted
from stream.signal import Signal

LINES = 100


class Line(Struct, array_like=True, gc=False):
    """How many of an item, and the event that put it there last."""

    quantity: int
    at: int
    event_id: str


class State(Struct):
    """`items`: item id → line, oldest first, at most `LINES`."""

    items: dict[str, Line] = field(default_factory=dict)


def fold(state: State, accepted: Accepted, emit: Emit) -> None:  # noqa: ARG001  # as all signals
    """Carts, removals and purchases change the lines."""
    event, name = accepted.event, accepted.name
    lines = state.items
    for item in event.items:
        line = lines.get(item.item_id)
        if name == "add_to_cart":
            lines.pop(item.item_id, None)
            quantity = item.quantity + (line.quantity if line else 0)
            lines[item.item_id] = Line(quantity, accepted.at, event.event_id)
        elif line is not None:
            left = 0 if name == "purchase" else line.quantity - item.quantity
            if left > 0:
                line.quantity = left
            else:
                del lines[item.item_id]
    while len(lines) > LINES:
        del lines[next(iter(lines))]


def halve(state: State) -> None:
    """Forget the older half of the lines."""
    for item_id in list(state.items)[: (len(state.items) + 1) // 2]:
        del state.items[item_id]


SIGNAL = Signal(
    name="cart",
    scope="visitor",
    state=State,
    on=frozenset({"add_to_cart", "remove_from_cart", "purchase"}),
    fold=fold,
    halve=halve,
    explain="What lies in your cart: it is not recommended to you again.",
)
