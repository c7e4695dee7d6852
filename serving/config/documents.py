"""The documents in this process's memory: a copy of the compacted topic, with what each kind makes of them.

```
config.v1 ─▶ Follower ─▶ Documents.apply ─▶ by kind and name ─▶ serving
                              └─▶ local copy on disk ─▶ the next start, also while Kafka is away
```
A record's key is `<kind>:<name>`, its value an `Entry`; without a value the built-in document holds again, or none. A
document that this release cannot read (another wrote it) is kept and stands aside: the built-in one holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar

import msgspec
import structlog
from msgspec import Meta, Struct

from serving.config import BadDocument
from stream.fold import Record
from stream.local_copy import LocalCopy

COPY_KIND = "config 1"
T = TypeVar("T")
Origin = Literal["built_in", "edited", "made"]

log = structlog.get_logger()


class Entry(Struct, frozen=True, kw_only=True):
    """One record of the topic (`schemas/config_record.json`); `changed_at` in ms, `changed_by` an account or a key."""

    kind: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}\Z")]
    name: Annotated[str, Meta(min_length=1, max_length=64)]
    revision: Annotated[int, Meta(ge=1, le=2**53)]
    changed_at: Annotated[int, Meta(ge=0)]
    changed_by: Annotated[str, Meta(min_length=1, max_length=80)]
    document: dict[str, Any]


class Kind(NamedTuple, Generic[T]):
    """One kind of document: what its JSON means (raises `BadDocument`), and the documents that are built in."""

    name: str
    read: Callable[[Any, str, int], T]
    built_in: Mapping[str, T]


_decode = msgspec.json.Decoder(Entry).decode
_encode = msgspec.json.Encoder().encode


class Documents(Generic[T]):
    """All documents of one kind that hold now.

    Attributes
    ----------
    all: by name, the built-in ones and those that were made; another mapping after a change.
    entries: the records behind those that are not built in.
    """

    def __init__(self, kind: Kind[T]) -> None:
        self.kind = kind
        self.entries: dict[str, Entry] = {}
        self.all: Mapping[str, T] = kind.built_in

    def origin(self, name: str) -> Origin:
        """Whether the document is as it came, was edited, or was made here."""
        if name not in self.entries:
            return "built_in"
        return "edited" if name in self.kind.built_in else "made"

    def put(self, name: str, entry: Entry | None) -> None:
        """Let a record hold, or the built-in document again."""
        found = dict(self.all)
        self.entries.pop(name, None)
        found.pop(name, None)
        if name in self.kind.built_in:
            found[name] = self.kind.built_in[name]
        if entry is not None:
            try:
                found[name] = self.kind.read(entry.document, name, entry.revision)
                self.entries[name] = entry
            except BadDocument as error:
                log.warning("document_set_aside", kind=self.kind.name, name=name, at=error.pointer, reason=error.detail)
        self.all = MappingProxyType(dict(sorted(found.items())))


class Config:
    """A `Sink` of the topic's records, for the kinds that this process knows.

    Parameters
    ----------
    kinds: what is known; records of others are kept for the local copy.
    copy: where the local copy lies; None keeps none. `run_id` names the run of an embedded broker.

    Attributes
    ----------
    ready: set once the topic, or a local copy of it, has been read.
    """

    def __init__(self, kinds: Sequence[Kind[Any]] = (), copy: LocalCopy | None = None, run_id: str = "") -> None:
        self.ready = asyncio.Event()
        self.refused = 0
        self._kinds = {kind.name: Documents(kind) for kind in kinds}
        self._held: dict[str, bytes] = {}
        self._reading: dict[str, bytes] | None = None
        self._positions: dict[int, int] = {}
        self._waiting: set[asyncio.Future[None]] = set()
        self._copy, self._run_id = copy, run_id
        self._copied: dict[str, bytes] | None = None

    def of(self, kind: Kind[T]) -> Documents[T]:
        """The documents of a kind."""
        return self._kinds[kind.name]

    # a sink of records

    def restart(self) -> None:
        self._reading = {}

    def apply(self, records: Sequence[Record]) -> None:
        for record in records:
            self._take(record.key or b"", record.value)
            self._positions[record.partition] = record.offset + 1
        self._wake()

    def caught_up(self) -> None:
        if self._reading is not None:
            self._replace(self._reading)
            self._reading = None
        self.ready.set()
        self._wake()

    async def reached(self, partition: int, offset: int) -> None:
        """Wait until this record holds here."""
        while self._reading is not None or self._positions.get(partition, 0) <= offset:
            moved: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(moved)
            await moved

    def _wake(self) -> None:
        for moved in self._waiting:
            if not moved.done():
                moved.set_result(None)
        self._waiting.clear()

    def _take(self, key: bytes, value: bytes | None) -> None:
        held = self._held if self._reading is None else self._reading
        text = key.decode("utf-8", "replace")
        if value is None:
            held.pop(text, None)
        else:
            held[text] = value
        if self._reading is None:
            self._let_hold(text, value)

    def _replace(self, held: dict[str, bytes]) -> None:
        before, self._held = self._held, held
        for key in before.keys() | held.keys():
            if before.get(key) != held.get(key):
                self._let_hold(key, held.get(key))

    def _let_hold(self, key: str, value: bytes | None) -> None:
        kind, _, name = key.partition(":")
        documents = self._kinds.get(kind)
        if documents is not None:
            documents.put(name, None if value is None else self._entry(key, value))

    def _entry(self, key: str, value: bytes) -> Entry | None:
        try:
            entry = _decode(value)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            reason = str(error)
        else:
            if f"{entry.kind}:{entry.name}" == key:
                return entry
            reason = "its key is not its kind and name"
        self.refused += 1
        log.warning("config_record_refused", reason=reason, meaning="the built-in document holds, if there is one")
        return None

    # the local copy

    def load(self) -> bool:
        """Take the local copy, if there is one of this run; what the topic says replaces it later."""
        blocks = self._copy.read() if self._copy else None
        if not blocks or msgspec.msgpack.decode(blocks[0], type=str) != self._run_id:
            return False
        self._replace(dict(msgspec.msgpack.decode(blocks[1], type=dict[str, bytes])))
        self._copied = dict(self._held)
        self.ready.set()
        return True

    async def save(self) -> None:
        """Write the local copy if anything changed since the last one."""
        if self._copy is None or not self.ready.is_set() or self._reading is not None or self._copied == self._held:
            return
        held = dict(self._held)
        try:
            await self._copy.write([self._run_id, held])
            self._copied = held
        except OSError as error:
            log.warning("config_not_copied", reason=str(error), meaning="a start without Kafka has built-in settings")


def encoded(entry: Entry) -> bytes:
    """The record as bytes."""
    return _encode(entry)
