"""Folds over derived records: every entry counts once, whatever batches it came in (`GUARANTEES.md` §1.5)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

from stream.entries import Entry
from stream.fold import Clock, Emit, Record, State

E = TypeVar("E", bound=Entry)


class Unreadable(Struct, frozen=True):
    """A derived record that is not one of ours."""

    detail: str


CONTROL = "control"
"""Source of records that operators send: each is its own place in the log, so it needs no mark."""


class DerivedFold(ABC, Generic[E]):
    """Drops the entries at or below their source's mark and applies the rest; subclasses say how."""

    entry_type: Any
    made_with = 1

    def __init__(self) -> None:
        entries: Any = list[self.entry_type]  # type: ignore[name-defined]  # a type made at run time
        batch = msgspec.defstruct("Batch", [("source", tuple[str, int]), ("entries", entries), ("keys", int, 1)])
        self._decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(batch)

    @abstractmethod
    def entry_keys(self, entries: Sequence[E]) -> Iterable[str]:
        """The keys that applying these needs in memory."""

    @abstractmethod
    def apply(self, entry: E, state: State, emit: Emit) -> None:
        """Change `state` by one entry, which is new."""

    def decode(self, record: Record) -> Any:
        try:
            return self._decoder.decode(record.value or b"")
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return Unreadable(f"not a derived record: {error}; only the workers write to this topic")

    def keys(self, decoded: Sequence[Any], state: State) -> Iterable[str]:
        for batch in decoded:
            if not isinstance(batch, Unreadable):
                yield from self.entry_keys(batch.entries)

    def fold(self, record: Record, decoded: Any, state: State, emit: Emit) -> None:
        clock = state.read("clock") or Clock()
        clock.record_at = max(clock.record_at, record.timestamp)
        state.put("clock", clock)
        if isinstance(decoded, Unreadable):
            clock.dead += 1
            emit.dead_letter(record, "schema", decoded.detail)
            return
        marks: dict[str, tuple[int, int]] = state.read("marks") or {}
        source = f"{decoded.source[0]}:{decoded.source[1]}"
        mark = (-1, -1) if decoded.source[0] == CONTROL else marks.get(source, (-1, -1))
        for entry in decoded.entries:
            place = (entry.offset, entry.seq)
            if place <= mark:
                clock.duplicates += 1
                continue
            mark = place
            clock.applied += 1
            self.apply(entry, state, emit)
        if decoded.source[0] != CONTROL:
            marks[source] = mark
            state.put("marks", marks)

    def views(self, state: State, changed: Iterable[str]) -> dict[str, bytes | None]:
        return {}
