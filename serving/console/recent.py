"""The newest records of the audit log, read when somebody looks, at most twice a second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from serving.console.audit import Entry, decoded
from stream.cluster import BrokerAway
from stream.fold import Record

KEPT_S = 0.5


class Recent:
    """Reads the log's newest records; `read` blocks and raises `BrokerAway`, `clock` is seconds that only grow."""

    def __init__(self, read: Callable[[], Sequence[Record]], clock: Callable[[], float]) -> None:
        self._read, self._clock = read, clock
        self._known: tuple[float, list[Entry]] | None = None
        self._reading = asyncio.Lock()

    async def entries(self) -> list[Entry] | None:
        """The newest entries first; None while no broker answers."""
        async with self._reading:
            if self._known is None or self._clock() - self._known[0] >= KEPT_S:
                try:
                    records = await asyncio.to_thread(self._read)
                except BrokerAway:
                    return None
                found = [entry for record in records if (entry := decoded(record.value))]
                self._known = (self._clock(), found)
            return self._known[1]
