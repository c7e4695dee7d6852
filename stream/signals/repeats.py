"""Repeats: how often shoppers come back to an item within one session.

In some shops a third of all clicks go back to an item of the same session, in others hardly one in fifty: an item's own
rate says how much the session's own items deserve a place on a shelf.
"""

from __future__ import annotations

from msgspec import Struct

from stream.entries import Seen
from stream.signal import Signal

PRIOR_TIMES = 5.0
PRIOR_RATE = 0.2


class State(Struct, array_like=True, gc=False):
    """`sessions` in which the item was seen, and in how many of them it was seen again."""

    sessions: int = 0
    repeats: int = 0


def fold(state: State, entry: Seen) -> None:
    """One session, or one return, more."""
    if not entry.counts:
        return
    if entry.repeat:
        state.repeats += 1
    else:
        state.sessions += 1


def rate(state: State) -> float:
    """The share of the item's views that are repeats, drawn to `PRIOR_RATE` as long as there are few."""
    return (state.repeats + PRIOR_TIMES * PRIOR_RATE) / (state.sessions + state.repeats + PRIOR_TIMES)


SIGNAL = Signal(
    name="repeats",
    scope="item",
    state=State,
    on=frozenset({"seen"}),
    fold=fold,
    explain="Shoppers come back to this item within a visit.",
)
