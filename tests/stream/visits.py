"""One partition's visitor fold in a test's hands: events go in by words and minutes, state and entries come out."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from stream.entries import Entry
from stream.fold import Clock, Emit, State
from stream.ingest import Rejected
from stream.visitor import VisitorFold
from tests.stream.worlds import NOW, PARTITIONS, event, records

E = TypeVar("E", bound=Entry)
MINUTE_MS = 60_000
DAY_MIN = 24 * 60


class Visits:
    """Folds events one by one; what was emitted stays in `emitted`, by topic."""

    def __init__(self, fold: VisitorFold | None = None) -> None:
        self._fold = fold or VisitorFold(str, 1, cid_of="cid-{}".format)
        self.state = State(self._fold.families)
        self.state.load("clock", None)
        self.emitted: list[Entry] = []
        self._offset = 0

    def send(self, name: str, *items: str, visitor: str = "ann", minute: float = 0, **more: Any) -> str:
        """Fold one event; what it was counted as."""
        at = NOW + int(minute * MINUTE_MS)
        more.setdefault("event_id", f"e{self._offset}")
        if name == "search":
            more.setdefault("search_term", "pans")
        return self.send_document(event(name, visitor, *items, at=at, **more))

    def send_document(self, document: dict[str, Any]) -> str:
        (record,) = records([document], start=self._offset)
        self._offset += 1
        before = msgspec.structs.replace(self.clock)
        decoded = self._fold.decode(record)
        assert not isinstance(decoded[1], Rejected), decoded[1]
        for key in self.state.missing(self._fold.keys([decoded], self.state)):
            self.state.load(key, None)
        emit = Emit(("events", 0), PARTITIONS)
        emit.offset = record.offset
        self._fold.fold(record, decoded, self.state, emit)
        self.emitted += [entry for out in emit.out.values() for entry in out.entries]
        return next(name for name in OUTCOMES if getattr(self.clock, name) != getattr(before, name))

    @property
    def clock(self) -> Clock:
        found: Clock | None = self.state.read("clock")
        return found or Clock()

    def visitor(self, visitor: str = "ann") -> Any:
        return self.state.read(f"visitor:{visitor}")

    def steps(self, visitor: str = "ann") -> list[str]:
        """Items of the running session's steps, oldest first."""
        return [step.item_id for step in self.visitor(visitor).session.steps]

    def of(self, kind: type[E]) -> list[E]:
        """What was emitted of one kind."""
        return [entry for entry in self.emitted if isinstance(entry, kind)]


OUTCOMES = ("applied", "duplicates", "dropped", "dead")
