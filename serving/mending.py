"""Dead letters come where they belong.

```
dead_letters.v1 ─▶ letter ─▶ mend: validate again, key = visitor, partition = murmur2 ─▶ events.v1 ─▶ note in audit.v1
                             └─▶ still bad: stays
```
What was sent is noted in the audit log (`dead_letter.replay`), which keeps as long as the letters, after the broker has
acknowledged it; who replays reads the notes first. A crash between sending and noting sends those letters once more:
they are the same events at the same times, which the visitor's owner knows again among that visitor's last 64 of a day.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec
import orjson
from msgspec import Struct, field

from serving.console.audit import Entry, decoded, encoded
from serving.dead_letters import Letter, Place
from serving.sends import Sends
from stream.backpressure import Full
from stream.fold import Record
from stream.ingest import MAX_EVENT_BYTES, Rejected, validate
from stream.strict_json import decode
from stream.topics import TOPICS, partition_of

ACTION, ACTOR = "dead_letter.replay", "command-line"
MISPLACED = frozenset({"wrong_key", "wrong_partition"})
"""What is mended without being asked for: there is nothing wrong with the events themselves."""
DERIVED = "it was derived from an event by an agent, which derives it again after `liveshelf rebuild` says what differs"
BATCH = 500
EXAMPLES = 10
EVENTS = TOPICS["events"].name
FULL_S = 0.02


class Mended(NamedTuple):
    """An event that may be sent."""

    partition: int
    key: bytes
    value: bytes


def mend(letter: Letter, partitions: int) -> Mended | str:
    """The event under the key and in the partition of its visitor, at its own time; or why it is still bad.

    The record's time goes into the event, since the record that is sent has a time of its own.
    """
    if letter.source.topic != EVENTS:
        return DERIVED
    value = _with_its_time(letter.value or b"", letter.timestamp)
    accepted = validate(value, timestamp=letter.timestamp)
    if isinstance(accepted, Rejected):
        return f"{accepted.reason}: {accepted.detail}"
    key = accepted.event.visitor_id.encode()
    return Mended(partition_of(key, partitions), key, value)


def _with_its_time(value: bytes, timestamp: int) -> bytes:
    document = decode(value, max_bytes=MAX_EVENT_BYTES)
    if isinstance(document, Rejected) or document.get("received_at") is not None or timestamp <= 0:
        return value
    return orjson.dumps({**document, "received_at": timestamp})


def noted(batches: Iterable[Sequence[Record]], topic_id: str) -> set[Place]:
    """The letters of this dead letter topic (made anew, it is another one) that were sent, by the audit log."""
    found: set[Place] = set()
    for batch in batches:
        for record in batch:
            entry = decoded(record.value)
            if entry is not None and (entry.action, entry.object, entry.outcome) == (ACTION, topic_id, "ok"):
                note = msgspec.convert(entry.after, _Note)
                found.update(Place(note.partition, offset) for offset in note.offsets)
    return found


class _Note(Struct, frozen=True):
    """What an audit entry says of a replay: which letters of a partition were sent."""

    partition: int
    offsets: list[int]


class Outcome(Struct):
    """What a replay did or would do, by reason: `sent`, `stays`; `already` were sent before; `why` tells of some."""

    sent: Counter[str] = field(default_factory=Counter)
    stays: Counter[str] = field(default_factory=Counter)
    already: int = 0
    why: list[tuple[Letter, str]] = field(default_factory=list)


class Batch(NamedTuple):
    """Letters that are sent together, and their events."""

    letters: list[Letter]
    events: list[Mended]


def plan(found: Iterable[Letter], partitions: int, already: Collection[Place], outcome: Outcome) -> Iterator[Batch]:
    """Batches of what may be sent; everything is counted in `outcome`, which is whole at the end."""
    batch = Batch([], [])
    for letter in found:
        if letter.place in already:
            outcome.already += 1
            continue
        mended = mend(letter, partitions)
        if isinstance(mended, str):
            outcome.stays[letter.reason] += 1
            if len(outcome.why) < EXAMPLES:
                outcome.why.append((letter, mended))
            continue
        outcome.sent[letter.reason] += 1
        batch.letters.append(letter)
        batch.events.append(mended)
        if len(batch.letters) == BATCH:
            yield batch
            batch = Batch([], [])
    if batch.letters:
        yield batch


class Replay:
    """Sends batches, and notes what was acknowledged.

    Parameters
    ----------
    audit_partitions: how many partitions the audit topic has.
    topic_id: of the dead letter topic.
    clock: now, in ms.
    """

    def __init__(
        self,
        producer: Sends,
        audit_partitions: int,
        topic_id: str,
        *,
        clock: Callable[[], float] = lambda: time.time() * 1000,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._producer, self._audit_partitions, self._topic_id = producer, audit_partitions, topic_id
        self._clock, self._sleep = clock, sleep

    async def send(self, batch: Batch) -> None:
        """Send, await, note; raises `NotAcknowledged` after noting what was acknowledged."""
        waiting = [await self._sent(event) for event in batch.events]
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        taken: dict[int, list[int]] = {}
        for letter, answer in zip(batch.letters, answers, strict=True):
            if not isinstance(answer, BaseException):
                taken.setdefault(letter.place.partition, []).append(letter.place.offset)
        for partition, offsets in taken.items():
            await self._note(partition, offsets)
        failed = [answer for answer in answers if isinstance(answer, BaseException)]
        if failed:
            raise failed[0]

    async def _sent(self, event: Mended) -> Awaitable[int]:
        while True:
            try:
                return self._producer.send(EVENTS, event.partition, event.key, event.value)
            except Full:
                await self._sleep(FULL_S)

    async def _note(self, partition: int, offsets: list[int]) -> None:
        after = {"partition": partition, "offsets": offsets}
        entry = encoded(Entry(int(self._clock()), ACTOR, None, ACTION, self._topic_id, "ok", after=after))
        key = ACTOR.encode()
        await self._producer.send(TOPICS["audit"].name, partition_of(key, self._audit_partitions), key, entry)
