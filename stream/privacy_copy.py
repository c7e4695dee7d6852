"""Keeps the Redis values of a worker's visitors level with the privacy topic, before it folds anything.

A partition's mark says up to which offset its values hold what the topic says; it lies with them, so that a Redis that
came back older has an older mark, and what it lost is read again. Serving trusts no value below the mark that it knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence

import msgspec
import structlog
from confluent_kafka import Consumer, TopicPartition

from stream.fold import Record
from stream.keyring import pseudonyms as pseudonyms_of
from stream.messages import NO_ERROR, PARTITION_END, error_code, reader, record_of
from stream.privacy import MARK, Privacy, join, joined, key_of, owner, read_mark, read_record
from stream.pseudonyms import ONE_KEY, STORED, Pseudonyms
from stream.settings import Settings
from stream.shard import Halt
from stream.state.store import Store, Unavailable
from stream.topics import TOPICS

POLL_S = 0.2
AT_ONCE = 500
RETRY_S = 0.2
_TOPIC = "privacy"

_OTHER_KEYS = (
    "the state of {tag} was made with other pseudonym keys: no visitor would be found in it, and no refusal either. "
    "Give the worker the LIVESHELF_PSEUDONYM_KEY and LIVESHELF_LATER_PSEUDONYM_KEYS that belong to "
    "LIVESHELF_KEY_PREFIX={prefix}; to change them, run `liveshelf migrate`."
)

log = structlog.get_logger()


async def apply(
    store: Store, partition: int, records: Sequence[Record], mark: int, pseudonyms: Pseudonyms = ONE_KEY
) -> None:
    """Join these records into the values, and raise the partition's mark; raises `Unavailable` or `TooFewKeys`."""
    said: dict[str, Privacy] = {}
    for record in records:
        if record.value is None:
            continue
        try:
            pid, told = read_record(record.value, pseudonyms)
        except msgspec.MsgspecError as error:
            log.warning("privacy_record_not_readable", partition=partition, offset=record.offset, reason=str(error))
            continue
        said[key_of(pid)] = joined(said.get(key_of(pid), Privacy()), told)
    await join(store, partition, said, mark)


class PrivacyCopy:
    """Follows the privacy topic for the partitions that this worker owns; `leave` is told what it can't go on after."""

    def __init__(self, settings: Settings, store: Store, leave: Callable[[BaseException], None]) -> None:
        self._store, self._leave = store, leave
        self._settings, self._pseudonyms = settings, ONE_KEY
        self._following: asyncio.Task[None] | None = None
        self._stopping = False

    async def own(self, partitions: Collection[int]) -> None:
        """Read to the topic's end for these partitions, and stay there in the background instead of for earlier ones.

        Waits for Redis and the broker as long as it takes; raises `Halt` if the topic ends before a mark, or if other
        keys made the state's pseudonyms.
        """
        await self.stop()
        if not partitions:
            return
        self._stopping = False
        self._pseudonyms = pseudonyms_of(self._settings)
        marks = {partition: await self._mark(partition) for partition in partitions}
        consumer = reader(self._settings.broker_url, wait_ms=50)  # from the start: joining twice is joining once
        consumer.assign([TopicPartition(TOPICS[_TOPIC].name, p, mark) for p, mark in marks.items()])
        waiting = set(partitions)
        while waiting:
            waiting -= await self._step(consumer, marks)
        self._following = asyncio.create_task(self._follow(consumer, marks), name="follow privacy")

    async def stop(self) -> None:
        """End the following."""
        self._stopping = True
        if self._following is not None:
            following, self._following = self._following, None
            await following

    async def _follow(self, consumer: Consumer, marks: dict[int, int]) -> None:
        try:
            while not self._stopping:
                await self._step(consumer, marks)
        except Exception as error:  # noqa: BLE001  # nobody waits for this task: whatever it is, leave the process
            self._leave(error)
        finally:
            consumer.close()

    async def _step(self, consumer: Consumer, marks: dict[int, int]) -> set[int]:
        """Apply what is there now; the partitions whose end was reached."""
        records, ends = await asyncio.to_thread(_next, consumer)
        for partition in records.keys() | ends.keys():
            some = records.get(partition, [])
            mark = some[-1].offset + 1 if some else ends[partition]
            if mark < marks[partition] and not some:
                raise Halt(
                    f"{TOPICS[_TOPIC].name}[{partition}] ends at {mark}, the state in Redis holds it up to "
                    f"{marks[partition]}: the topic was cut or made anew, and consents may be missing in it. Restore "
                    "the broker's data, or start with an empty Redis."
                )
            await self._patiently(partition, some, mark)
            marks[partition] = max(mark, marks[partition])
        return set(ends)

    async def _patiently(self, partition: int, records: Sequence[Record], mark: int) -> None:
        while True:
            try:
                return await apply(self._store, partition, records, mark, self._pseudonyms)
            except Unavailable as error:
                log.warning("waiting for Redis", error=str(error))
                await asyncio.sleep(RETRY_S)

    async def _mark(self, partition: int) -> int:
        """Up to where the values are level, once it is sure that they are this worker's to read."""
        tag, ours = owner(partition), self._pseudonyms.fingerprint
        while True:
            try:
                mark, keys = await self._store.load(tag, [MARK, STORED])
                if keys is None and not await self._store.swap(tag, {STORED: (None, ours)}):
                    continue
                if keys not in (None, ours):
                    raise Halt(_OTHER_KEYS.format(tag=tag, prefix=self._settings.key_prefix))
                return read_mark(mark)
            except Unavailable as error:
                log.warning("waiting for Redis", error=str(error))
                await asyncio.sleep(RETRY_S)


def _next(consumer: Consumer) -> tuple[dict[int, list[Record]], dict[int, int]]:
    """What is there now, by partition, and the ends that were reached."""
    first = consumer.poll(POLL_S)
    records: dict[int, list[Record]] = {}
    ends: dict[int, int] = {}
    for message in [] if first is None else [first, *consumer.consume(AT_ONCE, 0)]:
        code, partition = error_code(message), message.partition() or 0
        if code == NO_ERROR:
            records.setdefault(partition, []).append(record_of(_TOPIC, message))
        elif code == PARTITION_END:
            ends[partition] = message.offset() or 0
    return records, ends
