"""Lag, seen from outside: the positions stored with the state against the ends of the logs.

The stored position is the truth (Kafka's own group offsets trail it); `seconds` is the age of the last record that was
applied while others wait behind it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal

import msgspec
from msgspec import Struct

from stream.cluster import BrokerAway, Cluster, Offsets
from stream.fold import Clock
from stream.roster import AGENTS
from stream.state.keys import Tag
from stream.state.store import Position, Store, Unavailable
from stream.supervisor import Progress

BEHIND_S = 5.0
LATE_S = 60.0

_clock = msgspec.msgpack.Decoder(Clock | None)


class Row(Struct, frozen=True):
    """One partition: `records` wait, the oldest of them for about `seconds`."""

    agent: str
    topic: str
    partition: int
    position: int
    end: int
    records: int
    seconds: float
    verdict: Literal["ok", "behind", "late"]
    applied: int
    duplicates: int
    dropped: int
    dead: int


async def lag(cluster: Cluster, store: Store, partitions: dict[str, int], *, now_ms: float) -> list[Row]:
    """One row per partition that an agent owns; raises `BrokerAway` or `Unavailable`."""
    places = [
        (name, Tag(agent.topic, partition))
        for name, agent in AGENTS.items()
        for partition in range(partitions[agent.topic])
    ]
    ends = await asyncio.to_thread(cluster.offsets, [(tag.topic, tag.partition) for _, tag in places])
    return [await _row(name, tag, ends[tag.topic, tag.partition], store, now_ms) for name, tag in places]


async def _row(agent: str, tag: Tag, log: Offsets, store: Store, now_ms: float) -> Row:
    stored = await store.position(tag)
    position = Position.parse(stored).offset if stored else log.start
    packed = (await store.load(tag, ["clock"]))[0]
    clock = (_clock.decode(packed) if packed else None) or Clock()
    records = max(0, log.end - position)
    seconds = max(0.0, (now_ms - clock.record_at) / 1000) if records and clock.record_at else 0.0
    never = records > 0 and not clock.record_at
    verdict: Literal["ok", "behind", "late"] = (
        "late" if seconds > LATE_S else "behind" if seconds > BEHIND_S or never else "ok"
    )
    return Row(
        agent, tag.topic, tag.partition, position, log.end, records, round(seconds, 3), verdict,
        clock.applied, clock.duplicates, clock.dropped, clock.dead,
    )  # fmt: skip


def progress_of(cluster: Cluster, store: Store, now_ms: Callable[[], float]) -> Progress:
    """For the supervisor: a value that changes while the agents move; None while they have nothing to do."""
    known: dict[str, int] = {}

    async def progress() -> object | None:
        try:
            if not known:
                known.update(await asyncio.to_thread(cluster.partitions))
            rows = await lag(cluster, store, known, now_ms=now_ms())
        except (BrokerAway, Unavailable):
            return None  # nothing can move, and killing the worker would not help
        waiting = [(row.topic, row.partition, row.position) for row in rows if row.records]
        return tuple(waiting) or None

    return progress
