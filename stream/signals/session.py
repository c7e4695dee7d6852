"""Session: what the visitor is doing right now, and which items follow which.

A session is the events with one `session_id`, or without it the events with no pause of 30 minutes (GA4's rule). Its
steps (single-item views and carts) say which item followed which.

What one visitor can teach is bounded (`GUARANTEES.md` §3): a session counts once for a pair of items and for at most
`PAIRS` pairs, once for an item and once for coming back to it; `SESSIONS_A_DAY` sessions teach within a day, by when
they began; a flood teaches nothing. What does not teach is served all the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import combinations
from zlib import crc32

from msgspec import Struct, field

from stream.entries import Bought, Followed, Seen
from stream.fold import Emit
from stream.ingest import Accepted
from stream.signal import Signal

GAP_MS = 30 * 60_000
STEPS = 50
PAIRS = 300
ITEMS = 300
TIMES = 2
CARTED, ORDERED = 4, 8
SESSIONS_A_DAY = 3
DAY_MS = 24 * 60 * 60_000
WINDOW = 5
WEIGHTS = tuple(math.exp(-distance / 1.5) for distance in range(WINDOW))
FLOOD_A_MINUTE = 120
FLOOD_A_SESSION = 2_000
NAMES = 24


class Step(Struct, array_like=True, frozen=True, gc=False):
    """One single-item view or cart at `at` (ms)."""

    item_id: str
    event: str
    at: int
    event_id: str


class State(Struct):
    """The running session; `last_at` = 0 means there is none.

    `steps` oldest first; `pairs` are the hashes of the pairs already counted, `seen` of the items with how many times
    they were (plus `CARTED`, plus `ORDERED`); `counts` is event name → number; `bought`: a confirmed purchase,
    `claimed`: one that only the browser tells of; `muted`: it teaches nothing (any more); `samples` are the intent
    model's features at moments of this session; `minute` and `in_minute` watch for floods.
    """

    id: str = ""
    explicit: bool = False
    started_at: int = 0
    last_at: int = 0
    steps: list[Step] = field(default_factory=list)
    pairs: dict[int, int] = field(default_factory=dict)
    seen: dict[int, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    events: int = 0
    bought: bool = False
    claimed: bool = False
    closed: bool = False
    muted: bool = False
    minute: int = 0
    in_minute: int = 0
    samples: list[list[int]] = field(default_factory=list)


def continues(state: State, accepted: Accepted) -> bool:
    """Whether the event belongs to the running session."""
    if not state.last_at:
        return False
    named = accepted.event.session_id
    if named is not None:
        return named == state.id
    return state.started_at - GAP_MS <= accepted.at <= state.last_at + GAP_MS


def late(state: State, accepted: Accepted) -> bool:
    """Whether the event belongs to a session that is over: it still counts, but steps nowhere."""
    return bool(state.last_at) and accepted.at < state.started_at and not continues(state, accepted)


def may_teach(taught: list[int], at: int) -> bool:
    """Whether a session that begins at `at` may teach; if so it is remembered in `taught`.

    Parameters
    ----------
    taught: when the visitor's sessions that taught within a day began (ms), ascending; changed in place.

    Notes
    -----
    A session that begins before the last one that taught does not, or a bot that sends events of today and of
    yesterday in turn would have made the one day forget the other.
    """
    taught[:] = [before for before in taught if at - before < DAY_MS]
    if len(taught) >= SESSIONS_A_DAY or (taught and at < taught[-1]):
        return False
    taught.append(at)
    return True


def used_up(taught: list[int]) -> list[int]:
    """What stays of `taught` when the visitor's profile is forgotten: one time, and no more teaching for a day."""
    return taught[-1:] * SESSIONS_A_DAY


def begin(accepted: Accepted, before: State, *, muted: bool) -> State:
    """A new session; the watch for floods goes on, or a bot had only to change its session."""
    named = accepted.event.session_id
    return State(
        id=named or accepted.event.event_id,
        explicit=named is not None,
        started_at=accepted.at,
        muted=muted,
        minute=before.minute,
        in_minute=before.in_minute,
    )


def fold(state: State, accepted: Accepted, emit: Emit) -> None:
    """Count the event in, take its step, and say whether it may teach."""
    event, name, at = accepted.event, accepted.name, accepted.at
    if late(state, accepted):
        emit.learning = False
        return
    state.started_at = min(state.started_at, at)
    state.last_at = max(state.last_at, at)
    state.events += 1
    state.closed = False
    if name in state.counts or len(state.counts) < NAMES:
        state.counts[name] = state.counts.get(name, 0) + 1
    _watch_for_floods(state, at)
    if event.edge is not None and not event.edge.teaches:
        state.muted = True
    emit.learning = emit.learning and not state.muted
    if name in _STEPPING and len(event.items) == 1:
        _step(state, event.items[0].item_id, accepted, emit)
    elif name in _TOGETHER and len(event.items) > 1 and emit.learning:
        _relate_together(state, sorted({item.item_id for item in event.items}), at, emit)
    if name == "purchase":
        _buy(state, accepted, emit)


