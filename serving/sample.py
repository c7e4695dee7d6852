"""The newest events as they lie in the log, so that those which a shop produces straight into Kafka are seen, too."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from msgspec import Struct

from serving.erasure import Ends
from serving.export import ReadLog
from stream.fold import Record
from stream.state.keys import Tag
from stream.state.store import Unavailable

TOPIC = "events"
MOST_A_PARTITION = 500
MOST = 4_000
OLDEST_MS = 24 * 3_600_000
LONGEST_S = 5.0


class Part(Struct, frozen=True):
    """The newest records of one partition, in order; `whole` if there are none before them."""

    records: list[Record]
    whole: bool


class Sample(Struct, frozen=True):
    """What was read of how many partitions: fewer if time was up."""

    parts: list[Part]
    partitions: int


class Sampler:
    """Reads the newest events: at most 24 hours old, a bounded number of each partition.

    Parameters
    ----------
    ends: the next offset of each partition's log, `read` its records; both raise `BrokerAway`.
    partitions: how many there are; 0 while the broker is away or nobody knows.
    clock: now, in ms; `timer` seconds that only grow.
    """

    def __init__(
        self,
        ends: Ends,
        read: ReadLog,
        partitions: Callable[[], int],
        *,
        clock: Callable[[], float],
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ends, self._read, self._partitions = ends, read, partitions
        self._clock, self._timer = clock, timer

    async def sample(self) -> Sample:
        """The newest events now; raises `BrokerAway`, or `Unavailable` while no partitions are known."""
        count = self._partitions()
        if not count:
            raise Unavailable("no broker answers, or its topics are not known yet")
        ends = await self._ends([Tag(TOPIC, partition) for partition in range(count)])
        return Sample(await asyncio.to_thread(self._parts, ends), count)

    def _parts(self, ends: Sequence[int]) -> list[Part]:
        until, parts = self._timer() + LONGEST_S, []
        most = min(MOST_A_PARTITION, max(1, MOST // len(ends)))
        for partition, end in enumerate(ends):
            if self._timer() > until:
                break
            parts.append(self._part(partition, max(0, end - most), end))
        return parts

    def _part(self, partition: int, start: int, end: int) -> Part:
        read = [record for batch in self._read(TOPIC, partition, start, end) for record in batch]
        oldest = self._clock() - OLDEST_MS
        recent = [record for record in read if record.timestamp <= 0 or record.timestamp >= oldest]
        return Part(recent, whole=start == 0 and len(recent) == len(read))
