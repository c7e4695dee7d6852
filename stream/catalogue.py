"""The catalogue in this process's memory: a copy of the compacted topic, with what serving needs to read it fast.

```
catalog.v1 ─▶ Follower ─▶ Catalogue.apply ─▶ items, categories, numbers ─▶ serving, title vectors
                                └─▶ local copy on disk ─▶ the next start, also while Kafka is away
```
Every item has a number that stays the same while the process lives, so that numpy can hold vectors beside it. A reading
from the log's beginning is collected aside and replaces the whole at its end: an older price or stock is never shown
for a moment, and what was deleted while nobody listened is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import msgspec
import structlog
from msgspec import Struct, field

from stream import catalog_item
from stream.catalog_item import CatalogItem
from stream.fold import Record
from stream.instants import instant_ms
from stream.local_copy import LocalCopy
from stream.strict_json import Rejected

KIND = "catalogue 2"
_BLOCK = 250

log = structlog.get_logger()


class Shelved(Struct, frozen=True, gc=False):
    """An item as it is held.

    `raw` is its canonical JSON with the fields this version does not know. It may be shown if it is `sellable`, from
    `from_ms` on. `since_ms`: when it was published or, where it does not say, first known.
    """

    number: int
    item: CatalogItem
    raw: bytes
    sellable: bool
    from_ms: int
    since_ms: int = 0


Watch: TypeAlias = Callable[[str, Shelved | None, Shelved | None], None]
"""Is told the item's id, what it was (None: it is new) and what it is (None: it is gone)."""


class Contents(Struct):
    """Items by id, and ids by category, in the order in which they came."""

    items: dict[str, Shelved] = field(default_factory=dict)
    categories: dict[str, dict[str, None]] = field(default_factory=dict)

    def put(self, item_id: str, shelved: Shelved) -> None:
        before, category = self.items.get(item_id), shelved.item.category
        self.items[item_id] = shelved
        if before is not None and before.item.category != category:
            self._leave(item_id, before.item.category)
        if category:
            self.categories.setdefault(category, {})[item_id] = None

    def drop(self, item_id: str) -> None:
        before = self.items.pop(item_id, None)
        if before is not None:
            self._leave(item_id, before.item.category)

    def _leave(self, item_id: str, category: str | None) -> None:
        members = self.categories.get(category or "")
        if category and members is not None:
            members.pop(item_id, None)
            if not members:
                del self.categories[category]


class Head(Struct):
    """The first block of the local copy: of which run of the broker it is, and how many partitions our topics had."""

    run_id: str
    partitions: dict[str, int]


