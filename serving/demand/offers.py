"""What is said of the items of a page, their demand flags, and the coupon of who asks, as one decision."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from serving.coupons.coupons import Coupons
from serving.decide import NONCE_BYTES, fresh_of, status_of
from serving.decision import Decision, Rung, heading
from serving.demand.flagged import Demand, state_of
from serving.demand.flags import FOR_SHOPPERS, Flag
from serving.demand.outlook import Expected, Outlook
from serving.placement import Placement
from serving.request import Request
from serving.rows import Rows
from serving.shelves import NO_EXPERIMENT, Shelf, signed
from serving.shop import Shop
from serving.snapshot import Snapshots
from serving.stage import Snapshot
from stream.state.store import Unavailable
from stream.tokens import FreshToken

OFFERS = Placement(
    name="offers",
    title="Offers",
    explain="What is said of the items of a page: their demand, each word with its numbers.",
    recommenders=("popular",),
)
"""The place of every such answer: its windows of attribution. It is no shelf, so none can be asked for by this name."""

_UNKNOWN = "The shop has no item of this id, or does not show it: check the id, or send the item to the catalogue."
_encode = msgspec.json.Encoder().encode


class Asked(Struct, frozen=True, gc=False):
    """The items that are asked about, and by whom; a shop's own server (`whole`) is told what shoppers are not.

    `profiling` is false if the visitor objects to it now.
    """

    item_ids: Sequence[str]
    visitor_id: str = ""
    whole: bool = False
    profiling: bool = True


class OfferItem(Struct, frozen=True, gc=False):
    """One item of the answer, in the order asked; `says` is there where the item is not known."""

    item_id: str
    known: bool
    flags: Sequence[Flag] = ()
    demand: Expected | UnsetType = UNSET
    says: str | UnsetType = UNSET


class Offers:
    """Answers what is said of items.

    Parameters
    ----------
    coupons: gives those of declared offers.
    pid_keys: with how many keys pseudonyms are made.
    clock: now, in ms; `timer` in seconds, for `took_ms`.
    rng: makes decisions' nonces.
    """

    def __init__(
        self,
        shop: Shop,
        rows: Rows,
        snapshots: Snapshots,
        demand: Demand,
        coupons: Coupons,
        signing_key: bytes,
        *,
        pid_keys: int = 1,
        clock: Callable[[], float] = lambda: time.time() * 1000,
        timer: Callable[[], float] = time.perf_counter,
        rng: Random | None = None,
    ) -> None:
        self._shop, self._rows, self._snapshots, self._demand = shop, rows, snapshots, demand
        self._outlook, self._coupons = Outlook(shop, rows), coupons
        self._key, self._pid_keys = signing_key, pid_keys
        self._clock, self._timer, self._rng = clock, timer, rng or Random()

    async def of(self, asked: Asked, wanted: FreshToken | None = None) -> Shelf:
        """The answer, with the decision that it tells."""
        began = self._timer()
        request = Request(visitor_id=asked.visitor_id, n=len(asked.item_ids), profiling=asked.profiling)
        snapshot = await self._snapshots.read(request, OFFERS, wanted, int(self._clock()))
        complete = await self._read(asked.item_ids)
        now = int(self._clock())
        items = [self._item(item_id, asked, now) for item_id in asked.item_ids]
        decided = self._coupons.decided(request, snapshot, now)
        shown = self._coupons.shown(decided)
        known = sum(one.known for one in items) + len(shown)
        decision = self._decision(snapshot, known, len(items), now, complete=complete)
        decision_id = signed(self._key, decision, OFFERS, snapshot, self._pid_keys)
        head = heading(decision, decision_id, (self._timer() - began) * 1000)
        if decided is not None:
            self._coupons.note(asked.visitor_id, decided, decision, head)
        body = f'{head}"items":{_encode(items).decode()},"offers":{_encode(shown).decode()}}}'
        return Shelf(body.encode(), decision)

    async def _read(self, item_ids: Sequence[str]) -> bool:
        """Read the rows that are not known yet; whether that was possible."""
        missing = self._rows.missing(item_ids)
        try:
            if missing:
                await self._rows.read(missing)
        except Unavailable:
            return False
        return True

    def _item(self, item_id: str, asked: Asked, now: int) -> OfferItem:
        if not self._known(item_id):
            return OfferItem(item_id, known=False, says=_UNKNOWN)
        flagged = self._demand.of(item_id, now)
        if asked.whole:
            return OfferItem(item_id, True, flagged.flags, self._outlook.of(item_id, now))
        shown = self._shop.sellable(item_id, now)
        return OfferItem(item_id, True, [one for one in flagged.flags if shown and one.flag in FOR_SHOPPERS])

    def _known(self, item_id: str) -> bool:
        """Whether there is such an item, not hidden; in a shop without a catalogue one that somebody has seen."""
        item = self._shop.item(item_id)
        if item is None:
            return self._shop.shown is None and state_of(self._rows.packed(item_id)) is not None
        return not item.hidden

    def _decision(self, snapshot: Snapshot, known: int, asked: int, now: int, *, complete: bool) -> Decision:
        degraded: Any = snapshot.degraded or not complete
        rung: Rung = "live" if not degraded else "partial" if snapshot.visitor is not None else "local"
        return Decision(
            placement=OFFERS.name,
            variation=NO_EXPERIMENT,
            status="degraded" if degraded else status_of(snapshot, OFFERS, known, known),
            rung=rung,
            at=now,
            pid=snapshot.pid,
            nonce=self._rng.randbytes(NONCE_BYTES),
            fresh=fresh_of(snapshot, now),
            items=(),
            candidates=asked,
        )
