"""One partition of one agent: read → fold → send derived, await → fenced commit.

The position lies with the state, in the same atomic call, and wins over Kafka's offsets; a refusal means another owner
or a store that came back older, and then the process leaves and is restarted (`GUARANTEES.md` §1). A dependency that is
away makes the partition wait and retry in place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

import structlog

from stream.backpressure import Full
from stream.fold import Emit, Fold, Outbound, Record, State, Writes
from stream.producer import NotAcknowledged
from stream.state.keys import Tag
from stream.state.store import UNFINISHED, Position, Store, Unavailable
from stream.topics import TOPICS

T = TypeVar("T")
log = structlog.get_logger()

Sleep = Callable[[float], Awaitable[Any]]


class Fenced(Exception):
    """The stored position is not the one this owner wrote last: leave, and start again from what is stored."""


class Halt(Exception):
    """Going on would break a promise; the message says what an operator has to do."""


class Sender(Protocol):
    """Sends derived records and returns when all are acknowledged."""

    async def send_all(self, records: Sequence[Outbound]) -> None:
        """Raises `NotAcknowledged` or `Full` if any of them may not be in the log."""


@runtime_checkable
class Restoring(Protocol):
    """A fold whose own log is compacted: what it cannot give again lies in a topic of its truth."""

    def changed_by(self, record: Record) -> int:
        """The offset in the fold's own log of the record that it was written for."""

    def restored_keys(self, records: Sequence[Record]) -> list[str]:
        """The keys that restoring these records needs in memory."""

    def restore(self, records: Sequence[Record], state: State) -> None:
        """Take what these records, in order, say and the state does not know yet."""


