"""A search from its question to its ready bytes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from random import Random
from typing import Any

from msgspec import Raw

from serving.decision import write
from serving.decision_log import DecisionLog
from serving.search.behaviour import Behaviour
from serving.search.curation import Curations
from serving.search.decide import Given, Searched, decide
from serving.search.index import Index
from serving.search.knowing import Knowing
from serving.search.question import SEARCH, Question
from serving.search.told import told
from serving.shelves import NO_EXPERIMENT, Shelf
from serving.shop import Shop
from serving.slate import cursor
from serving.snapshot import Snapshots
from serving.stage import Snapshot
from serving.visited import visited
from stream.tokens import DecisionToken, FreshToken, decision_id


class Searching:
    """Answers searches.

    Parameters
    ----------
    knowing: what queries are understood with; `behaviour` what shoppers did for them.
    pid_keys: with how many keys pseudonyms are made.
    clock: now, in ms; `timer` in seconds, for `took_ms`.
    rng: makes decisions' nonces.
    """

    def __init__(
        self,
        shop: Shop,
        snapshots: Snapshots,
        decisions: DecisionLog,
        signing_key: bytes,
        index: Index,
        knowing: Knowing,
        curations: Curations,
        behaviour: Behaviour,
        *,
        pid_keys: int = 1,
        clock: Callable[[], float] = lambda: time.time() * 1000,
        timer: Callable[[], float] = time.perf_counter,
        rng: Random | None = None,
    ) -> None:
        self._shop, self._snapshots, self._decisions, self._key = shop, snapshots, decisions, signing_key
        self._index, self._knowing, self._curations = index, knowing, curations
        self._behaviour, self._pid_keys = behaviour, pid_keys
        self._clock, self._timer, self._rng = clock, timer, rng or Random()

    async def search(self, question: Question, wanted: FreshToken | None = None) -> Shelf:
        """Decide, and note what was decided if the visitor has agreed to that."""
        began = self._timer()
        understood = self._knowing.understood(question.query)
        snapshot, taken = await asyncio.gather(
            self._snapshots.read(question.request, SEARCH, wanted, int(self._clock())),
            self._behaviour.of(understood.query),
        )
        kind, unknown = self._knowing.kind(understood), self._knowing.unknown(understood)
        given = Given(understood, self._index, kind, unknown, self._curations.of(understood.query), taken)
        searched = decide(question, snapshot, given, int(self._clock()), self._rng)
        decision = searched.decision
        written = write(
            decision,
            self._sign(searched, snapshot),
            self._shop.fragments,
            took_ms=(self._timer() - began) * 1000,
            asked=_asked(question),
            version=SEARCH.version,
            pid_keys=self._pid_keys,
            following=self._following(question, searched),
            models={},
            visit=visited(snapshot.visit, before=question.after),
            told=told(question, understood, unknown, searched, self._shop),
        )
        if snapshot.visitor is not None:
            self._decisions.write(question.visitor_id, written.record)
        return Shelf(written.shelf, decision)

    def _following(self, question: Question, searched: Searched) -> str | None:
        """The cursor of the page after this one; none where what matches has come to its end."""
        if not searched.more:
            return None
        return cursor.cursor(self._key, question.after, [one.item_id for one in searched.decision.items], self._shop)

    def _sign(self, searched: Searched, snapshot: Snapshot) -> str:
        decision = searched.decision
        return decision_id(
            self._key,
            DecisionToken(
                SEARCH.name, NO_EXPERIMENT, decision.at, snapshot.whose(decision.nonce), SEARCH.version,
                SEARCH.click_window_s, SEARCH.view_window_s, decision.nonce, self._pid_keys,
            ),
        )  # fmt: skip


def _asked(question: Question) -> dict[str, Any]:
    """What of the request is on record."""
    asked: dict[str, Any] = {"n": question.n}
    return asked if question.rule is None else asked | {"filter": Raw(question.rule.document)}
