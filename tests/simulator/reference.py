"""A fresh fold over the log as it lies, one record at a time, remembered for every offset."""

from __future__ import annotations

from typing import NamedTuple

from stream.entries import Claimed, Outcome
from stream.fold import Emit, State
from tests.simulator.log import Place, SimLog
from tests.simulator.world import PARTITIONS, PLACES, Parts, fold_of


class Snapshot(NamedTuple):
    """All that a partition owns after so many records, as bytes; views are not part of it."""

    values: dict[str, bytes]
    ranking: dict[str, float]


class Reference:
    """What every partition's state has to be at any position."""

    def __init__(self, log: SimLog, parts: Parts) -> None:
        self._log = log
        self._partitions = {place: _Partition(place, parts) for place in PLACES}

    def at(self, place: Place, offset: int) -> Snapshot:
        partition, records = self._partitions[place], self._log.before(place, offset)
        while len(partition.snapshots) <= records:
            partition.fold(self._log, place)
        return partition.snapshots[records]

    def outcomes(self, place: Place) -> int:
        """How many outcomes of shelves a partition of events tells of."""
        self.at(place, self._log.end(place))
        return self._partitions[place].outcomes

    def claims(self, place: Place) -> list[int]:
        """The offsets of the claims of coupons that a partition of events tells of."""
        self.at(place, self._log.end(place))
        return self._partitions[place].claims


class _Partition:
    def __init__(self, place: Place, parts: Parts) -> None:
        self.agent = fold_of(place, parts)
        self.state = State(self.agent.families)
        self.snapshots = [Snapshot({}, {})]
        self.outcomes = 0
        self.claims: list[int] = []
        self.emit = Emit((place.topic, place.partition), PARTITIONS)
        for family in self.agent.families:
            if not family.id and not family.view:
                self.state.load(family.name, None)

    def fold(self, log: SimLog, place: Place) -> None:
        record = log.records(place)[len(self.snapshots) - 1]
        decoded = self.agent.decode(record)
        for key in self.state.missing(self.agent.keys([decoded], self.state)):
            self.state.load(key, None)
        self.emit.offset = record.offset
        self.agent.fold(record, decoded, self.state, self.emit)
        told = [entry for out in self.emit.out.values() for entry in out.entries]
        self.outcomes += sum(isinstance(entry, Outcome) for entry in told)
        self.claims += [entry.offset for entry in told if isinstance(entry, Claimed)]
        self.emit.drain()
        writes = self.state.writes()
        self.state.settle()
        values, ranking = dict(self.snapshots[-1].values), dict(self.snapshots[-1].ranking)
        values.update((key, packed) for key, (packed, _) in writes.values.items())
        for key in writes.deleted:
            values.pop(key, None)
        ranking.update(writes.ranked)
        for member in writes.unranked:
            ranking.pop(member, None)
        self.snapshots.append(Snapshot(values, ranking))
