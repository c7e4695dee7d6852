"""Cart: what the visitor has put into the cart and not taken out or bought."""

from __future__ import annotations

from msgspec import Struct, field

from stream.fold import Emit
from stream.ingest import Accepted
from stream.signal import Signal

LINES = 100


class Line(Struct, array_like=True, gc=False):
    quantity: int
    at: int
    event_id: str


class State(Struct):
    """`items`: item id → line, oldest first, at most `LINES`."""

    items: dict[str, Line] = field(default_factory=dict)


def fold(state: State, accepted: Accepted, emit: Emit) -> None:
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


SIGNAL = Signal(
    name="cart",
    scope="visitor",
    state=State,
    on=frozenset({"add_to_cart", "remove_from_cart", "purchase"}),
    fold=fold,
    explain="What lies in your cart: it is not recommended to you again.",
)
