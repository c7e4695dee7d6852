"""Reads what a decision needs: one round trip for the visitor, rows that nobody has read yet, the rest is in memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from serving.candidates import rows_of
from serving.customers import Customers
from serving.models import Models
from serving.placement import Placement
from serving.ranking.row import Row
from serving.ranking.table import SESSION_ITEMS
from serving.request import Request, Visit, visit
from serving.rows import Rows
from serving.rules.acting import Rules
from serving.shop import Shop
from serving.stage import Snapshot
from serving.visitors import Seen, Visitors
from stream.entries import Summary
from stream.state.store import Unavailable
from stream.tokens import FreshToken
from stream.visitor import RETENTION_MS, Visitor

STALE_S = 3.0
WAITED_S = 0.01
_NOBODY = Seen(None, None, None)


class _Known(NamedTuple):
    """What is known of who asks, as far as they agree; `others` of None could not be read."""

    visitor: Any
    pid: str
    vector: bytes | None
    unasked: str
    others: Sequence[Summary] | None
    met: bool | None
    degraded: bool


class Snapshots:
    """Makes snapshots.

    Parameters
    ----------
    live: whether the catalogue is being followed, or only its copy is there.
    rules: the marketers' rules.
    consent_default: what the shop assumes of visitors of whom nothing is known. What their state holds was folded under
        the same default, stamped into their events.
    """

    def __init__(
        self,
        shop: Shop,
        rows: Rows,
        visitors: Visitors,
        customers: Customers,
        models: Models,
        live: Callable[[], bool],
        rules: Rules,
        *,
        consent_default: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shop, self._rows, self._visitors, self._models = shop, rows, visitors, models
        self._customers, self._live, self._rules, self._clock = customers, live, rules, clock
        self._default = consent_default

    async def read(self, request: Request, placement: Placement, wanted: FreshToken | None, now: int) -> Snapshot:
        """What `request` needs at `now` (ms). Never raises for a dependency: what cannot be read is left out."""
        return (await self.read_all([(request, placement)], wanted, now))[0]

    async def read_all(
        self, asked: Sequence[tuple[Request, Placement]], wanted: FreshToken | None, now: int
    ) -> list[Snapshot]:
        """What requests of one visitor need, with one reading of that visitor."""
        request, began = asked[0][0], self._clock()
        known = await self._known(request, wanted, now)
        visitor, others = known.visitor, known.others or ()
        visits = [visit(one, placement, visitor, now, others) for one, placement in asked]
        waited = known.degraded and self._clock() - began > WAITED_S  # who has waited in vain does not wait again
        newest = SESSION_ITEMS + request.explain  # without one of them the next is of those that speak
        degraded = waited or not await self._read_rows(visits, newest) or self._stale() or known.degraded
        return [
            Snapshot(
                visitor=visitor,
                pid=known.pid,
                asked_for_somebody=bool(request.visitor_id),
                visit=where,
                rows=self._of(where, placement),
                vector=known.vector,
                shop=self._shop,
                row_of=self._rows.of,
                met=known.met,
                degraded=degraded,
                choosers=self._models.choosers,
                models=self._models.of_session(visitor) if one.explain and visitor is not None else {},
                rules=self._rules.of(placement.name),
                unasked=known.unasked,
            )
            for (one, placement), where in zip(asked, visits, strict=True)
        ]

    async def read_visitor(self, request: Request, wanted: FreshToken | None, now: int) -> Snapshot:
        """What a decision needs that is not about items: the visitor alone, without the rows of their visit."""
        known = await self._known(request, wanted, now)
        return Snapshot(
            visitor=known.visitor,
            pid=known.pid,
            asked_for_somebody=bool(request.visitor_id),
            visit=Visit([], [], [], [], {}, {}, len(known.others or ())),
            rows={},
            vector=known.vector,
            shop=self._shop,
            met=known.met,
            degraded=known.degraded or not self._live(),
            unasked=known.unasked,
        )

    async def _known(self, request: Request, wanted: FreshToken | None, now: int) -> _Known:
        degraded = False
        try:
            seen = await self._visitors.read(request.visitor_id, wanted)
        except Unavailable:
            seen, degraded = _NOBODY if wanted is None else Seen(None, None, met=False), True
        visitor = _allowed(seen.visitor, request, now, assumed=self._default)
        unasked = "" if degraded else self._unasked(seen.visitor, request)
        others: Sequence[Summary] | None = ()
        if visitor is not None and (request.customer_id or visitor.customer):
            others = await self._others(request, visitor, now)
        pid = "" if visitor is None else self._visitors.pid_of(request.visitor_id, visitor.epoch)
        vector = None if visitor is None else seen.vector
        return _Known(visitor, pid, vector, unasked, others, seen.met, degraded or others is None)

    def _unasked(self, visitor: Any, request: Request) -> str:
        """The pseudonym of a visitor who has said neither yes nor no to personalization; empty for others."""
        if not (request.visitor_id.strip() and request.profiling):  # blank: one who has to show a token and has none
            return ""
        if visitor is None:
            return self._visitors.pid_of(request.visitor_id, 0)
        return "" if "personalization" in visitor.consent else self._visitors.pid_of(request.visitor_id, visitor.epoch)

    async def of_visit(self, where: Visit, placement: Placement, rules: Sequence[str] = ()) -> Snapshot:
        """What a decision about a visit of the past needs, as it is now; `rules` acted then."""
        complete = await self._read_rows([where], SESSION_ITEMS + 1)
        return Snapshot(
            visitor=Visitor(),
            pid="",
            asked_for_somebody=True,
            visit=where,
            rows=self._of(where, placement),
            vector=None,
            shop=self._shop,
            row_of=self._rows.of,
            degraded=not complete or self._stale(),
            choosers=self._models.choosers,
            rules=self._rules.acted(rules),
        )

    async def _others(self, request: Request, visitor: Any, now: int) -> Sequence[Summary] | None:
        """What the customer's other visitors let be known; None if that cannot be read.

        It is asked for only once the visitor's own consent is known: without it nothing of a customer is read.
        """
        named, tied = self._customers.named, self._customers.tied
        try:
            customer = named(request.customer_id) if request.customer_id else tied(visitor)
            return await self._customers.others(customer, self._visitors.pid_of(request.visitor_id), now)
        except Unavailable:
            return None

    async def _read_rows(self, visits: Sequence[Visit], newest: int = SESSION_ITEMS) -> bool:
        """Whether all rows that the visits need are there, of so many of a session's `newest` items."""
        needed = [item_id for one in visits for item_id in (*one.session[:newest], *one.earlier)]
        missing = self._rows.missing(needed if len(visits) == 1 else dict.fromkeys(needed))
        if missing:
            try:
                await self._rows.read(missing)
            except Unavailable:
                return False
        return True

    def _of(self, where: Visit, placement: Placement) -> dict[str, Row]:
        return rows_of(self._rows.of, (*where.session[:SESSION_ITEMS], *where.earlier), placement)

    def _stale(self) -> bool:
        rows = self._rows
        return not self._live() or rows.away or (rows.swept.is_set() and self._clock() - rows.read_at > STALE_S)


def _allowed(visitor: Any, request: Request, now: int, *, assumed: bool) -> Any:
    """The visitor's value as far as it may be used; None without the consent to personalization.

    `assumed` is what holds of one who said nothing.
    """
    if visitor is None or not request.profiling:
        return None
    word = visitor.consent.get("personalization")
    if not (assumed if word is None else word.granted):
        return None
    fresh = now - visitor.last_at <= RETENTION_MS
    return visitor if fresh else Visitor(epoch=visitor.epoch, consent=visitor.consent)
