"""Why a decision was made: what its own token says, and its record in the log, as long as that lies there.

There is no index: the token tells the time, and the log is read around it, in all partitions, because a pseudonym does
not tell where its visitor's records lie.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing
from typing import Literal, NamedTuple

import msgspec
from msgspec import Raw, Struct

from serving.again import Recomputed
from serving.sentences import of_items, of_record
from serving.threads import one_by_one
from stream.cluster import BrokerAway
from stream.fold import Record
from stream.pseudonyms import Pseudonyms
from stream.state.store import Unavailable
from stream.tokens import DecisionToken, read_decision_id
from stream.topics import TOPICS

TOPIC = "decisions"
DAY_MS = 86_400_000
BEFORE_MS, AFTER_MS = 2_000, 12_000
"""Around the decision's time: clocks of other processes, and how long a record may wait for its broker."""
BUDGET_S = 8.0
AT_ONCE = 2

ReadSpan = Callable[[str, int, int], Iterator[list[Record]]]
"""The records of (noun) with timestamps in [since, until) ms, in batches; raises `BrokerAway`."""
Found = Literal["record", "never", "missing", "expired", "erased", "unknown"]

_SAYS: dict[Found, str] = {
    "never": "Nothing of a visitor was used for this decision (nobody was named, or there was no consent), so "
    "nothing is on record that tells whose it was.",
    "missing": "The record is not in the log: it was dropped from the full buffer under overload (that is counted), "
    "the embedded broker has forgotten it, or it is still on its way for a second.",
    "expired": f"The record was deleted with its retention of {TOPICS[TOPIC].retention_days} days.",
    "erased": "The visitor was erased since; what was recorded of them is not read any more.",
    "unknown": "The log or Redis could not be read in time, so it is not known what was recorded. Ask again.",
}


class Explanation(Struct, frozen=True):
    """As `schemas/explanation.json` has it; `says` is one sentence for the shopper, or why there is no record.

    `sentences` has one for each item, by its id; `recomputed` is what would be decided now, where that was asked for.
    """

    decision_id: str
    placement: str
    variation: str
    decided_at: int
    policy_version: int
    click_window_s: int
    view_window_s: int
    found: Found
    says: str
    record: Raw | None
    sentences: dict[str, str] = {}
    recomputed: Recomputed | None = None


class Explained(NamedTuple):
    """An explanation, and whose decision it was: the visitor where the record tells, the token's pseudonym."""

    explanation: Explanation
    visitor_id: str | None
    pid: str


class _Looked(NamedTuple):
    found: Found
    record: Record | None = None


class Explanations:
    """Explains decisions, few at a time.

    Parameters
    ----------
    read: the log's records within a span of time.
    epoch_of: the epoch of a visitor's pseudonym now; raises `Unavailable`.
    title_of: what shoppers call an item.
    clock: now, in ms.
    """

    def __init__(
        self,
        read: ReadSpan,
        epoch_of: Callable[[str], Awaitable[int]],
        signing_key: bytes,
        pseudonyms: Pseudonyms,
        *,
        title_of: Callable[[str], str] = str,
        clock: Callable[[], float],
        budget_s: float = BUDGET_S,
    ) -> None:
        self._read, self._epoch_of, self._clock = read, epoch_of, clock
        self._signing_key, self._pseudonyms, self._budget_s = signing_key, pseudonyms, budget_s
        self._title_of = title_of
        self._reading = asyncio.Semaphore(AT_ONCE)

    async def of(self, decision_id: str) -> Explained:
        """What is known of a decision; raises `BadToken` for an id that was not made here."""
        token = read_decision_id(self._signing_key, decision_id)
        token = (
            token
            if token.sealed
            else token._replace(pid=token.pid and self._pseudonyms.of_token(token.pid, token.keys))
        )
        try:
            async with asyncio.timeout(self._budget_s), self._reading:
                looked = await self._look(decision_id, token)
        except (BrokerAway, Unavailable, TimeoutError):
            looked = _Looked("unknown")
        record, visitor_id = looked.record, None
        if record is not None and record.key is not None:
            visitor_id = record.key.decode()
        value = None if looked.found != "record" or record is None else record.value
        told = None if value is None else msgspec.json.decode(value)
        says = _SAYS[looked.found] if told is None else of_record(told)
        explanation = Explanation(
            decision_id, token.placement, token.variation, token.at, token.policy, token.click_window_s,
            token.view_window_s, looked.found, says, None if value is None else Raw(value),
            {} if told is None else of_items(told["items"], self._title_of),
        )  # fmt: skip
        return Explained(explanation, visitor_id, token.pid)

    async def _look(self, decision_id: str, token: DecisionToken) -> _Looked:
        if not token.pid or token.sealed:
            return _Looked("never")
        if token.at < self._clock() - TOPICS[TOPIC].retention_days * DAY_MS:
            return _Looked("expired")
        record = await self._find(decision_id, token.at)
        if record is None:
            return _Looked("missing")
        visitor_id = (record.key or b"").decode()
        now = self._pseudonyms.of_visitor(visitor_id, await self._epoch_of(visitor_id))
        return _Looked("record" if now == token.pid else "erased", record)

    async def _find(self, decision_id: str, at: int) -> Record | None:
        needle = f'"decision_id":"{decision_id}"'.encode()
        async with aclosing(one_by_one(self._read(TOPIC, at - BEFORE_MS, at + AFTER_MS))) as batches:
            async for batch in batches:
                for record in batch:
                    if record.value is not None and needle in record.value:
                        return record
        return None
