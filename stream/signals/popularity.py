"""Popularity: how often an item is seen, now and lately, and how much of it is bought.

Two exponentially decayed counts, so that "popular now" can tell a rush from a steady seller; a count after a long pause
needs no upkeep, since `at` says what time it is of.
"""

from __future__ import annotations

from msgspec import Struct

from stream.entries import Bought, Seen
from stream.signal import Signal

DAY_MS = 86_400_000
# HR@20 of the 20 most popular as a session's first item, last fifth of Serenade / Online Retail: 6 h .024/.076,
# 1 d .038/.095, 7 d .033/.103, 30 d .029/.101, rates of 1 d and 7 d added .039/.100
FAST_MS = DAY_MS
SLOW_MS = 7 * DAY_MS


class State(Struct, array_like=True, gc=False):
    """Counts of one item.

    `fast` and `slow` are in how many sessions it was seen, halved every `FAST_MS` and `SLOW_MS`, as of `at` (ms);
    `seen` is the plain number. `bought` counts the units of confirmed purchases, `claimed` the sessions that told of an
    unconfirmed one: no ranking may use it.
    """

    at: int = 0
    fast: float = 0.0
    slow: float = 0.0
    seen: int = 0
    bought: int = 0
    claimed: int = 0


def fold(state: State, entry: Seen | Bought) -> None:
    """One session or purchase more."""
    if isinstance(entry, Bought):
        state.bought += entry.quantity if entry.confirmed else 0
        state.claimed += not entry.confirmed
        return
    if entry.repeat or not entry.counts:
        return
    state.seen += 1
    passed = entry.at - state.at
    if passed >= 0:
        state.fast = state.fast * 2.0 ** (-passed / FAST_MS) + 1.0
        state.slow = state.slow * 2.0 ** (-passed / SLOW_MS) + 1.0
        state.at = entry.at
    else:  # a late event has decayed on its way
        state.fast += 2.0 ** (passed / FAST_MS)
        state.slow += 2.0 ** (passed / SLOW_MS)


def current(state: State, now: int) -> tuple[float, float]:
    """The fast and the slow count as of `now` (ms); a time before the last event counts as that event's."""
    passed = max(0, now - state.at)
    return state.fast * 2.0 ** (-passed / FAST_MS), state.slow * 2.0 ** (-passed / SLOW_MS)


SIGNAL = Signal(
    name="popularity",
    scope="item",
    state=State,
    on=frozenset({"seen", "bought"}),
    fold=fold,
    explain="Many shoppers are looking at this now.",
)
