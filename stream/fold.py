"""What an agent is: a pure fold of its topic's records over the state that a partition owns.

`State` holds that state decoded in memory (an LRU over the store) and remembers what changed; `Emit` collects what goes
out in derived records. No clock, no randomness, no settings, no other agent's state in here (`GUARANTEES.md` §1.6).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple, Protocol
from zlib import crc32

import msgspec
from msgspec import Struct, field

from stream.entries import Entry
from stream.tokens import DecisionToken
from stream.topics import TOPICS, partition_of

_pack = msgspec.msgpack.Encoder().encode
_HASHED = 512  # the longest legal key; a broken record's may be a megabyte, too long to hash and to keep in a cache


class Record(Struct, frozen=True, gc=False):
    """One record as it lies in the log; `topic` is the short noun, `timestamp` in ms."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class Family(Struct, frozen=True):
    """One kind of value that a partition owns, and for how long.

    `ttl_s` is garbage collection, at least twice the logical retention; 0 = for ever, as for a value that says that it
    `lasts`. A `view` is derived from other
    values when they are written: no fold reads it, and `rebuild` does not compare it. `id` says what an id (of a
    ranking: a member) is; ``pid`` and ``cid`` are pseudonyms. `renamed` changes the pseudonyms inside a value, given
    what each becomes and the topics' partitions; without it there are none. `compared` is false where the log
    cannot say what it must be.
    """

    name: str
    type: Any
    explain: str
    id: str = ""
    ttl_s: int = 0
    view: bool = False
    renamed: Callable[[Any, Callable[[str], str], Mapping[str, int]], Any] | None = None
    compared: bool = True


class Batch(Struct, gc=False, omit_defaults=True):
    """A derived record's value: entries with their source; `keys`: with how many keys its pseudonyms were made."""

    source: tuple[str, int]
    entries: list[Any]
    keys: int = 1


class Outbound(NamedTuple):
    """A record to send; `topic` is the short noun."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None


class DeadLetter(Struct, frozen=True):
    """A record that could not be applied, and why."""

    record: Record
    reason: str
    detail: str

    def outbound(self, partitions: int) -> Outbound:
        """As `schemas/dead_letter.json` has it, with the original bytes."""
        record = self.record
        document = {
            "source": {"topic": TOPICS[record.topic].name, "partition": record.partition, "offset": record.offset},
            "reason": self.reason,
            "detail": self.detail,
            "timestamp": record.timestamp,
            "key_base64": None if record.key is None else b64encode(record.key).decode(),
            "value_base64": None if record.value is None else b64encode(record.value).decode(),
        }
        partition = partition_of((record.key or b"")[:_HASHED], partitions)
        return Outbound("dead_letters", partition, record.key, msgspec.json.encode(document))


class Writes(Struct):
    """What one commit writes: values whole (`key → bytes, ttl_ms`), deleted keys, and the changes of one ranking."""

    values: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    ranked: dict[str, float] = field(default_factory=dict)
    unranked: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return len(self.values) + len(self.deleted)


class Outgoing(Struct):
    """Entries for one target partition, in order."""

    entries: list[Entry] = field(default_factory=list)
    offset: int = -1
    seq: int = 0


class Emit:
    """Collects derived entries and dead letters; the shard sends them before it commits.

    `learning` is false while the event at hand must not teach anything (a flood, a late event, a wrong clock);
    `decision` is the one that the event at hand follows from, if it may be believed.
    `keys`: with how many keys the pseudonyms in it are made.
    """

    __slots__ = ("_keys", "dead", "decision", "learning", "offset", "out", "partitions", "records", "source")

    def __init__(self, source: tuple[str, int], partitions: Mapping[str, int], *, keys: int = 1) -> None:
        self.source, self.partitions = source, partitions
        self._keys = keys
        self.out: dict[tuple[str, int], Outgoing] = {}
        self.dead: list[DeadLetter] = []
        self.records: list[Outbound] = []
        self.offset = -1
        self.learning = True
        self.decision: DecisionToken | None = None

    def entry(self, topic: str, key: str, kind: Callable[..., Entry], *fields: object) -> None:
        self.entry_at(topic, partition_of(key.encode(), self.partitions[topic]), kind, *fields)

    def entry_at(self, topic: str, partition: int, kind: Callable[..., Entry], *fields: object) -> None:
        place = (topic, partition)
        out = self.out.get(place)
        if out is None:
            out = self.out[place] = Outgoing()
        if out.offset != self.offset:
            out.offset, out.seq = self.offset, 0
        out.entries.append(kind(self.offset, out.seq, *fields))
        out.seq += 1

    def record(self, topic: str, key: bytes, value: bytes | None) -> None:
        """A record whose value is whole, so that it may be sent twice, to the partition that this one is."""
        self.records.append(Outbound(topic, self.source[1], key, value))

    def dead_letter(self, record: Record, reason: str, detail: str) -> None:
        self.dead.append(DeadLetter(record, reason, detail))

    def drain(self, largest_bytes: int = 512 * 1024) -> list[list[Outbound]]:
        """What to send, in rounds: a round may go out at once, the next only when all of it is acknowledged.

        A target partition has at most one record in a round: were two under way, the second could arrive without the
        first, whose entries would then lie below the mark. No record is larger than `largest_bytes`, which has to stay
        below what a broker takes (1 MB): one that is refused is refused for ever.
        """
        letters = [letter.outbound(self.partitions["dead_letters"]) for letter in self.dead]
        rounds: list[list[Outbound]] = [letters + self.records]
        for (topic, partition), out in self.out.items():
            for number, value in enumerate(self._packed(out.entries, largest_bytes)):
                if number == len(rounds):
                    rounds.append([])
                rounds[number].append(Outbound(topic, partition, None, value))
        self.out, self.dead, self.records = {}, [], []
        return [round_ for round_ in rounds if round_]

    def _packed(self, entries: list[Entry], largest_bytes: int) -> Iterator[bytes]:
        value = _pack(Batch(self.source, list(entries), self._keys))
        if len(value) <= largest_bytes or len(entries) == 1:
            yield value
        else:
            middle = len(entries) // 2
            yield from self._packed(entries[:middle], largest_bytes)
            yield from self._packed(entries[middle:], largest_bytes)


class Clock(Struct, gc=False):
    """How far a partition is: event time, log time and what became of its records (all counts since offset 0).

    `newest_at` is the newest event time that two visitors have reached, so that no single record with a wrong clock
    moves it; `lead_at` is the one visitor's that is further, `lead_by` 16 bits of who that is.
    """

    newest_at: int = 0
    lead_at: int = 0
    lead_by: int = 0
    record_at: int = 0
    applied: int = 0
    duplicates: int = 0
    dropped: int = 0
    dead: int = 0

    def advance(self, visitor_id: str, at: int) -> None:
        """A visitor has come to `at`: it leads, or confirms how far another had come.

        It goes by the id, as pseudonyms change with a migration.
        """
        who = crc32(visitor_id.encode()) & 0xFFFF
        if who != self.lead_by:
            self.newest_at = max(self.newest_at, min(at, self.lead_at))
        if at > self.lead_at:
            self.lead_at, self.lead_by = at, who


CLOCK = Family("clock", Clock, "the partition's newest event time and its counts of records")
MARKS = Family("marks", dict[str, tuple[int, int]], "per source partition the last derived entry applied")


class Fold(Protocol):
    """One agent."""

    name: str
    topic: str
    made_with: int
    """With how many keys the pseudonyms in what it emits are made."""

    @property
    def families(self) -> tuple[Family, ...]:
        """Its values' families."""

    @property
    def ranking(self) -> Family | None:
        """Its partition's ranking, if it has one."""

    def decode(self, record: Record) -> Any:
        """The record's content, validated; never raises for bad data."""

    def keys(self, decoded: Sequence[Any], state: State) -> Iterable[str]:
        """The keys that folding these needs in memory."""

    def fold(self, record: Record, decoded: Any, state: State, emit: Emit) -> None:
        """Change `state` and `emit` by one record."""

    def views(self, state: State, changed: Iterable[str]) -> dict[str, bytes | None]:
        """Views of the changed values, written with them (None: delete it)."""