class Catalogue:
    """A `Sink` of catalogue records.

    Parameters
    ----------
    copy: where the local copy lies; None keeps none.
    run_id: names the run of an embedded broker, whose copy is worth nothing to the next run.

    Attributes
    ----------
    items: the items by id; another object after a new reading, so do not keep it.
    ready: set once the topic, or a local copy of it, has been read.
    positions: the next offset of each partition.
    version: grows with every change.
    refused: records that were not applied because they are not items.
    """

    def __init__(self, copy: LocalCopy | None = None, run_id: str = "") -> None:
        self.ready = asyncio.Event()
        self.positions: dict[int, int] = {}
        self.version = 0
        self.refused = 0
        self.partitions: dict[str, int] = {}
        self._contents = Contents()
        self.items = self._contents.items
        self._reading: Contents | None = None
        self._numbers: dict[str, int] = {}
        self._met: dict[str, int] = {}
        self._copy, self._run_id = copy, run_id
        self._copied = 0
        self._waiting: list[tuple[dict[int, int], asyncio.Future[None]]] = []
        self._watching: list[Watch] = []

    def __len__(self) -> int:
        return len(self.items)

    @property
    def unsent(self) -> bool:
        """Whether the shop has sent no item at all; while nobody could read the topic, that is not known."""
        return self.ready.is_set() and not self.items

    @property
    def numbers(self) -> int:
        """How many numbers were given."""
        return len(self._numbers)

    def of_category(self, category: str) -> Iterable[str]:
        """The ids of a category's items (of the whole path, as the shop writes it)."""
        return self._contents.categories.get(category, ())

    def categories(self) -> Iterator[tuple[str, Iterable[str]]]:
        yield from self._contents.categories.items()

    def watch(self, listener: Watch) -> None:
        """Tell `listener` (item id, before, after) of every item there is and of every change."""
        self._watching.append(listener)
        for item_id, shelved in self.items.items():
            listener(item_id, None, shelved)

    # a sink of records

    def restart(self) -> None:
        self._reading = Contents()

    def apply(self, records: Sequence[Record]) -> None:
        contents = self._contents if self._reading is None else self._reading
        for record in records:
            self._apply(contents, record)
            self.positions[record.partition] = record.offset + 1
        if self._reading is None:
            self.version += 1
            self._wake()

    def caught_up(self) -> None:
        if self._reading is not None:
            self._replace(self._reading)
            self._reading = None
        self.version += 1
        self.ready.set()
        self._wake()

    async def reached(self, offsets: dict[int, int]) -> None:
        """Wait until these records (partition → offset) are applied."""
        if not self._has(offsets):
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((offsets, done))
            try:
                await done
            finally:
                self._waiting = [waiting for waiting in self._waiting if waiting[1] is not done]

    def _has(self, offsets: dict[int, int]) -> bool:
        return self._reading is None and all(self.positions.get(p, 0) > offset for p, offset in offsets.items())

    def _wake(self) -> None:
        for offsets, done in self._waiting:
            if not done.done() and self._has(offsets):
                done.set_result(None)

    def _apply(self, contents: Contents, record: Record) -> None:
        try:
            item_id = (record.key or b"").decode()
        except UnicodeDecodeError:
            item_id = ""
        known = contents.items.get(item_id)
        whole = catalog_item.fold(known.raw if known else None, record.value, key=record.key or b"")
        if isinstance(whole, Rejected):
            self.refused += 1
            place = f"{record.partition}:{record.offset}"
            log.warning("catalogue_record_refused", place=place, reason=whole.detail)
        elif whole is None:
            contents.drop(item_id)
            self._tell(contents, item_id, known, None)
        elif known is None or known.raw != whole:
            shelved = self._shelved(item_id, whole, record.timestamp)
            contents.put(item_id, shelved)
            self._tell(contents, item_id, known, shelved)

    def _shelved(self, item_id: str, whole: bytes, at: int) -> Shelved:
        """The item as held; `at` (ms) it was heard of, and it counts from when that was first.

        The log forgets the first record of an item when it is compacted, so the time outlives readings, in the copy.
        """
        item = catalog_item.read_item(whole)
        number = self._numbers.setdefault(item_id, len(self._numbers))
        met = self._met[item_id] = min(at, self._met.get(item_id, at))
        from_ms = instant_ms(item.published_at or 0)
        return Shelved(number, item, whole, item.sellable, from_ms, from_ms or met)

    def _replace(self, contents: Contents) -> None:
        before, self._contents, self.items = self._contents, contents, contents.items
        for item_id in before.items.keys() | contents.items.keys():
            self._tell(contents, item_id, before.items.get(item_id), contents.items.get(item_id))

    def _tell(self, contents: Contents, item_id: str, before: Shelved | None, after: Shelved | None) -> None:
        if contents is self._contents and before != after:
            for listener in self._watching:
                listener(item_id, before, after)

    # the local copy

    def load(self) -> bool:
        """Take the local copy, if there is one of this run; what the topic says replaces it later."""
        blocks = self._copy.read() if self._copy else None
        if not blocks:
            return False
        head = msgspec.msgpack.decode(blocks[0], type=Head)
        if head.run_id != self._run_id:
            return False
        contents = Contents()
        for block in blocks[1:]:
            for item_id, raw, met in msgspec.msgpack.decode(block, type=list[tuple[str, bytes, int]]):
                contents.put(item_id, self._shelved(item_id, raw, met))
        self._replace(contents)
        self.partitions = head.partitions
        self.version += 1
        self.ready.set()
        return True

    async def save(self, partitions: dict[str, int]) -> None:
        """Write the local copy if anything changed since the last one."""
        if self._copy is None or not self.ready.is_set() or self._copied == self.version:
            return
        version, held = self.version, [(item_id, one.raw, self._met[item_id]) for item_id, one in self.items.items()]
        try:
            await self._copy.write(_blocks(Head(self._run_id, partitions), held))
            self._copied = version
        except OSError as error:
            log.warning("catalogue_not_copied", reason=str(error), meaning="the next start needs Kafka")


def _blocks(head: Head, held: list[tuple[str, bytes, int]]) -> Iterator[Any]:
    yield head
    for at in range(0, len(held), _BLOCK):
        yield held[at : at + _BLOCK]
