"""Decisions as they were logged, joined with what shoppers did then.

```
records ─▶ decisions by id ─┐ by decision_id and item
events, in time order ──────┴─▶ looked at before · clicked · bought, within the decision's windows
```
A click is a `select_item` or `view_item` with the decision's id; a conversion is a purchase of the item by the visitor
who clicked it, within the click window, or had seen it (`view_item_list`), within the view window. Of several decisions
the last one has the credit, and a click before what was only seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta, Struct, field
from msgspec.structs import replace

from serving.placement import DAY_S
from stream.choice import unpacked
from stream.features import CHOICE_FEATURES
from stream.ingest import Accepted, validate
from stream.tokens import BadToken, read_decision_id

CLICKS = frozenset({"select_item", "view_item"})
LOOKS = "view_item"
DEFAULT_WINDOWS = (7 * DAY_S, DAY_S)
_TABLE = CHOICE_FEATURES.index("table")


class Ranked(Struct, frozen=True):
    """What the model that ordered a shelf was told of its items."""

    features: str


class Listed(Struct, frozen=True):
    """An item that might stand at a place; `features` are what the model that ordered the shelf was told of it."""

    item_id: str
    recommender: str
    score: float = 0.0
    features: str = ""
    table: float | None = None


class Slot(Struct):
    """An item where it was shown: with the logging policy's `propensity`, and `instead_of` which item it was drawn.

    `table` is the logarithm of its table score, where the shelf was ordered by a model that was told of it.
    """

    item_id: str
    position: int
    recommender: str
    score: float = 0.0
    propensity: Annotated[float, Meta(gt=0, le=1)] | None = None
    instead_of: Listed | None = None
    table: float | None = None
    clicked: bool = False
    bought: bool = False

    @property
    def probability(self) -> float:
        return 1.0 if self.propensity is None else self.propensity

    @property
    def usual(self) -> Listed:
        """What stands here in the order, without exploration."""
        return self.instead_of or Listed(self.item_id, self.recommender, self.score, table=self.table)


class Logged(Struct):
    """One shelf as it was shown; `looks` tells of each item how often it had been looked at before."""

    decision_id: str
    placement: str
    decided_at: int
    items: list[Slot]
    pid: str | None = None
    choices: Ranked | None = None
    looks: dict[str, int] = field(default_factory=dict)

    @property
    def visitor(self) -> str:
        return self.pid or self.decision_id

    @property
    def order(self) -> list[Listed]:
        """The shelf without exploration."""
        return [slot.usual for slot in self.items]


_decode = msgspec.json.Decoder(Logged).decode


def decisions(records: Iterable[bytes], placement: str = "") -> tuple[list[Logged], int]:
    """Shelves that showed something (of one placement), in time order, each once, and how many records are none."""
    found: dict[str, Logged] = {}
    refused = 0
    for record in records:
        try:
            one = _decode(record)
        except msgspec.MsgspecError:
            refused += 1
            continue
        _tell_tables(one)
        if one.items and placement in {"", one.placement}:
            found[one.decision_id] = one
    return sorted(found.values(), key=lambda one: one.decided_at), refused


def _tell_tables(shelf: Logged) -> None:
    tables = _tables(shelf.choices.features if shelf.choices is not None else "")
    for slot, table in zip(shelf.items, tables, strict=False):
        gone = slot.instead_of
        slot.table = table
        if gone is not None:
            slot.instead_of = replace(gone, table=next(iter(_tables(gone.features)), None))


def _tables(features: str) -> list[float]:
    """The table's column of features; nothing for those of a release that told the model other things."""
    try:
        found: list[float] = unpacked(features, len(CHOICE_FEATURES))[:, _TABLE].tolist()
    except ValueError:
        return []
    return found


class Joined(Struct):
    """What the join found: events that are some, clicks with an id of these decisions, purchases that got a credit."""

    events: int = 0
    clicks: int = 0
    conversions: int = 0


class _Touch(Struct):
    slot: Slot
    until: int


class Join:
    """Notes on decisions what shoppers did; events come in time order."""

    def __init__(self, shelves: Sequence[Logged]) -> None:
        self.found = Joined()
        self._waiting = iter(shelves)
        self._next = next(self._waiting, None)
        self._shelves = {one.decision_id: one for one in shelves}
        self._looks: Counter[str] = Counter()
        self._touches: dict[tuple[str, str], _Touch] = {}

    def play(self, rows: Iterable[bytes]) -> Joined:
        """All lines of a history."""
        for row in rows:
            accepted = validate(row, timestamp=0)
            if isinstance(accepted, Accepted):
                self._note(accepted)
        self._look_back(None)
        return self.found

    def _note(self, accepted: Accepted) -> None:
        self.found.events += 1
        self._look_back(accepted.at)
        event, name = accepted.event, accepted.name
        if name == "purchase":
            for item in event.items:
                self._buy(event.visitor_id, item.item_id, accepted.at)
        shelf = self._shelves.get(event.decision_id or "")
        if shelf is not None and (name in CLICKS or name == "view_item_list"):
            for item in event.items:
                self._touch(shelf, item.item_id, accepted, clicked=name in CLICKS)
        if name == LOOKS:
            self._looks.update(item.item_id for item in event.items)

    def _look_back(self, until: int | None) -> None:
        """Tell the decisions made before `until` what had been looked at."""
        while self._next is not None and (until is None or self._next.decided_at <= until):
            shelf, self._next = self._next, next(self._waiting, None)
            shelf.looks = {one.item_id: self._looks[one.item_id] for one in shelf.order}

    def _touch(self, shelf: Logged, item_id: str, accepted: Accepted, *, clicked: bool) -> None:
        slot = next((one for one in shelf.items if one.item_id == item_id), None)
        if slot is None or accepted.at < shelf.decided_at:
            return
        if clicked and not slot.clicked:
            slot.clicked = True
            self.found.clicks += 1
        click_window_s, view_window_s = _windows(shelf.decision_id)
        until = accepted.at + 1_000 * (click_window_s if clicked else view_window_s)
        before = self._touches.get((accepted.event.visitor_id, item_id))
        if clicked or before is None or before.until < accepted.at or not before.slot.clicked:
            self._touches[accepted.event.visitor_id, item_id] = _Touch(slot, until)

    def _buy(self, visitor_id: str, item_id: str, at: int) -> None:
        touch = self._touches.pop((visitor_id, item_id), None)
        if touch is not None and at <= touch.until:
            touch.slot.bought = True
            self.found.conversions += 1


def _windows(decision_id: str) -> tuple[int, int]:
    """The decision's attribution windows (s); the usual ones for an id that is none of ours."""
    try:
        token = read_decision_id(None, decision_id)  # a record of ours vouches for it
    except BadToken:
        return DEFAULT_WINDOWS
    return token.click_window_s, token.view_window_s


def slots(shelves: Iterable[Logged]) -> Iterator[tuple[Logged, Slot]]:
    """Every place of every shelf."""
    return ((shelf, slot) for shelf in shelves for slot in shelf.items)
