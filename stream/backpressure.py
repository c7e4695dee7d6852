"""Back-pressure for the embedded broker, which forgets the oldest records beyond 5 MiB a partition.

A producer may run ahead of the agent that consumes a partition by `WINDOW_BYTES`; beyond that it is told `Full`. How
far the agent is, the stored position says; how much waits is the offsets between (whoever wrote them) times their mean
size. On a real broker none of this is needed: it keeps what its retention says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from msgspec import Struct

from stream.state.keys import Tag
from stream.state.store import Position, Unavailable

WINDOW_BYTES = 2 * 1024 * 1024
OVERHEAD_BYTES = 110
CONSUMED = frozenset({"events", "pairs", "profile", "decisions", "feedback", "queries"})
LOOK_S = 0.02


class Full(Exception):
    """No room now: the embedded broker's small memory, or the send buffer. Try again later."""


class _Lane(Struct):
    """One partition: next offset after the newest acknowledged record, the agent's position, mean size, in flight."""

    end: int = 0
    position: int = 0
    mean_bytes: float = 512.0
    in_flight: int = 0


class Backpressure:
    """Counts what each consumed partition still has before it; `position` asks the store."""

    def __init__(self, position: Callable[[Tag], Awaitable[str | None]]) -> None:
        self._position = position
        self._lanes: dict[Tag, _Lane] = {}
        self._looking: asyncio.Task[None] | None = None

    def admit(self, tag: Tag, size: int) -> None:
        """Count a record in; raises `Full` when its partition has too much before it."""
        if tag.topic not in CONSUMED:
            return
        lane = self._lanes.setdefault(tag, _Lane())
        waiting = (lane.end - lane.position) * lane.mean_bytes + lane.in_flight
        if waiting + size > WINDOW_BYTES / 2:
            self._look()
        if (lane.in_flight and waiting + size > WINDOW_BYTES) or (lane.end > lane.position and waiting > WINDOW_BYTES):
            raise Full(
                "the embedded broker's memory is full of events that are not worked off yet; try again in a moment"
            )
        lane.in_flight += size + OVERHEAD_BYTES
        lane.mean_bytes += (size + OVERHEAD_BYTES - lane.mean_bytes) / 64

    def settled(self, tag: Tag, size: int, offset: int | None) -> None:
        """A record was acknowledged at `offset`, or failed (None)."""
        lane = self._lanes.get(tag)
        if lane is not None:
            lane.in_flight -= size + OVERHEAD_BYTES
            if offset is not None:
                lane.end = max(lane.end, offset + 1)

    def _look(self) -> None:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._read_positions())

    async def _read_positions(self) -> None:
        await asyncio.sleep(LOOK_S)
        for tag, lane in list(self._lanes.items()):
            with suppress(Unavailable):
                stored = await self._position(tag)
                if stored is not None:
                    lane.position = max(lane.position, Position.parse(stored).offset)
