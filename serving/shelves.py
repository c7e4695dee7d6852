"""A request for a shelf from its reading to its ready bytes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, NamedTuple

from msgspec import Raw

from serving.counterfactual import Case, told
from serving.decide import decide
from serving.decision import SHELF, Decision, Told, write
from serving.decision_log import DecisionLog
from serving.demand.flagged import Demand
from serving.placement import Placement
from serving.request import Request
from serving.shop import Shop
from serving.slate import cursor
from serving.snapshot import Snapshots
from serving.stage import Snapshot
from serving.visited import visited
from stream.tokens import DecisionToken, FreshToken, decision_id

NO_EXPERIMENT = ""


class Shelf(NamedTuple):
    """A shelf as JSON, with the decision that it shows."""

    body: bytes
    decision: Decision


class Shelves:
    """Answers requests.

    Parameters
    ----------
    demand: says which items of a shelf have a demand flag.
    pid_keys: with how many keys pseudonyms are made.
    clock: now, in ms; `timer` in seconds, for `took_ms`.
    rng: makes decisions' nonces, and one day draws.
    """

    def __init__(
        self,
        shop: Shop,
        snapshots: Snapshots,
        decisions: DecisionLog,
        demand: Demand,
        signing_key: bytes,
        *,
        pid_keys: int = 1,
        clock: Callable[[], float] = lambda: time.time() * 1000,
        timer: Callable[[], float] = time.perf_counter,
        rng: Random | None = None,
    ) -> None:
        self._shop, self._snapshots, self._decisions, self._key = shop, snapshots, decisions, signing_key
        self._demand, self._pid_keys = demand, pid_keys
        self._clock, self._timer, self._rng = clock, timer, rng or Random()

    async def shelf(self, request: Request, placement: Placement, wanted: FreshToken | None = None) -> Shelf:
        """Decide, and note what was decided if the visitor has agreed to that."""
        began = self._timer()
        snapshot = await self._snapshots.read(request, placement, wanted, int(self._clock()))
        return self._shelf(request, placement, snapshot, began)

    async def page(self, asked: Sequence[tuple[Request, Placement]], wanted: FreshToken | None = None) -> list[Shelf]:
        """The shelves of one visitor's page, from the first on: what one shows, none below it shows again."""
        began = self._timer()
        snapshots = await self._snapshots.read_all(asked, wanted, int(self._clock()))
        shelves: list[Shelf] = []
        above: list[str] = []
        for (request, placement), snapshot in zip(asked, snapshots, strict=True):
            shelf = self._shelf(request, placement, snapshot, began, above)
            above += [one.item_id for one in shelf.decision.items]
            shelves.append(shelf)
        return shelves

    def _shelf(
        self, request: Request, placement: Placement, snapshot: Snapshot, began: float, above: Sequence[str] = ()
    ) -> Shelf:
        now, seed = int(self._clock()), self._rng.getstate() if request.explain else None
        decision = decide(request, snapshot, placement, NO_EXPERIMENT, now, self._rng, above=above)
        if request.explain:
            decision = told(Case(request, snapshot, placement, NO_EXPERIMENT, now, seed, above), decision)
        flagged = self._demand.members([one.item_id for one in decision.items], now)
        written = write(
            decision,
            signed(self._key, decision, placement, snapshot, self._pid_keys),
            self._shop.fragments,
            took_ms=(self._timer() - began) * 1000,
            asked=_asked(request),
            version=placement.version,
            pid_keys=self._pid_keys,
            following=self._following(request, decision, above),
            models={name: one["version"] for name, one in snapshot.models.items()},
            visit=visited(snapshot.visit, above, request.after),
            told=Told(items=flagged) if flagged else SHELF,
        )
        if snapshot.visitor is not None and placement.enabled:
            self._decisions.write(request.visitor_id, written.record)
        elif snapshot.unasked and decision.choices is not None:
            self._decisions.write_unnamed(decision.nonce, written.record)
        return Shelf(written.shelf, decision)

    def _following(self, request: Request, decision: Decision, above: Sequence[str]) -> str | None:
        """The cursor of the page after this one; none where this one could not be filled."""
        if len(decision.items) < request.n:
            return None
        shown = (*above, *(one.item_id for one in decision.items))
        return cursor.cursor(self._key, request.after, shown, self._shop)


def signed(key: bytes, decision: Decision, placement: Placement, snapshot: Snapshot, pid_keys: int) -> str:
    """The id of a decision, as its token."""
    return decision_id(
        key,
        DecisionToken(
            placement.name, decision.variation, decision.at, snapshot.whose(decision.nonce), placement.version,
            placement.click_window_s, placement.view_window_s, decision.nonce, pid_keys,
        ),
    )  # fmt: skip


def _asked(request: Request) -> dict[str, Any]:
    """What of the request is on record."""
    asked: dict[str, Any] = {"n": request.n, "item_ids": request.item_ids}
    return asked if request.rule is None else asked | {"filter": Raw(request.rule.document)}
