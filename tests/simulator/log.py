"""The log as a broker keeps it: topics with partitions, offsets and record timestamps, and nothing ever taken back."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from typing import NamedTuple

from stream.fold import Record


class Place(NamedTuple):
    """A partition of a topic (its short noun)."""

    topic: str
    partition: int


class SimLog:
    """Appends and reads; an offset without a record is what a transaction marker or compaction leaves."""

    def __init__(self) -> None:
        self._records: defaultdict[Place, list[Record]] = defaultdict(list)
        self._offsets: defaultdict[Place, list[int]] = defaultdict(list)
        self._ends: defaultdict[Place, int] = defaultdict(int)

    def append(self, place: Place, key: bytes | None, value: bytes | None, timestamp: int) -> Record:
        record = Record(*place, self._ends[place], timestamp, key, value)
        self._records[place].append(record)
        self._offsets[place].append(record.offset)
        self._ends[place] += 1
        return record

    def skip(self, place: Place) -> None:
        """Use up an offset for something that no consumer sees."""
        self._ends[place] += 1

    def end(self, place: Place) -> int:
        return self._ends[place]

    def records(self, place: Place) -> list[Record]:
        return self._records[place]

    def before(self, place: Place, offset: int) -> int:
        """How many records lie before `offset`."""
        return bisect_left(self._offsets[place], offset)

    def read(self, place: Place, start: int, most: int) -> list[Record]:
        """At most so many records from `start` on."""
        first = self.before(place, start)
        return self._records[place][first : first + most]
