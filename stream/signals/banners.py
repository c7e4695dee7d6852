"""Banners: which the visitor has seen, when, which they clicked and which they sent away.

Only what caps need is kept, and nothing of other systems' promotions: a banner of ours is named
``<campaign>/<creative>``. An impression counts once for a decision, however often the page tells of it. Times are whole
seconds, rounded up, so that a cap never ends early.
"""

from __future__ import annotations

import re
from bisect import insort
from collections.abc import MutableMapping
from typing import TypeVar
from zlib import crc32

from msgspec import Struct, field

from stream.fold import Emit
from stream.ingest import Accepted
from stream.signal import Signal

CAMPAIGNS = CREATIVES = 30
TIMES = 10
ALL_TIMES = 50

T = TypeVar("T")
_ours = re.compile(r"([a-z][a-z0-9_]{0,63})/[a-z][a-z0-9_]{0,39}").fullmatch


class Creative(Struct, array_like=True, gc=False):
    """When it was seen, ascending, and clicked last (0: never); `decision`: hash of the newest one that showed it."""

    seen: list[int] = field(default_factory=list)
    clicked: int = 0
    decision: int = 0


class State(Struct):
    """Times are in seconds, lists ascending and of the newest only; dicts have what was seen last at their end.

    `items`: creatives by ``<campaign>/<creative>``; `campaigns`: when any creative of one was seen; `seen`: when any
    banner was; `dismissed`: campaign → when one of its banners was sent away.
    """

    items: dict[str, Creative] = field(default_factory=dict)
    campaigns: dict[str, list[int]] = field(default_factory=dict)
    seen: list[int] = field(default_factory=list)
    dismissed: dict[str, int] = field(default_factory=dict)


def fold(state: State, accepted: Accepted, emit: Emit) -> None:  # noqa: ARG001  # as all signals
    """One banner seen, clicked or sent away."""
    event = accepted.event
    ours = None if event.promotion is None else _ours(event.promotion.promotion_id)
    if ours is None:
        return
    at = -(-accepted.at // 1000)
    if accepted.name == "dismiss":
        _remember(state.dismissed, ours[1], max(at, state.dismissed.get(ours[1], 0)), CAMPAIGNS)
        return
    creative = state.items.get(ours[0]) or Creative()
    if accepted.name == "select_promotion":
        creative.clicked = max(at, creative.clicked)
    elif _new(creative, event.decision_id):
        times = state.campaigns.get(ours[1], [])
        for seen, most in ((creative.seen, TIMES), (times, TIMES), (state.seen, ALL_TIMES)):
            insort(seen, at)
            del seen[:-most]
        _remember(state.campaigns, ours[1], times, CAMPAIGNS)
    _remember(state.items, ours[0], creative, CREATIVES)


def _new(creative: Creative, decision_id: str | None) -> bool:
    """Whether this is not the impression that was told of last."""
    decision = crc32(decision_id.encode()) if decision_id else 0
    if decision and decision == creative.decision:
        return False
    creative.decision = decision
    return True


def _remember(held: MutableMapping[str, T], key: str, value: T, most: int) -> None:
    """Put it at the end, and forget what was there first."""
    held.pop(key, None)
    held[key] = value
    while len(held) > most:
        del held[next(iter(held))]


def halve(state: State) -> None:
    """Forget the older half of everything."""
    for held in (state.items, state.campaigns, state.dismissed):
        for key in list(held)[: (len(held) + 1) // 2]:
            del held[key]
    del state.seen[: (len(state.seen) + 1) // 2]


SIGNAL = Signal(
    name="banners",
    scope="visitor",
    state=State,
    on=frozenset({"view_promotion", "select_promotion", "dismiss"}),
    fold=fold,
    halve=halve,
    explain="Which banners you saw, clicked or sent away, so that none comes too often or again.",
)
