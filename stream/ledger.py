"""The ledger agent: what the catalogue says of prices → every price of every item with its time.

Owns ``{catalog:p}``. The catalogue's topic is compacted, so its log cannot give a history again: the truth is
``liveshelf.prices.v1``, compacted, with the whole history of an item in its newest record, written before the commit.
Redis holds the same bytes. A history names the offset of the record that changed it last; what lies at or below that is
never folded again, so a Redis that came back older, or empty, takes what it lacks from the truth and plays the tail.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

import msgspec
from msgspec import Struct, structs

from stream import prices
from stream.catalog_item import read_update, untitled
from stream.fold import CLOCK, Clock, Emit, Family, Record, State
from stream.instants import instant_ms
from stream.prices import Price
from stream.strict_json import Document, Rejected, rejected

TRUTH = "prices"


class Offer(Struct, array_like=True, frozen=True, gc=False):
    """What the catalogue says of an item's price now; `listed`: the catalogue has it."""

    listed: bool = False
    price: str | None = None
    sale_price: str | None = None
    currency: str | None = None
    hidden: bool = False
    published_ms: int = 0


class History(Struct, array_like=True, frozen=True, gc=False):
    """One item: `offset` and `at` (ms) of the record that changed it last, its offer and its prices, oldest first."""

    offset: int
    at: int
    offer: Offer
    prices: tuple[Price, ...]

    @property
    def lasts(self) -> bool:
        """What the catalogue has stays, however long its price does."""
        return self.offer.listed


HISTORY = Family(
    "prices",
    History,
    "one item: every price with its time, as far back as a reference price needs",
    "item_id",
    ttl_s=2 * prices.KEPT_MS // 1000,
)
TAKEN = Family("taken", int, f"the offset of {TRUTH} up to which the histories hold the truth", compared=False)
COUNTS = structs.replace(CLOCK, compared=False)
"""A compacted log does not say how many records there were."""


class Change(NamedTuple):
    """A record that can be folded; `update` is None where it deletes the item."""

    item_id: str
    update: Document | None


Decoded: TypeAlias = Change | Rejected

_pack = msgspec.msgpack.Encoder().encode
_history = msgspec.msgpack.Decoder(History).decode


class LedgerFold:
    """One partition's fold of the catalogue's prices."""

    name = "ledger"
    topic = "catalog"
    made_with = 1
    families = (HISTORY, COUNTS, TAKEN)
    ranking: Family | None = None

    def decode(self, record: Record) -> Decoded:
        try:
            item_id = (record.key or b"").decode()
        except UnicodeDecodeError:
            return rejected("wrong_key", "the record's key is not UTF-8", "Produce it with the item_id as its key.")
        if record.value is None:
            return Change(item_id, None)
        update = read_update(record.value, record.key or b"")
        return update if isinstance(update, Rejected) else Change(item_id, update)

    def keys(self, decoded: Sequence[Decoded], state: State) -> Iterable[str]:
        return (f"prices:{one.item_id}" for one in decoded if isinstance(one, Change))

    def fold(self, record: Record, decoded: Decoded, state: State, emit: Emit) -> None:
        clock = state.read("clock") or Clock()
        clock.record_at = max(clock.record_at, record.timestamp)
        state.put("clock", clock)
        refused = decoded if isinstance(decoded, Rejected) else self._change(record, decoded, state, emit)
        if refused is None:
            clock.applied += 1
        else:
            clock.dead += 1
            emit.dead_letter(record, refused.reason, refused.detail)

    def _change(self, record: Record, change: Change, state: State, emit: Emit) -> Rejected | None:
        known: History | None = state.read(f"prices:{change.item_id}")
        if known is not None and record.offset <= known.offset:
            return None
        before = Offer() if known is None else known.offer
        offer = offered(before, change.update)
        if isinstance(offer, Rejected):
            return offer
        if offer != before:
            history = after(known, offer, record.timestamp, record.offset)
            state.put(f"prices:{change.item_id}", history)
            emit.record(TRUTH, change.item_id.encode(), _pack(history))
        return None

    def views(self, state: State, changed: Iterable[str]) -> dict[str, bytes | None]:
        return {}

    # the truth

    def changed_by(self, record: Record) -> int:
        """The offset in the catalogue's log of the record that it was written for."""
        return read_history(record.value or b"").offset

    def restored_keys(self, records: Sequence[Record]) -> list[str]:
        """The keys that restoring these records of the truth needs in memory."""
        return [_key(record) for record in records]

    def restore(self, records: Sequence[Record], state: State) -> None:
        """Take what these records of the truth, in order, say and the state does not know yet."""
        for record in records:
            known: History | None = state.read(_key(record))
            found = read_history(record.value or b"")
            if known is None or known.offset < found.offset:
                state.put(_key(record), found)
        state.put("taken", records[-1].offset + 1)


def read_history(packed: bytes) -> History:
    """A record of the truth; raises `msgspec.MsgspecError`."""
    return _history(packed)


def offered(before: Offer, update: Document | None) -> Offer | Rejected:
    """The offer after one more record of the catalogue, by the same rules as `stream.catalog_item.fold`."""
    if update is None:
        return Offer()
    if update.get("title", "" if before.listed else None) is None:
        return untitled()
    fields: dict[str, Any] = {name: update[name] for name in ("price", "sale_price", "currency") if name in update}
    if "hidden" in update:
        fields["hidden"] = bool(update["hidden"])
    if "published_at" in update:
        fields["published_ms"] = instant_ms(update["published_at"] or 0)
    return structs.replace(before, listed=True, **fields)


def after(known: History | None, offer: Offer, at: int, offset: int) -> History:
    """The history with an offer that was heard of at `at` (ms), or a moment after the change before it."""
    if known is not None:
        at = max(at, known.at + 1)
    before = () if known is None else known.prices
    return History(offset, at, offer, prices.record(before, list(_timeline(offer, at))))


def _timeline(offer: Offer, at: int) -> Iterable[Price]:
    """What the offer costs from `at` on: nothing while it is hidden, and before it is published."""
    if offer.hidden or not offer.listed:
        yield Price(at)
        return
    if offer.published_ms > at:
        yield Price(at)
    yield Price(max(at, offer.published_ms), offer.price, offer.sale_price, offer.currency)


def _key(record: Record) -> str:
    return f"prices:{(record.key or b'').decode()}"