class Shard:
    """The runner of one partition.

    Parameters
    ----------
    fold: the agent's fold, made for this partition alone.
    topic_id: Kafka's id of the topic (a run id on the embedded broker).
    partitions: number of partitions of every topic, by noun.
    sleep: waits before a retry (seconds); the simulator gives its own.
    """

    def __init__(
        self,
        fold: Fold,
        partition: int,
        topic_id: str,
        partitions: Mapping[str, int],
        store: Store,
        sender: Sender,
        *,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.fold = fold
        self.tag = Tag(fold.topic, partition)
        self.state = State(fold.families)
        self.next_offset: int | None = None
        self.unflushed = 0
        self._emit = Emit((fold.topic, partition), partitions, keys=fold.made_with)
        self._topic_id, self._partitions = topic_id, partitions[fold.topic]
        self._stored: str | None = None
        self._store, self._sender, self._sleep = store, sender, sleep
        self.flushed = 0
        self._row_bytes = 512.0

    async def start(self) -> int | None:
        """Load what the partition's fold always needs; the offset to read from, None = the log's first.

        Raises `Halt` if the stored position is of another topic or another number of partitions.
        """
        always = [family.name for family in self.fold.families if not family.id and not family.view]
        ranked = self.fold.ranking is not None
        found = await self._patiently(lambda: self._store.read(self.tag, always, ranking=ranked))
        if found.position is not None:
            position = Position.parse(found.position)
            self._check(position)
            self.next_offset = position.offset
        self._stored, self.state.rank = found.position, found.ranking
        for key, packed in zip(always, found.values, strict=True):
            self.state.load(key, packed)
        return self.next_offset

    def _check(self, position: Position) -> None:
        if position.topic_id == UNFINISHED:
            raise Halt(
                f"the state of {self.tag} is not whole: `liveshelf migrate` was interrupted while it copied or deleted "
                "it. Run it again, or go back to the LIVESHELF_KEY_PREFIX and keys of before."
            )
        if position.partitions != self._partitions:
            raise Halt(
                f"topic {TOPICS[self.tag.topic].name} has {self._partitions} partitions, the stored state was made "
                f"with {position.partitions}: visitors would meet another owner's state. Point the worker at the "
                "topics that the state was made from. State cannot be moved to another number: start over with new "
                "topics and an empty Redis, send the history with `liveshelf replay`, and ask visitors for their "
                "consent anew."
            )
        if position.topic_id != self._topic_id:
            raise Halt(
                f"topic {TOPICS[self.tag.topic].name} is not the one that the stored state was made from (id "
                f"{self._topic_id}, stored {position.topic_id}): its offsets mean other events. Point the worker at "
                "the old broker, or start with an empty Redis (or another LIVESHELF_KEY_PREFIX)."
            )

    @property
    def rows(self) -> int:
        """How many values the next flush writes."""
        return len(self.state.changed)

    @property
    def bytes_expected(self) -> float:
        """About how many bytes the next flush writes, by the mean of the last one."""
        return self.rows * self._row_bytes

    async def apply(self, records: Sequence[Record]) -> None:
        """Fold records into the memory; `flush` writes them."""
        fold, state, emit = self.fold, self.state, self._emit
        decoded = [fold.decode(record) for record in records]
        await self._load(fold.keys(decoded, state))
        for record, one in zip(records, decoded, strict=True):
            emit.offset = record.offset
            fold.fold(record, one, state, emit)
        self.next_offset = records[-1].offset + 1
        self.unflushed += len(records)

    async def restore(self, records: Sequence[Record], first_offset: int) -> None:
        """Take what the fold's truth says that the state lacks; raises `Fenced`.

        A partition without a position begins at `first_offset`.
        """
        fold = self.fold
        assert isinstance(fold, Restoring)
        await self._load(fold.restored_keys(records))
        fold.restore(records, self.state)
        if self.next_offset is None:
            self.next_offset = first_offset
        await self._commit()

    async def flush(self) -> None:
        """Send what was derived, await it, and commit state and position under the fence; raises `Fenced`."""
        if not self.unflushed:
            return
        await self._send()
        await self._commit()

    async def _commit(self) -> None:
        writes = self._writes()
        new = str(Position(self._topic_id, self._partitions, self.next_offset or 0))
        found = await self._patiently(lambda: self._store.commit(self.tag, self._stored, new, writes))
        if found is not None and found != new:
            raise self._overtaken(found)
        self.state.settle()
        self._stored = new
        self.flushed += self.unflushed
        self.unflushed = 0
        if writes.values:
            self._row_bytes = sum(len(packed) for packed, _ in writes.values.values()) / len(writes.values)

    def _overtaken(self, found: str | None) -> Fenced:
        return Fenced(
            f"{self.tag} is at {found or 'the beginning'} where {self._stored or 'the beginning'} was expected: "
            "another worker owns the partition now, or Redis came back older. Starting again from what is stored."
        )

    def _writes(self) -> Writes:
        writes = self.state.writes()
        for key, view in self.fold.views(self.state, self.state.changed).items():
            if view is None:
                writes.deleted.append(key)
            else:
                writes.values[key] = (view, self.state.families[key.partition(":")[0]].ttl_s * 1_000)
        writes.deleted = [key for key in writes.deleted if key not in writes.values]
        return writes

    async def _send(self) -> None:
        for round_ in self._emit.drain():
            await self._patiently(lambda sent=round_: self._sender.send_all(sent))  # type: ignore[misc]

    async def _load(self, keys: Any) -> None:
        missing = self.state.missing(keys)
        if missing:
            found = await self._patiently(lambda: self._store.read(self.tag, missing))
            if found.position != self._stored:
                raise self._overtaken(found.position)
            for key, packed in zip(missing, found.values, strict=True):
                self.state.load(key, packed)

    async def _patiently(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Repeat unchanged until the dependency answers: 50 ms apart at first, 2 s at most."""
        delay_s = 0.05
        while True:
            try:
                return await attempt()
            except (Unavailable, NotAcknowledged, Full) as error:
                log.warning("waiting for a dependency", shard=str(self.tag), error=str(error), retry_s=delay_s)
                await self._sleep(delay_s)
                delay_s = min(2.0, delay_s * 2)
