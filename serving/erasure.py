"""Erasure: begun with the topics and the privacy value, over once every agent has passed it, then certified.

```
DELETE ─▶ privacy.v1, privacy value (reads know it) ─▶ `erase` in events.v1 ─▶ the owner's tombstone ─▶ derived topics
receipt ◀─ every derived agent at the ends that its topics had when the owner had passed ◀───────────────────┘
```
What is under way is in the token alone, so that any process can go on asking.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from serving.privacy import Ledger
from serving.sends import Sends
from serving.visitors import TOPIC, Visitors
from stream.consent import newest
from stream.roster import AGENTS
from stream.state.keys import Tag
from stream.state.store import Position, Store
from stream.tokens import made_with, read_made_with, sign
from stream.topics import TOPICS

PATIENCE_S = 3.0
LOOK_S = 0.05
DAY_MS = 86_400_000
RAW_DAYS = max(topic.retention_days for topic in TOPICS.values())
_encode = msgspec.json.Encoder().encode

Ends = Callable[[Sequence[Tag]], Awaitable[list[int]]]


class Erasing(NamedTuple):
    """An erasure under way: whose, where its control event lies, the new epoch, and when it was asked for (ms).

    `keys`: with how many keys `pid` was made.
    """

    pid: str
    partition: int
    offset: int
    epoch: int
    at: int
    keys: int = 1


class Erasures:
    """Begins erasures and certifies that they are over.

    Parameters
    ----------
    ends: the next offset of each partition's log; raises `BrokerAway`.
    partitions: how many partitions a topic has, by noun.
    clock: now, in ms; `timer` in seconds.
    """

    def __init__(
        self,
        ledger: Ledger,
        visitors: Visitors,
        producer: Sends,
        store: Store,
        ends: Ends,
        partitions: Callable[[str], int],
        signing_key: bytes,
        *,
        clock: Callable[[], float],
        timer: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self._ledger, self._visitors, self._producer, self._store = ledger, visitors, producer, store
        self._ends, self._partitions, self._key = ends, partitions, signing_key
        self._clock, self._timer, self._sleep = clock, timer, sleep

    async def begin(self, visitor_id: str) -> str:
        """Erase a visitor; the token of the erasure. Raises `Unavailable`, `Full` or `NotAcknowledged`."""
        seen = (await self._visitors.many([visitor_id]))[visitor_id]
        epoch, said_at = (1, 0) if seen is None else (seen.epoch + 1, newest(seen.consent))
        now = max(int(self._clock()), said_at)
        partition, pid = self._visitors.partition(visitor_id), self._visitors.pid_of(visitor_id)
        await self._ledger.erase(visitor_id, epoch, now)
        event = {
            "event": "erase",
            "event_id": f"erase-{epoch}",
            "visitor_id": visitor_id,
            "occurred_at": now,
            "received_at": now,
            "epoch": epoch,
        }
        offset = await self._producer.send(TOPICS[TOPIC].name, partition, visitor_id.encode(), _encode(event))
        erasing = Erasing(pid, partition, offset, epoch, now)
        return sign(self._key, "erasure", (*erasing[:-1], *made_with(self._visitors.pseudonyms.length)))

    async def certificate(self, token: str) -> dict[str, Any] | None:
        """The signed receipt if every agent has passed the erasure within `PATIENCE_S`; raises `BadToken`.

        It names today's pseudonym, also if the erasure began before a migration.
        """
        erasing = Erasing(*read_made_with(self._key, "erasure", token, tuple[str, int, int, int, int, int], 5))
        until = self._timer() + PATIENCE_S
        if not await self._reached([(Tag(TOPIC, erasing.partition), erasing.offset + 1)], until):
            return None
        derived = [Tag(topic, p) for topic in _DERIVED for p in range(self._partitions(topic))]
        if not await self._reached(list(zip(derived, await self._ends(derived), strict=True)), until):
            return None
        return self._certified(erasing)

    async def _reached(self, wanted: Sequence[tuple[Tag, int]], until: float) -> bool:
        """Whether every position is where it is wanted in time."""
        waiting = list(wanted)
        while waiting := [(tag, end) for tag, end in waiting if await self._position(tag) < end]:
            if self._timer() >= until:
                return False
            await self._sleep(LOOK_S)
        return True

    async def _position(self, tag: Tag) -> int:
        stored = await self._store.position(tag)
        return Position.parse(stored).offset if stored else 0

    def _certified(self, erasing: Erasing) -> dict[str, Any]:
        now, raw_until = int(self._clock()), erasing.at + RAW_DAYS * DAY_MS
        pseudonyms = self._visitors.pseudonyms
        pid = pseudonyms.of_token(erasing.pid, erasing.keys)
        receipt = (pid, erasing.epoch, erasing.at, now, raw_until, *made_with(pseudonyms.length))
        return {
            "status": "erased",
            "pid": pid,
            "epoch": erasing.epoch,
            "requested_at": _text(erasing.at),
            "completed_at": _text(now),
            "raw_records_until": _text(raw_until),
            "raw_topics": [TOPICS[noun].name for noun in ("events", "decisions", "dead_letters")],
            "kept": "a tombstone: the pseudonym, its epoch and the time",
            "receipt": sign(self._key, "receipt", receipt),
        }


_DERIVED = [agent.topic for agent in AGENTS.values() if agent.topic not in (TOPIC, "catalog")]
"""The catalogue's agent knows nothing of visitors."""


def _text(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
