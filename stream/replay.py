"""Replay a history of events into Kafka.

History keeps its times: ``received_at = sent_at = occurred_at``; the records' own timestamps are now, or Kafka's
retention would delete them. With ``shift`` the file's last event happens when the replay ends, and event ids get a
prefix, so that the same file can be replayed again.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import IO, cast

import orjson
from msgspec import Struct, field

from stream.backpressure import Full
from stream.ingest import Accepted, Rejected, validate
from stream.producer import Producer
from stream.topics import TOPICS, partition_of

WINDOW = 2_000
REPORTED = 10


class BadFile(Exception):
    """The file cannot be read as JSON Lines of events."""


class Replayed(Struct):
    """What became of the lines; `rejected` maps reasons to counts, `examples` are (line, reason, detail)."""

    lines: int = 0
    sent: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    examples: list[tuple[int, str, str]] = field(default_factory=list)

    def reject(self, reason: str, detail: str) -> None:
        self.rejected[reason] = self.rejected.get(reason, 0) + 1
        if len(self.examples) < REPORTED:
            self.examples.append((self.lines, reason, detail))


def lines(path: Path) -> Iterator[bytes]:
    """The lines of a ``.jsonl`` or ``.jsonl.gz`` file; raises `BadFile`."""
    try:
        with cast("IO[bytes]", gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")) as rows:
            yield from (row for row in rows if row.strip())
    except (OSError, EOFError) as error:
        raise BadFile(f"{path} cannot be read: {error}") from None


def span(path: Path) -> tuple[int, int]:
    """Event times (ms) of the first and the last valid line; raises `BadFile` when there is none."""
    first = last = None
    for row in lines(path):
        admitted = validate(row, timestamp=0)
        if isinstance(admitted, Accepted):
            last = admitted.at
            first = last if first is None else first
    if first is None or last is None:
        raise BadFile(f"{path} has no valid event; each line must be one JSON object as in schemas/event.json")
    return first, last


def historic(row: bytes, *, shift_ms: int, prefix: str) -> bytes | Rejected:
    """One line as it is produced: its times moved by `shift_ms`, received when it occurred."""
    found = validate(row, timestamp=0)
    if isinstance(found, Rejected):
        return found
    event = orjson.loads(row)
    at = found.at + shift_ms
    event["occurred_at"] = event["sent_at"] = event["received_at"] = at
    if prefix:
        event["event_id"] = prefix + event["event_id"][-(64 - len(prefix)) :]
    return orjson.dumps(event)


async def replay(
    path: Path,
    producer: Producer,
    partitions: int,
    *,
    now_ms: int,
    speed: float | None,
    prefix: str = "",
    shift: bool = False,
    on_progress: Callable[[Replayed], None] = lambda _: None,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> Replayed:
    """Send every valid line in order; `speed` is a factor on the history's own pace, None = as fast as it goes."""
    first, last = span(path)
    duration_ms = 0.0 if speed is None else (last - first) / speed
    shift_ms = int(now_ms + duration_ms) - last if shift else 0
    done = Replayed()
    loop = asyncio.get_running_loop()
    began = loop.time()
    waiting: list[Awaitable[int]] = []
    for row in lines(path):
        done.lines += 1
        value = historic(row, shift_ms=shift_ms, prefix=prefix)
        if isinstance(value, Rejected):
            done.reject(value.reason, value.detail)
            continue
        if speed is not None:
            due = began + (orjson.loads(value)["occurred_at"] - shift_ms - first) / speed / 1000
            if due > loop.time():
                await sleep(due - loop.time())
        waiting.append(await _send(producer, value, partitions, sleep))
        done.sent += 1
        if len(waiting) >= (WINDOW if speed is None else 1):
            await asyncio.gather(*waiting)
            waiting.clear()
            on_progress(done)
    await asyncio.gather(*waiting)
    on_progress(done)
    return done


async def _send(
    producer: Producer, value: bytes, partitions: int, sleep: Callable[[float], Awaitable[object]]
) -> Awaitable[int]:
    key = orjson.loads(value)["visitor_id"].encode()
    while True:
        try:
            return producer.send(TOPICS["events"].name, partition_of(key, partitions), key, value)
        except Full:
            await sleep(0.02)
