"""Dismissed: what the visitor is not interested in."""

from __future__ import annotations

from msgspec import Struct, field

from stream.fold import Emit
from stream.ingest import Accepted
from stream.signal import Signal

ITEMS = 60


class State(Struct):
    """`items`: item id → when (ms), oldest first, at most `ITEMS`."""

    items: dict[str, int] = field(default_factory=dict)


def fold(state: State, accepted: Accepted, emit: Emit) -> None:  # noqa: ARG001  # as all signals
    """What was dismissed last is remembered longest."""
    for item in accepted.event.items:
        state.items.pop(item.item_id, None)
        state.items[item.item_id] = accepted.at
    while len(state.items) > ITEMS:
        del state.items[next(iter(state.items))]


def halve(state: State) -> None:
    """Forget the older half of the items."""
    for item_id in list(state.items)[: (len(state.items) + 1) // 2]:
        del state.items[item_id]


SIGNAL = Signal(
    name="dismissed",
    scope="visitor",
    state=State,
    on=frozenset({"dismiss"}),
    fold=fold,
    halve=halve,
    explain="What you said you are not interested in: it is not shown to you again.",
)
