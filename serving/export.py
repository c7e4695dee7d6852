"""Everything that is held of one visitor, and of nobody else, as one JSON document that is made while it is sent.

```
Redis: position, visitor, vector, privacy, open session ─▶ first part ─┐
models, catalogue ─▶ what is inferred ─────────────────────────────────┤
events, decisions, dead letters: the visitor's partition ─▶ batch by batch, by key ─▶ "incomplete" ─▶ end
```
What cannot be read before the first part is an error; what ends in the middle is said in `incomplete`.
"""

from __future__ import annotations

import time
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from msgspec import Raw, Struct

from serving.erasure import Ends
from serving.held import stores
from serving.models import Models
from serving.privacy import shown
from serving.shop import Shop
from serving.threads import one_by_one
from serving.visitors import TOPIC, Visitors, as_allowed
from stream import vectors
from stream.cluster import BrokerAway
from stream.customers import partition_of_customer
from stream.fold import Record
from stream.privacy import MARK, key_of, owner, unpack
from stream.profile import Customer
from stream.signals import bought, cart, session, viewed
from stream.state.keys import Tag
from stream.state.store import Position, Store, Unavailable
from stream.topics import TOPICS, partition_of
from stream.visitor import RETENTION_MS, SIGNALS, Visitor, VisitorBase

RAW = ("events", "decisions", "dead_letters")
LONGEST_S = 600.0
TOP_CATEGORIES = 5
VECTOR_SAYS = "Where this visit is among the items' titles: similar items are near."
_encode = msgspec.json.Encoder().encode
_customer = msgspec.msgpack.Decoder(Customer).decode
_unpack = msgspec.msgpack.Decoder(Visitor).decode

ReadLog = Callable[[str, int, int, int], Iterator[list[Record]]]
"""The records of (noun, partition) in [start, end), in batches; raises `BrokerAway`."""


class Busy(Exception):
    """The process makes another export already: one at a time is load enough for the broker."""


