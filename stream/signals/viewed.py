"""Recently viewed: the visitor's last items over all sessions, newest first."""

from __future__ import annotations

from msgspec import Struct, field

from stream.fold import Emit
from stream.ingest import Accepted
from stream.signal import Signal

ITEMS = 30


class Viewed(Struct, array_like=True, frozen=True, gc=False):
    """One item that was viewed at `at` (ms)."""

    item_id: str
    at: int
    event_id: str


class State(Struct):
    """`items`: each item once, newest first, at most `ITEMS`."""

    items: list[Viewed] = field(default_factory=list)


def fold(state: State, accepted: Accepted, emit: Emit) -> None:  # noqa: ARG001  # as all signals
    """A single item that was viewed moves to the front."""
    event = accepted.event
    if len(event.items) != 1:
        return
    new = Viewed(event.items[0].item_id, accepted.at, event.event_id)
    kept = [old for old in state.items if old.item_id != new.item_id]
    place = next((n for n, old in enumerate(kept) if old.at <= new.at), len(kept))
    kept.insert(place, new)
    state.items = kept[:ITEMS]


def halve(state: State) -> None:
    """Forget the older half of the items."""
    del state.items[len(state.items) // 2 :]


SIGNAL = Signal(
    name="viewed",
    scope="visitor",
    state=State,
    on=frozenset({"view_item"}),
    fold=fold,
    halve=halve,
    explain="The items you looked at last.",
)
