"""Small pieces for tests of the stream: events as bytes, a sender that keeps, a shard over memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from stream.fold import Outbound, Record
from stream.shard import Shard
from stream.state.memory import MemoryStore
from stream.tokens import pseudonym
from stream.topics import TOPICS, partition_of
from stream.visitor import VisitorFold

PARTITIONS = dict.fromkeys(TOPICS, 1)
NOW = 1_790_000_000_000
GRANTED = {"analytics": True, "personalization": True}


def pid_of(visitor_id: str) -> str:
    return pseudonym(b"test key", visitor_id)


def event(name: str, visitor: str, *items: str, at: int = NOW, **more: Any) -> dict[str, Any]:
    event_id = more.pop("event_id", f"{visitor}-{at}-{name}-{'-'.join(items)}"[:64])
    return {
        "event_id": event_id,
        "event": name,
        "occurred_at": at,
        "received_at": at,
        "visitor_id": visitor,
        "consent": GRANTED,
        "items": [{"item_id": item} for item in items],
        **more,
    }


def records(events: Sequence[dict[str, Any]], *, start: int = 0, partitions: int = 1) -> list[Record]:
    return [
        Record(
            "events",
            partition_of(one["visitor_id"].encode(), partitions),
            start + n,
            int(one["received_at"]),
            one["visitor_id"].encode(),
            orjson.dumps(one),
        )
        for n, one in enumerate(events)
    ]


class Kept:
    """A sender that keeps what it was given."""

    def __init__(self) -> None:
        self.sent: list[Outbound] = []

    async def send_all(self, records: Sequence[Outbound]) -> None:
        self.sent.extend(records)


async def visitor_shard(store: MemoryStore, sender: Kept | None = None) -> Shard:
    shard = Shard(VisitorFold(pid_of, 1), 0, "topic", PARTITIONS, store, sender or Kept())
    await shard.start()
    return shard