class State:
    """The decoded values of one partition: what a fold reads and changes."""

    def __init__(self, families: Iterable[Family], *, capacity: int = 100_000) -> None:
        self.families = {family.name: family for family in families}
        self._decoders = {name: msgspec.msgpack.Decoder(f.type) for name, f in self.families.items() if not f.view}
        self._values: dict[str, Any] = {}
        self._changed: dict[str, None] = {}
        self._capacity = capacity
        self.rank: dict[str, float] = {}
        self._reranked: dict[str, None] = {}

    def missing(self, keys: Iterable[str]) -> list[str]:
        """Which of `keys` must be loaded; those in memory become the most recently used."""
        values, missing = self._values, []
        for key in dict.fromkeys(keys):
            if key in values:
                values[key] = values.pop(key)
            else:
                missing.append(key)
        return missing

    def load(self, key: str, packed: bytes | None) -> None:
        self._values[key] = None if packed is None else self._decoders[key.partition(":")[0]].decode(packed)

    def read(self, key: str) -> Any:
        """The value, or None; `KeyError` if the fold did not name the key beforehand."""
        return self._values[key]

    def put(self, key: str, value: Any) -> None:
        """Set a value, or mark one that was changed in place; None deletes it."""
        self._values[key] = value
        self._changed[key] = None

    def rerank(self, member: str, score: float | None) -> None:
        """Set a member of the partition's ranking, or with None take it out."""
        if score is None:
            self.rank.pop(member, None)
        else:
            self.rank[member] = score
        self._reranked[member] = None

    @property
    def changed(self) -> Collection[str]:
        """The keys that the next commit writes."""
        return self._changed.keys()

    def writes(self) -> Writes:
        """What changed since the last `settle`, encoded."""
        out = Writes()
        for key in self._changed:
            value = self._values[key]
            if value is None:
                out.deleted.append(key)
            else:
                ttl_s = 0 if getattr(value, "lasts", False) else self.families[key.partition(":")[0]].ttl_s
                out.values[key] = (_pack(value), ttl_s * 1_000)
        for member in self._reranked:
            score = self.rank.get(member)
            if score is None:
                out.unranked.append(member)
            else:
                out.ranked[member] = score
        return out

    def settle(self) -> None:
        """The writes are in the store: forget what changed, and the least recently used beyond the capacity.

        Values without an id (the clock, the marks) stay: folds read them without naming them.
        """
        self._changed.clear()
        self._reranked.clear()
        excess = len(self._values) - self._capacity
        if excess > 0:
            for key in list(islice((key for key in self._values if ":" in key), excess)):
                del self._values[key]