class Exports:
    """Makes exports, one at a time.

    Parameters
    ----------
    ends: the next offset of each partition's log, `read` its records; both raise `BrokerAway`.
    partitions: how many partitions a topic has, by noun; 0 while nobody knows.
    clock: now, in ms; `timer` seconds that only grow.
    """

    def __init__(
        self,
        visitors: Visitors,
        models: Models,
        shop: Shop,
        store: Store,
        ends: Ends,
        read: ReadLog,
        partitions: Callable[[str], int],
        *,
        clock: Callable[[], float],
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._visitors, self._models, self._shop, self._store = visitors, models, shop, store
        self._ends, self._read, self._partitions = ends, read, partitions
        self._clock, self._timer = clock, timer
        self._running = False

    async def parts(self, visitor_id: str) -> AsyncGenerator[bytes]:
        """The document, part by part. Before the first one it raises `Busy`, `Unavailable` or `BrokerAway`."""
        with self._alone():
            key = visitor_id.encode()
            logs = [Tag(noun, self._partition(noun, key)) for noun in RAW]
            ends = await self._ends(logs)
            held = _encode(await self._held(visitor_id))
            yield held[:-1] + b',"records":{'
            incomplete: str | None = None
            for number, (log, end) in enumerate(zip(logs, ends, strict=True)):
                yield (b"," if number else b"") + _encode(log.topic) + b":["
                try:
                    if incomplete is None:
                        async for records in self._records(log, end, key):
                            yield records
                except BrokerAway:
                    incomplete = (
                        f"The broker gave no more: not all from {TOPICS[log.topic].name} on is here. Ask again."
                    )
                yield b"]"
            yield b'},"incomplete":' + _encode(incomplete) + b"}"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if self._running:
            raise Busy
        self._running = True
        try:
            yield
        finally:
            self._running = False

    def _partition(self, noun: str, key: bytes) -> int:
        partitions = self._partitions(noun)
        if not partitions:
            raise Unavailable("the topics' partitions are not known yet")
        return partition_of(key, partitions)

    async def _records(self, log: Tag, end: int, key: bytes) -> AsyncGenerator[bytes]:
        """The visitor's records of a log as JSON, separated by commas; the log is read as fast as the client takes."""
        until, first = self._timer() + LONGEST_S, True
        async for batch in one_by_one(self._read(log.topic, log.partition, 0, end)):
            if own := [_encode(_record(record)) for record in batch if record.key == key]:
                yield (b"" if first else b",") + b",".join(own)
                first = False
            if self._timer() > until:
                raise BrokerAway(f"reading took longer than {LONGEST_S:.0f} s")

    async def _held(self, visitor_id: str) -> dict[str, Any]:
        """All but the raw records."""
        tag, pid = owner(self._visitors.partition(visitor_id)), self._visitors.pid_of(visitor_id)
        wanted = [MARK, key_of(pid), f"visitor:{pid}", f"vector:{pid}"]
        reading = await self._store.read(tag, wanted)
        mark, packed_privacy, packed, vector = reading.values
        self._visitors.believe(tag.partition, mark)
        known, privacy = as_allowed(packed, packed_privacy), unpack(packed_privacy)
        visitor: Any = None if packed is None else _unpack(packed)
        now = int(self._clock())
        return {
            "visitor_id": visitor_id,
            "pid": pid,
            "exported_at": now,
            "as_of": _place(tag, reading.position),
            "consent": shown({} if known is None else known.consent),
            "epoch": privacy.epoch,
            "erased_at": privacy.erased_at or None,
            "profile": None if visitor is None else self._profile(visitor, known, now),
            "customer": None if visitor is None else await self._customer(visitor, pid),
            "open_session_last_at": await self._store.score(tag, pid),
            "session_vector": None if vector is None else _vector(vector),
            "inferred": {} if visitor is None else self._inferred(visitor),
            "stores": [store for store in stores() if store.personal],
        }

    def _profile(self, visitor: Any, known: Any, now: int) -> dict[str, Any]:
        """The visitor's value with names for everything in it, and whether answers use it now."""
        word = known.consent.get("personalization")
        agreed = word is not None and word.granted and visitor.epoch == known.epoch
        base = {name: readable(getattr(visitor, name)) for name in VisitorBase.__struct_fields__ if name != "consent"}
        base["recent"] = {f"{event_hash:016x}": minute for event_hash, minute in visitor.recent.items()}
        signals = {one.name: {"explain": one.explain, "value": readable(one.of(visitor))} for one in SIGNALS}
        return {"in_use": agreed and now - visitor.last_at <= RETENTION_MS, **base, "signals": signals}

    async def _customer(self, visitor: Any, pid: str) -> dict[str, Any] | None:
        """Whose visitor this is, under a pseudonym, and what the customer's other devices are let know of them."""
        cid = visitor.customer
        if not cid:
            return None
        partitions = self._partitions("profile")
        if not partitions:
            raise Unavailable("the topics' partitions are not known yet")
        tag = Tag("profile", partition_of_customer(visitor, {"profile": partitions}))
        (packed,) = await self._store.load(tag, [f"customer:{cid}"])
        shared = None if packed is None else _customer(packed).visitors.get(pid)
        return {"cid": cid, "shared": None if shared is None else readable(shared)}

    def _inferred(self, visitor: Any) -> dict[str, Any]:
        """What the store concludes: models of the running session, and the categories of what was looked at."""
        steps = [step.item_id for step in session.SIGNAL.of(visitor).steps]
        items = {one.item_id for one in viewed.SIGNAL.of(visitor).items}
        items |= {*bought.SIGNAL.of(visitor).items, *cart.SIGNAL.of(visitor).items}
        return {
            "models": self._models.of_session(visitor),
            "categories_of_the_session": self._categories(steps),
            "categories_of_the_profile": self._categories(sorted(items)),
        }

    def _categories(self, item_ids: list[str]) -> list[dict[str, Any]]:
        found = (self._shop.category_of.get(item_id) for item_id in item_ids)
        counted = Counter(category for category in found if category is not None)
        return [{"category": category, "count": count} for category, count in counted.most_common(TOP_CATEGORIES)]


def readable(value: Any) -> Any:
    """A value as JSON with the names of its fields, also where it is stored without them."""
    if isinstance(value, Struct):
        return {name: readable(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, dict):
        return {str(key): readable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [readable(one) for one in value]
    return value


def _place(tag: Tag, position: str | None) -> dict[str, Any]:
    offset = Position.parse(position).offset if position else 0
    return {"topic": TOPICS[TOPIC].name, "partition": tag.partition, "offset": offset}


def _vector(packed: bytes) -> dict[str, Any]:
    found = vectors.unpack(packed)
    return {"explain": VECTOR_SAYS, "values": [] if found is None else found.tolist()}


def _record(record: Record) -> dict[str, Any]:
    """One record as it lies in the log; what is no JSON comes in base64."""
    shown: dict[str, Any] = {"partition": record.partition, "offset": record.offset, "timestamp": record.timestamp}
    if record.value is None:
        return {**shown, "value": None}
    try:
        msgspec.json.decode(record.value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {**shown, "value_base64": b64encode(record.value).decode()}
    return {**shown, "value": Raw(record.value)}
