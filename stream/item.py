"""The item agent: what visitors' steps say of items → one row per item.

Owns ``{pairs:p}``. Rows are shared by all visitors, so they are flushed many events at a time; a lag of a second costs
nothing measurable (`DESIGN.md`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct, field

from stream.derived import DerivedFold
from stream.entries import PairsEntry
from stream.fold import CLOCK, MARKS, Clock, Emit, Family, State
from stream.signals import signals

_pack = msgspec.msgpack.Encoder().encode
SIGNALS = signals("item")


class ItemBase(Struct):
    """What every item's row has beside its signals; `at` is the newest event time (ms)."""

    at: int = 0


Item: Any = msgspec.defstruct(
    "Item",
    [(signal.name, signal.state, field(default_factory=signal.state)) for signal in SIGNALS],
    bases=(ItemBase,),
    module=__name__,
    omit_defaults=True,
)
"""An item's row: the base and one field per item-scope signal."""

ITEM = Family("item", Item, "one item: what follows it, what it follows, how often it is seen and bought", "item_id")


RECENT = Family(
    "recent",
    bytes,
    "which rows the last flushes wrote, so that serving reads again only what changed",
    ttl_s=3_600,
    view=True,
)
RECENT_ROWS = 1_024

Flushes: TypeAlias = list[tuple[int, list[str]]]
"""The last flushes, oldest first: how many entries the partition had applied by then, and the items it wrote."""


class ItemFold(DerivedFold[PairsEntry]):
    """One partition's fold of what visitors did, by item."""

    name = "item"
    topic = "pairs"
    families = (ITEM, CLOCK, MARKS, RECENT)
    ranking: Family | None = None
    entry_type = PairsEntry

    def __init__(self) -> None:
        super().__init__()
        self._flushes: deque[tuple[int, list[str]]] = deque()
        tags = {tag for signal in SIGNALS for tag in signal.on}
        self._folds = {tag: tuple((s.of, s.fold) for s in SIGNALS if tag in s.on) for tag in tags}

    def entry_keys(self, entries: Sequence[PairsEntry]) -> Iterable[str]:
        return (f"item:{entry.item_id}" for entry in entries)

    def apply(self, entry: PairsEntry, state: State, emit: Emit) -> None:
        key = f"item:{entry.item_id}"
        row: Any = state.read(key)
        if row is None:
            row = Item()
        state.put(key, row)
        row.at = max(row.at, entry.at)
        for of, fold in self._folds.get(_TAGS[type(entry)], ()):
            fold(of(row), entry)

    def views(self, state: State, changed: Iterable[str]) -> dict[str, bytes | None]:
        """The flushes of late, as many as hold `RECENT_ROWS` items (the newest always)."""
        items = [key.partition(":")[2] for key in changed if key.startswith("item:")]
        if not items:
            return {}
        clock: Clock = state.read("clock")
        flushes = self._flushes
        flushes.append((clock.applied, items))
        while len(flushes) > 1 and sum(len(one) for _, one in flushes) > RECENT_ROWS:
            flushes.popleft()
        return {"recent": _pack(list(flushes))}


_TAGS = {kind: str(kind.__struct_config__.tag) for kind in (*PairsEntry.__args__,)}
