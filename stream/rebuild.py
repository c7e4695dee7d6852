"""Proof that state is a fold: fold an agent's input again from its log and compare every key (`GUARANTEES.md` §1.6)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence

from msgspec import Struct, field

from stream.fold import Fold, Outbound, Record
from stream.privacy import FAMILY, MARK
from stream.pseudonyms import STORED
from stream.shard import Restoring, Shard
from stream.state.keys import Tag
from stream.state.memory import MemoryStore
from stream.state.store import Position, Store
from stream.truth import pieces

READ_AGAIN = 20
COPIES = frozenset({FAMILY, MARK, STORED})
"""Values that lie with a partition's state, but are no part of it: the copy of another topic, and by which keys."""


class Difference(Struct, frozen=True):
    """A key whose stored bytes are not what the log gives; None = not there."""

    key: str
    stored: bytes | None
    folded: bytes | None


class Report(Struct):
    """What was compared, per family, and what differs."""

    agent: str
    partition: int
    records: int = 0
    compared: dict[str, int] = field(default_factory=dict)
    different: list[Difference] = field(default_factory=list)


class CannotRebuild(Exception):
    """The log or the state does not allow a comparison now; the message says why."""


class _Nowhere:
    """Rebuilding sends nothing."""

    async def send_all(self, records: Sequence[Outbound]) -> None:
        return


class _Dump(Struct):
    position: str
    values: dict[str, bytes]
    ranking: dict[str, float]


async def rebuild(
    fold: Callable[[], Fold],
    partition: int,
    store: Store,
    read: Callable[[int, int], Iterable[list[Record]]],
    partitions: Mapping[str, int],
    *,
    log_start: int = 0,
    truth: Iterable[list[Record]] = (),
) -> Report:
    """Fold the log up to the stored position into memory and compare with `store`.

    Parameters
    ----------
    fold: makes the agent's fold for one partition.
    read: the records in [start, end) of the partition, in batches.
    log_start: the log's first offset; anything but 0 needs a checkpoint, and raises `CannotRebuild`.
    truth: of an agent whose log is compacted, the records of its truth (`stream.truth`). What they are ahead of the
        stored position is not compared.
    """
    agent = fold()
    tag = Tag(agent.topic, partition)
    report = Report(agent.name, partition)
    dump = await _dump(store, tag)
    if dump is None:
        return report
    position = Position.parse(dump.position)
    if log_start > 0:
        raise CannotRebuild(
            f"{tag}: the log begins at {log_start}, its first records are past their retention. Rebuild from a Redis "
            "backup that is older than the state and not older than the log."
        )
    memory = MemoryStore()
    shard = Shard(
        agent, partition, position.topic_id, {**partitions, agent.topic: position.partitions}, memory, _Nowhere()
    )
    await shard.start()
    ahead = [key async for key in _restore(shard, truth, position.offset)]
    for batch in read(0, position.offset):
        await shard.apply(batch)
        report.records += len(batch)
        await shard.flush()
    for key in ahead:
        dump.values.pop(key, None)
        memory.values[tag].pop(key, None)
    _compare(report, agent, dump, memory.values[tag], memory.rankings[tag])
    return report


async def _restore(shard: Shard, truth: Iterable[list[Record]], end: int) -> AsyncIterator[str]:
    """Begin with what the truth says; the keys that it has changed by a record at `end` or later."""
    fold = shard.fold
    for records in (some for batch in truth for some in pieces(batch)):
        assert isinstance(fold, Restoring)
        known = [record for record in records if fold.changed_by(record) < end]
        if known:
            await shard.restore(known, 0)
        for key in fold.restored_keys([record for record in records if fold.changed_by(record) >= end]):
            yield key


async def _dump(store: Store, tag: Tag) -> _Dump | None:
    """All of a partition at one position: read until the position was the same before and after."""
    for _ in range(READ_AGAIN):
        before = await store.position(tag)
        if before is None:
            return None
        keys = sorted([key async for key in store.scan(tag)])
        values: dict[str, bytes] = {}
        for at in range(0, len(keys), 500):
            some = keys[at : at + 500]
            values.update((k, v) for k, v in zip(some, await store.load(tag, some), strict=True) if v is not None)
        ranking = await store.ranking(tag)
        if await store.position(tag) == before:
            return _Dump(before, values, ranking)
    raise CannotRebuild(f"{tag} changes all the time: stop its worker, or rebuild while there is little traffic.")


def _compare(
    report: Report, agent: Fold, dump: _Dump, folded: Mapping[str, bytes], ranking: Mapping[str, float]
) -> None:
    views = {family.name for family in agent.families if family.view or not family.compared}
    for key in sorted(dump.values.keys() | folded.keys()):
        family = key.partition(":")[0]
        if family in views or family in COPIES:
            continue
        report.compared[family] = report.compared.get(family, 0) + 1
        if dump.values.get(key) != folded.get(key):
            report.different.append(Difference(key, dump.values.get(key), folded.get(key)))
    if agent.ranking is not None:
        name = agent.ranking.name
        for member in sorted(dump.ranking.keys() | ranking.keys()):
            report.compared[name] = report.compared.get(name, 0) + 1
            if dump.ranking.get(member) != ranking.get(member):
                stored, again = dump.ranking.get(member), ranking.get(member)
                report.different.append(Difference(f"{name}:{member}", _text(stored), _text(again)))


def _text(score: float | None) -> bytes | None:
    return None if score is None else repr(score).encode()