_STEPPING = frozenset({"view_item", "add_to_cart"})
_TOGETHER = frozenset({"purchase", "add_to_cart"})


def _watch_for_floods(state: State, at: int) -> None:
    minute = at // 60_000
    if minute > state.minute:
        state.minute, state.in_minute = minute, 0
    state.in_minute += 1  # an earlier minute counts with the newest, or a bot had only to go back and forth
    if state.in_minute > FLOOD_A_MINUTE or state.events > FLOOD_A_SESSION:
        state.muted = True


def _step(state: State, item_id: str, accepted: Accepted, emit: Emit) -> None:
    if emit.learning:
        _teach_step(state, item_id, accepted, emit)
    state.steps.append(Step(item_id, accepted.name, accepted.at, accepted.event.event_id))
    if len(state.steps) > STEPS:
        del state.steps[0]


def _teach_step(state: State, item_id: str, accepted: Accepted, emit: Emit) -> None:
    key = crc32(item_id.encode())
    known = state.seen.get(key, 0)
    times = known % CARTED
    counts = times < TIMES if known else len(state.seen) < ITEMS
    if counts:
        state.seen[key] = known + 1
    cart = accepted.name == "add_to_cart" and _mark_once(state, key, CARTED)
    back = _pair_back(state, item_id, accepted.at, emit)
    if counts or back or cart:
        emit.entry("pairs", item_id, Seen, item_id, accepted.at, accepted.name, times > 0, back, counts, cart)


def _mark_once(state: State, key: int, mark: int) -> bool:
    """Whether an item of this session gets this mark for the first time; beyond `ITEMS` none does."""
    known = state.seen.get(key, 0)
    if known & mark or not (known or len(state.seen) < ITEMS):
        return False
    state.seen[key] = known | mark
    return True


def _pair_back(state: State, item_id: str, at: int, emit: Emit) -> list[tuple[str, float]]:
    back: list[tuple[str, float]] = []
    for step, weight in zip(reversed(state.steps), WEIGHTS, strict=False):
        other = step.item_id
        if other == item_id:
            break
        if _count_once(state, f"{other}\0{item_id}"):
            back.append((other, weight))
            emit.entry("pairs", other, Followed, other, at, "viewed", item_id, weight)
    return back


def _relate_together(state: State, item_ids: list[str], at: int, emit: Emit) -> None:
    for one, other in combinations(item_ids, 2):
        if len(state.pairs) >= PAIRS:
            return
        if _count_once(state, f"{one}\0\0{other}"):
            emit.entry("pairs", one, Followed, one, at, "together", other, 1.0)
            emit.entry("pairs", other, Followed, other, at, "together", one, 1.0)


def _buy(state: State, accepted: Accepted, emit: Emit) -> None:
    """A confirmed order counts with its units; what only the browser tells of counts once a session, as a claim."""
    event = accepted.event
    confirmed = event.confirmed
    state.bought = state.bought or confirmed
    state.claimed = state.claimed or not confirmed
    for item in event.items if emit.learning else ():
        if confirmed or _count_once(state, f"{item.item_id}\0\0\0"):
            first = confirmed and _mark_once(state, crc32(item.item_id.encode()), ORDERED)
            emit.entry("pairs", item.item_id, Bought, item.item_id, accepted.at, item.quantity, confirmed, first)


def relate_bought(state: State, before: Iterable[str], accepted: Accepted, emit: Emit) -> None:
    """What led to a confirmed order: what was looked at in this session, and what the visitor had bought `before`.

    Parameters
    ----------
    before: what the visitor bought in earlier confirmed orders, newest first.
    """
    event = accepted.event
    if not (emit.learning and event.confirmed):
        return
    ordered = list(dict.fromkeys(item.item_id for item in event.items))
    for item_id in dict.fromkeys([*(step.item_id for step in reversed(state.steps)), *before]):
        for other in ordered:
            if len(state.pairs) >= PAIRS:
                return
            if other != item_id and _count_once(state, f"{item_id}\0\0\0{other}"):
                emit.entry("pairs", item_id, Followed, item_id, accepted.at, "bought", other, 1.0)


def _count_once(state: State, pair: str) -> bool:
    key = crc32(pair.encode())
    if key in state.pairs or len(state.pairs) >= PAIRS:
        return False
    state.pairs[key] = 1
    return True


def halve(state: State) -> None:
    """Forget the older half of the steps."""
    del state.steps[: (len(state.steps) + 1) // 2]


SIGNAL = Signal(
    name="session",
    scope="visitor",
    state=State,
    on=frozenset(
        {
            "page_view", "view_item_list", "select_item", "view_item", "search", "add_to_cart", "remove_from_cart",
            "view_cart", "begin_checkout", "purchase", "refund", "add_to_wishlist", "view_promotion",
            "select_promotion", "dismiss",
        }
    ),
    fold=fold,
    halve=halve,
    explain="What you are looking at in this visit.",
)  # fmt: skip
