"""One partition of the query agent in a test's hands."""

from __future__ import annotations

from typing import Any

import msgspec

from stream.fold import Batch, Emit, Record, State
from stream.query import QueryFold
from stream.query_counts import Counts
from stream.query_items import Items
from stream.query_text import digest, normalised
from tests.stream.worlds import NOW

QUERY = "red pan"
pack = msgspec.msgpack.Encoder().encode


class Agent:
    """One partition's fold; entries go in numbered, as one source sends them."""

    def __init__(self) -> None:
        self.fold = QueryFold()
        self.state = State(self.fold.families)
        for family in self.fold.families:
            if not family.id:
                self.state.load(family.name, None)
        self._offset = -1

    def tell(self, *entries: Any) -> None:
        numbered = []
        for entry in entries:
            self._offset += 1
            numbered.append(msgspec.structs.replace(entry, offset=self._offset))
        self.take(pack(Batch(("events", 0), numbered)))

    def take(self, value: bytes) -> None:
        decoded = self.fold.decode(Record("queries", 0, 0, NOW, None, value))
        for key in self.state.missing(self.fold.keys([decoded], self.state)):
            self.state.load(key, None)
        emit = Emit(("queries", 0), {})
        self.fold.fold(Record("queries", 0, 0, NOW, None, value), decoded, self.state, emit)

    def row(self, query: str) -> Items | None:
        """What is known of a query's items, None if nobody has told anything."""
        key = f"found:{digest(normalised(query) or '')}"
        row: Items | None = None if self.state.missing([key]) else self.state.read(key)
        return row

    def found(self, query: str = QUERY) -> Items:
        row = self.row(query)
        assert row is not None
        return row

    def counts(self, query: str = QUERY) -> Counts:
        counts: Counts = self.state.read(f"query:{digest(query)}")
        return counts

    @property
    def written(self) -> dict[str, bytes]:
        """Everything that is stored but the clock and the marks, which say how it came."""
        values = self.state.writes().values
        return {key: value for key, (value, _) in values.items() if key not in {"clock", "marks"}}
