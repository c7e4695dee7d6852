"""Shelves: what the visitor saw of the last few, and what came of it.

A shelf is open from the first impression that names its decision until the visitor moves on: takes an item from it,
goes elsewhere, or does nothing for half an hour. What it came to goes to the learner agent once, by the decision's
nonce and without a word of whose it was; so does, once an item, that one of it was put into the cart or bought.

Where an item stood is not believed from the page: the decision's own record knows.
"""

from __future__ import annotations

from zlib import crc32

from msgspec import Struct, field

from stream.entries import CHOICES, Outcome
from stream.fold import Emit
from stream.ingest import Accepted
from stream.signal import Signal
from stream.signals.session import GAP_MS

SHELVES = 6
ITEMS = 30
OUTCOMES = 20
LIFE_MS = 60 * 60_000
"""How long after a decision something may come of it: as long as the learner agent keeps what was offered."""

_LEADS_ON = frozenset({"select_item", "view_item", "add_to_cart"})
_STEPPING = frozenset({"view_item", "add_to_cart"})
_CONVERTING = frozenset({"add_to_cart", "purchase"})


class Shelf(Struct, array_like=True, gc=False):
    """What was seen of one decision's shelf since `at` (ms).

    A conversion counts until `view_until` (ms) for what was only seen, until `click_until` for what was `clicked`; that
    and `converted` are places in `items`.
    """

    nonce: bytes
    at: int
    view_until: int
    click_until: int
    items: list[str]
    settled: bool = False
    clicked: list[int] = field(default_factory=list)
    converted: list[int] = field(default_factory=list)


class State(Struct, array_like=True, gc=False):
    """`shelves` oldest first; `here`: a hash of the item that the visitor is at; `told`: the session's outcomes."""

    shelves: list[Shelf] = field(default_factory=list)
    here: int = 0
    told: int = 0


def fold(state: State, accepted: Accepted, emit: Emit) -> None:
    """Open shelves by impressions, settle them by where the visitor goes, and see what goes into the cart."""
    if emit.learning and (state.shelves or emit.decision is not None):
        _follow(state, accepted, emit)
    items = accepted.event.items
    if accepted.name in _STEPPING and len(items) == 1:
        state.here = crc32(items[0].item_id.encode())


def _follow(state: State, accepted: Accepted, emit: Emit) -> None:
    name, items = accepted.name, accepted.event.items
    if name == "view_item_list" and emit.decision is not None:
        _open(state, accepted, emit)
    _overtime(state, accepted.at, emit)
    if name in _LEADS_ON and len(items) == 1:
        _moved(state, items[0].item_id, accepted, emit)
    if name in _CONVERTING:
        _converted(state, accepted, emit)


def close(state: State, at: int, emit: Emit, *, learning: bool) -> None:
    """The session is over: what is still open was looked at, and that was all."""
    for shelf in state.shelves:
        if learning and not shelf.settled:
            _tell(state, shelf, at, "ignored", "", emit)
        shelf.settled = True
    state.told = 0


def _open(state: State, accepted: Accepted, emit: Emit) -> None:
    decision, at = emit.decision, accepted.at
    assert decision is not None
    shelf = _of(state, decision.nonce)
    if shelf is None:
        until = decision.at + LIFE_MS
        view_until, click_until = (
            min(decision.at + window_s * 1_000, until) for window_s in (decision.view_window_s, decision.click_window_s)
        )
        shelf = Shelf(decision.nonce, at, view_until, click_until, [])
        state.shelves.append(shelf)
        while len(state.shelves) > SHELVES:
            del state.shelves[0]  # a page may have more shelves: nobody knows yet what comes of this one
    if not shelf.settled:
        for item in accepted.event.items:
            _see(shelf, item.item_id)


def _of(state: State, nonce: bytes) -> Shelf | None:
    return next((shelf for shelf in state.shelves if shelf.nonce == nonce), None)


def _see(shelf: Shelf, item_id: str) -> None:
    if item_id not in shelf.items and len(shelf.items) < ITEMS:
        shelf.items.append(item_id)


def _overtime(state: State, at: int, emit: Emit) -> None:
    for shelf in state.shelves:
        if not shelf.settled and at - shelf.at > GAP_MS:
            _tell(state, shelf, shelf.at + GAP_MS, "ignored", "", emit)


def _moved(state: State, item_id: str, accepted: Accepted, emit: Emit) -> None:
    """The visitor is at an item now: from a shelf, or not. Who stays where they were has not moved."""
    nonce = None if emit.decision is None else emit.decision.nonce
    stays = accepted.name not in _STEPPING or crc32(item_id.encode()) == state.here
    for shelf in state.shelves:
        if shelf.nonce == nonce:
            _clicked(state, shelf, item_id, accepted.at, emit)
        elif not (shelf.settled or stays):
            _tell(state, shelf, accepted.at, "step", item_id, emit)


def _clicked(state: State, shelf: Shelf, item_id: str, at: int, emit: Emit) -> None:
    """A click proves that the item was seen, whatever the impressions said."""
    _see(shelf, item_id)
    if item_id not in shelf.items:
        return
    place = shelf.items.index(item_id)
    if place not in shelf.clicked:
        shelf.clicked.append(place)
    if not shelf.settled:
        _tell(state, shelf, at, "click", item_id, emit)


def _converted(state: State, accepted: Accepted, emit: Emit) -> None:
    edge = accepted.event.edge
    if accepted.name == "purchase" and edge is not None and not edge.purchase_confirmed:
        return
    ids = {item.item_id for item in accepted.event.items}
    for shelf in state.shelves:
        for place, item_id in enumerate(shelf.items):
            until = shelf.click_until if place in shelf.clicked else shelf.view_until
            if item_id in ids and place not in shelf.converted and accepted.at <= until:
                shelf.converted.append(place)
                _send(state, shelf, accepted.at, "convert", item_id, emit)


def _tell(state: State, shelf: Shelf, at: int, kind: str, item_id: str, emit: Emit) -> None:
    shelf.settled = True
    _send(state, shelf, at, kind, item_id, emit)


def _send(state: State, shelf: Shelf, at: int, kind: str, item_id: str, emit: Emit) -> None:
    if state.told < OUTCOMES:
        state.told += 1
        emit.entry("feedback", CHOICES, Outcome, shelf.nonce, at, kind, item_id, shelf.items.copy())


def halve(state: State) -> None:
    """Forget the older half of the shelves."""
    del state.shelves[: (len(state.shelves) + 1) // 2]


SIGNAL = Signal(
    name="shelves",
    scope="visitor",
    state=State,
    on=_LEADS_ON | _CONVERTING | {"view_item_list"},
    fold=fold,
    halve=halve,
    explain="What you saw on the last shelves, and which of it you looked at.",
)
