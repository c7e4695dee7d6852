"""The shop without a network: the live system's gate, folds and `decide` in this process's memory, fed by the world.

It is what `serving.evaluate` runs on a file's history, here on the made catalogue with its live stock.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any, Final

import msgspec

from serving.decide import decide
from serving.decision import Decision
from serving.demo.catalogue import items
from serving.demo.visits import Ask, Shelf, Visit
from serving.history import History
from serving.placement import Placement
from serving.placements import placements
from serving.request import Request, visit
from serving.shop import Shop
from stream.catalogue import Catalogue
from stream.fold import Record
from stream.ingest import validate
from stream.strict_json import Rejected
from stream.title_vectors import TitleVectors

REFRESHED_MS: Final = 60_000


class InMemory:
    """One shop that learns from every event that it takes.

    Attributes
    ----------
    shop: what its requests share.
    """

    def __init__(self) -> None:
        catalogue = Catalogue()
        vectors = TitleVectors(catalogue)
        self.shop = Shop(catalogue, vectors)
        catalogue.apply(
            [
                Record("catalog", 0, offset, 0, item["item_id"].encode(), msgspec.json.encode(item))
                for offset, item in enumerate(items())
            ]
        )
        vectors.catch_up(len(catalogue))
        self._history = History(self.shop)
        self._refreshed_at = 0
        self._rng = Random(0)

    def take(self, event: Mapping[str, Any]) -> None:
        """Fold an event of the world; the gate takes each of them."""
        accepted = validate(msgspec.json.encode(event), timestamp=0)
        assert not isinstance(accepted, Rejected), accepted.detail
        self._history.fold(accepted, learning=True)

    def shelf(self, visit: Visit, ask: Ask) -> Shelf:
        """A shelf as `serving.demo.playing.play` wants it."""
        decision = self.decide(visit, ask, placements()[ask.placement])
        return Shelf(decision.nonce.hex(), [one.item_id for one in decision.items])

    def decide(self, who: Visit, ask: Ask, placement: Placement) -> Decision:
        """What `placement` answers `who` at the time of the visit."""
        now = round(who.context.at * 1000)
        if now - self._refreshed_at >= REFRESHED_MS:
            self.shop.refresh(now)
            self._refreshed_at = now
        request = Request(
            visitor_id=who.visitor_id,
            session_id=who.session_id,
            n=ask.n,
            item_ids=() if ask.item_id is None else (ask.item_id,),
        )
        visitor = self._history.visitor(who.visitor_id, now) if who.personal else None
        where = visit(request, placement, visitor, now)
        return decide(request, self._history.snapshot(visitor, where), placement, "", now, self._rng)
