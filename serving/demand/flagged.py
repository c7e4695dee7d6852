"""The flags of items as they are answered, made again when an item's row, its stock or the hour has changed."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite

import msgspec
from msgspec import Struct, field

from serving.demand.flags import FOR_SHOPPERS, Flag, flags
from serving.rows import Rows
from serving.shop import Shop
from stream.catalog_item import CatalogItem
from stream.demand.counts import HOUR_MS
from stream.signals import demand

KEPT_MS = 60_000
KNOWN = 50_000
_encode = msgspec.json.Encoder().encode


class Wanted(Struct):
    """The part of a row that flags are made from."""

    demand: demand.State = field(default_factory=demand.State)


_decode = msgspec.msgpack.Decoder(Wanted).decode


class Flagged(Struct, frozen=True, gc=False):
    """An item's flags, made of `packed` and `item`, until `until` (ms); `shown` is a member of its JSON, or empty."""

    packed: bytes | None
    item: CatalogItem | None
    until: int
    flags: tuple[Flag, ...] = ()
    shown: str = ""


class Demand:
    """The flags of items that anybody asked for; rows are told which, so that they are read again as they change."""

    def __init__(self, shop: Shop, rows: Rows) -> None:
        self._shop, self._rows = shop, rows
        self._known: dict[str, Flagged] = {}
        rows.watch(self._known)

    def of(self, item_id: str, now: int) -> Flagged:
        """The item's flags at `now` (ms), by the newest row that this process has read."""
        packed, item, known = self._rows.packed(item_id), self._shop.item(item_id), self._known.get(item_id)
        if known is not None and known.packed is packed and known.item is item and now < known.until:
            return known
        if len(self._known) >= KNOWN:
            for old in list(self._known)[: KNOWN // 4]:
                del self._known[old]
        made = self._known[item_id] = self._made(item_id, packed, item, now)
        return made

    def members(self, item_ids: Iterable[str], now: int) -> list[str]:
        """For each item of a shelf what stands behind the rest of its JSON; empty if none has a flag."""
        shown = [self.of(item_id, now).shown for item_id in item_ids]
        return shown if any(shown) else []

    def _made(self, item_id: str, packed: bytes | None, item: CatalogItem | None, now: int) -> Flagged:
        until = min(now + KEPT_MS, (now // HOUR_MS + 1) * HOUR_MS)
        state = state_of(packed)
        if state is None:
            return Flagged(packed, item, until)
        sellable = self._shop.sellable(item_id, now)
        found = flags(state, None if item is None else item.quantity, sellable=sellable, now=now)
        told = [one for one in found if one.flag in FOR_SHOPPERS]
        return Flagged(packed, item, until, found, f',"flags":{_encode(told).decode()}' if told and sellable else "")


def state_of(packed: bytes | None) -> demand.State | None:
    """What a row says of demand; None if it says nothing, or nothing that can be believed."""
    if packed is None:
        return None
    try:
        state = _decode(packed).demand
    except msgspec.MsgspecError:
        return None
    rates = state.rates
    known = (rate.fast + rate.slow for rate in (rates.visits, rates.carts, rates.orders, rates.units) if rate)
    learnt = state.daily
    numbers = sum(known) + (learnt.level + learnt.trend + sum(learnt.season) if learnt else 0.0)
    return state if state.since and isfinite(numbers) else None
