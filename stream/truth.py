"""Taking from the topic of an agent's truth what the state lacks, before the agent folds anything.

An agent over a compacted log cannot fold its history again (`stream.ledger`). It keeps the whole history of a key in
the newest record of another compacted topic. With the state lies the offset up to which it holds that topic, so a Redis
that came back older has an older one, and what it lost is read again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

from stream.cluster import Cluster
from stream.fold import Outbound, Record
from stream.shard import Halt, Restoring, Sender, Shard
from stream.topics import TOPICS

AT_ONCE = 500


async def restore(shard: Shard, cluster: Cluster, truth: str, sender: Sender) -> None:
    """Bring a shard that has started level with its truth (a topic's noun), and the truth with itself.

    An owner that had lost its partition may have written late, over what the next owner wrote: compaction leaves both
    alone for a day, and what was overtaken is written again. Raises `Halt` if the topic ends before what the state
    holds of it, and `BrokerAway`.
    """
    own, place = (shard.tag.topic, shard.tag.partition), (truth, shard.tag.partition)
    logs = await asyncio.to_thread(cluster.offsets, [own, place])
    taken: int = shard.state.read("taken") or 0
    if taken > logs[place].end:
        raise Halt(
            f"{TOPICS[truth].name}[{place[1]}] ends at {logs[place].end}, the state in Redis holds it up to {taken}: "
            "the topic was cut or made anew, and histories may be missing in it. Restore the broker's data, or start "
            "with an empty Redis."
        )
    batches = cluster.read(*place, max(taken, logs[place].start), logs[place].end)
    overtaken = Overtaken(shard)
    while some := await asyncio.to_thread(next, batches, None):
        for records in pieces(some):
            await shard.restore(records, logs[own].start)
            overtaken.see(records)
    if again := overtaken.records:
        await sender.send_all([Outbound(truth, place[1], record.key, record.value) for record in again])


class Overtaken:
    """Of the records of a truth that were seen: those that say more than the last one of their key."""

    def __init__(self, shard: Shard) -> None:
        assert isinstance(shard.fold, Restoring)
        self._changed_by = shard.fold.changed_by
        self._most: dict[bytes | None, tuple[int, Record]] = {}
        self._last: dict[bytes | None, int] = {}

    def see(self, records: Iterable[Record]) -> None:
        """More records, in the order of the log."""
        for record in records:
            offset = self._last[record.key] = self._changed_by(record)
            if record.key not in self._most or offset >= self._most[record.key][0]:
                self._most[record.key] = offset, record

    @property
    def records(self) -> list[Record]:
        """What has to be written again."""
        return [record for key, (offset, record) in self._most.items() if offset > self._last[key]]


def pieces(records: Iterable[Record]) -> Iterator[list[Record]]:
    """The records of the truth that say something, as many at once as one commit writes."""
    told = [record for record in records if record.value is not None]
    for cut in range(0, len(told), AT_ONCE):
        yield told[cut : cut + AT_ONCE]
