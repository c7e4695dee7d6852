"""The price ledger in this process's memory: which reference price each item may be shown with now.

```
catalog.v1 ─▶ ledger agent ─▶ prices.v1 ─▶ Follower ─▶ Prices ─▶ the item's fragment, made again when this says more
```
The catalogue and the ledger arrive on two ways. A reference price is told only while both say the same of the price, so
that neither is ahead of the other on a page; until then, and while nobody can read the ledger, the price stands alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import structlog

from stream.catalog_item import CatalogItem
from stream.catalogue_copy import WAIT_EMBEDDED_MS, WAIT_MS
from stream.fold import Record
from stream.follower import Follower
from stream.ledger import TRUTH, read_history
from stream.prices import STRICT, Options, Price, Reduction, reduction
from stream.settings import Settings

PLANNED = 2
"""The price in force is the last of a history, or the last but one while another is planned."""

log = structlog.get_logger()


class Prices:
    """A `Sink` of the ledger's histories, held as packed bytes."""

    def __init__(self, options: Options = STRICT) -> None:
        self._options = options
        self._packed: dict[str, bytes] = {}
        self._reading: dict[str, bytes] | None = None
        self._watching: list[Callable[[str], None]] = []

    def watch(self, listener: Callable[[str], None]) -> None:
        """Tell `listener` the id of every item of which the ledger says something new."""
        self._watching.append(listener)

    def history(self, item_id: str) -> tuple[Price, ...]:
        """Every price of an item with its time, oldest first; perhaps the last one is planned."""
        packed = self._packed.get(item_id)
        return () if packed is None else read_history(packed).prices

    def reduction(self, item_id: str, now: int) -> Reduction | None:
        """What may be said of an item's price at `now` (ms); None where the ledger knows of no offer."""
        return reduction(self.history(item_id), now, self._options)

    def reference(self, item: CatalogItem) -> str | None:
        """The reference price to show beside what the catalogue says of the item, if any may be."""
        if item.sale_price is None:
            return None
        history, said = self.history(item.item_id), (item.price, item.sale_price, item.currency)
        for one in reversed(history[-PLANNED:]):
            if (one.price, one.sale_price, one.currency) == said:
                found = reduction(history, one.from_ms, self._options)
                return None if found is None else found.reference_price
        return None

    # a sink of records

    def restart(self) -> None:
        self._reading = {}

    def apply(self, records: Sequence[Record]) -> None:
        held = self._packed if self._reading is None else self._reading
        for record in records:
            item_id = (record.key or b"").decode(errors="replace")
            if not _newer(record, held.get(item_id)):
                continue
            held[item_id] = record.value or b""
            if self._reading is None:
                self._tell(item_id)

    def caught_up(self) -> None:
        if self._reading is None:
            return
        before, self._packed, self._reading = self._packed, self._reading, None
        for item_id in before.keys() | self._packed.keys():
            if before.get(item_id) != self._packed.get(item_id):
                self._tell(item_id)

    def _tell(self, item_id: str) -> None:
        for listener in self._watching:
            listener(item_id)


def options_of(settings: Settings) -> Options:
    """Which of the member states' options the shop has chosen."""
    return Options(settings.reduce_new_items, settings.reduce_progressively)


def prices_follower(settings: Settings, prices: Prices) -> Follower:
    """What keeps `prices` level with the ledger's topic."""
    wait_ms = WAIT_EMBEDDED_MS if settings.embedded_broker else WAIT_MS
    return Follower(settings.broker_url, TRUTH, prices, wait_ms=wait_ms)


def _newer(record: Record, held: bytes | None) -> bool:
    """Whether it says more than what is held; an owner that lost its partition may have written late."""
    try:
        found = read_history(record.value or b"")
        return held is None or found.offset >= read_history(held).offset
    except msgspec.MsgspecError as error:
        log.warning("prices_record_not_readable", partition=record.partition, offset=record.offset, reason=str(error))
        return False
