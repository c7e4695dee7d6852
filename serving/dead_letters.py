"""Dead letters: read and told."""

from __future__ import annotations

import heapq
from base64 import b64decode
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec
from msgspec import Struct, field

from stream.fold import Record


class Source(Struct, frozen=True):
    """Where the record lies that became a dead letter."""

    topic: str
    partition: int
    offset: int


class _Written(Struct, frozen=True):
    source: Source
    reason: str
    detail: str
    timestamp: int
    key_base64: str | None
    value_base64: str | None


class Place(NamedTuple):
    """Where the letter itself lies."""

    partition: int
    offset: int


class Letter(NamedTuple):
    """A dead letter; `at` is when it was written, `timestamp` the record's own, both in ms."""

    place: Place
    at: int
    source: Source
    reason: str
    detail: str
    timestamp: int
    key: bytes | None
    value: bytes | None


class Wanted(NamedTuple):
    """Which letters: by reason and by source (a topic's noun or name, perhaps with `:partition`); empty: all."""

    reasons: frozenset[str] = frozenset()
    source: str = ""

    def has(self, letter: Letter) -> bool:
        if self.reasons and letter.reason not in self.reasons:
            return False
        topic, _, partition = self.source.partition(":")
        if topic and letter.source.topic not in {topic, f"liveshelf.{topic}.v1"}:
            return False
        return not partition or str(letter.source.partition) == partition


def letters(batches: Iterable[Sequence[Record]], wanted: Wanted) -> Iterator[Letter]:
    """The letters that are wanted, in the order of the log of each partition."""
    for batch in batches:
        for record in batch:
            letter = letter_of(record)
            if letter is not None and wanted.has(letter):
                yield letter


def letter_of(record: Record) -> Letter | None:
    """The letter of a record, None where it is none."""
    try:
        written = msgspec.json.decode(record.value or b"", type=_Written)
        key, value = (None if b64 is None else b64decode(b64) for b64 in (written.key_base64, written.value_base64))
    except (ValueError, msgspec.MsgspecError):
        return None
    place = Place(record.partition, record.offset)
    return Letter(
        place, record.timestamp, written.source, written.reason, written.detail, written.timestamp, key, value
    )


class Summary(Struct):
    """All letters that were looked at: how many by reason, how many of them were replayed, and the newest."""

    reasons: Counter[str] = field(default_factory=Counter)
    replayed: Counter[str] = field(default_factory=Counter)
    newest: list[Letter] = field(default_factory=list)


def summary(found: Iterable[Letter], already: Collection[Place], count: int) -> Summary:
    """Counts, and the newest `count` letters, newest first."""
    told = Summary()
    newest: list[tuple[int, Place, Letter]] = []
    for letter in found:
        told.reasons[letter.reason] += 1
        if letter.place in already:
            told.replayed[letter.reason] += 1
        heapq.heappush(newest, (letter.at, letter.place, letter))
        if len(newest) > count:
            heapq.heappop(newest)
    told.newest = [letter for _, _, letter in sorted(newest, reverse=True)]
    return told
