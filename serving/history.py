"""The live system over a history, in memory: the folds with their guards, rows, popularity; no flush and no lag."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from serving.ranking.row import Row, parse
from serving.request import Visit
from serving.shop import Shop
from serving.stage import Snapshot
from stream.fold import Emit, Record, State
from stream.ingest import Accepted
from stream.item import ItemFold
from stream.signals import popularity, session
from stream.visitor import RETENTION_MS, VisitorFold

_PARTITIONS = {"events": 1, "pairs": 1, "feedback": 1, "queries": 1, "dead_letters": 1}
_WITHOUT_END = 1 << 60
_SETTLE_EVERY = 10_000


class History:
    """The visitor's and the item's fold over one partition each.

    Attributes
    ----------
    shop: what requests share; it is told of every item's popularity.
    seen: how many steps went to each item, as far as they were learnt.
    guarded: how many events of steps the guards let pass without learning anything of them.
    """

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.seen: dict[str, int] = {}
        self.guarded = 0
        self._visitors, self._items = VisitorFold(str, 1), ItemFold()
        self._visitor_state = _empty(self._visitors.families)
        self._item_state = _empty(self._items.families)
        self._emit = Emit(("events", 0), _PARTITIONS)
        self._rows: dict[str, Row] = {}
        self._offset = -1

    def visitor(self, visitor_id: str, at: int) -> Any:
        """What is known of a visitor at `at` (ms); None = nothing."""
        key = f"visitor:{visitor_id}"
        if self._visitor_state.missing([key]):
            return None
        visitor: Any = self._visitor_state.read(key)
        return None if visitor is None or at - visitor.last_at > RETENTION_MS else visitor

    def row(self, item_id: str) -> Row | None:
        """An item's row as of now."""
        row = self._rows.get(item_id)
        if row is None and item_id in self.seen:
            row = self._rows[item_id] = parse(item_id, self._item_state.read(f"item:{item_id}"), self.shop.codes)
        return row

    def snapshot(self, visitor: Any, where: Visit, *, asked_for_somebody: bool = True) -> Snapshot:
        """What a request is decided by, of a visitor's value and where the visitor is."""
        rows = {one: row for one in (*where.session, *where.earlier) if (row := self.row(one)) is not None}
        return Snapshot(visitor, "", asked_for_somebody, where, rows, vector=None, shop=self.shop, row_of=self.row)

    def fold(self, accepted: Accepted, *, learning: bool) -> session.Step | None:
        """Apply an event; the step that the visitor's session took by it. Items learn only while `learning`."""
        self._offset += 1
        self._emit.offset = self._offset
        record = Record("events", 0, self._offset, accepted.at, None, None)
        decoded = (accepted.event.visitor_id, accepted)
        _fill(self._visitor_state, self._visitors.keys([decoded], self._visitor_state))
        before = self._newest_step(accepted.event.visitor_id)
        self._visitors.fold(record, decoded, self._visitor_state, self._emit)
        taught = [out.value for sent in self._emit.drain() for out in sent if out.topic == "pairs"]
        for value in taught if learning else ():
            self._learn(Record("pairs", 0, self._offset, accepted.at, None, value))
        if self._offset % _SETTLE_EVERY == 0:
            self._visitor_state.settle()
            self._item_state.settle()
        step = self._newest_step(accepted.event.visitor_id)
        self.guarded += step is not before and not taught
        return None if step is before else step

    def _learn(self, record: Record) -> None:
        batch = self._items.decode(record)
        _fill(self._item_state, self._items.keys([batch], self._item_state))
        self._items.fold(record, batch, self._item_state, self._emit)
        for item_id in {entry.item_id for entry in batch.entries}:
            self._rows.pop(item_id, None)
            counts = popularity.SIGNAL.of(self._item_state.read(f"item:{item_id}"))
            if counts.seen:
                self.seen[item_id] = counts.seen
                self.shop.board.put(item_id, counts)

    def _newest_step(self, visitor_id: str) -> session.Step | None:
        visitor: Any = self._visitor_state.read(f"visitor:{visitor_id}")
        steps: Sequence[session.Step] = session.SIGNAL.of(visitor).steps if visitor is not None else ()
        return steps[-1] if steps else None


def _empty(families: Iterable[Any]) -> State:
    state = State(families, capacity=_WITHOUT_END)
    for family in state.families.values():
        if not family.id and not family.view:
            state.load(family.name, None)
    return state


def _fill(state: State, keys: Iterable[str]) -> None:
    """Nothing was stored before this history."""
    for key in state.missing(keys):
        state.load(key, None)
