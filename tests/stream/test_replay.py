"""`replay`: a history keeps its times, or ends now."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, cast

import orjson
import pytest

from stream.backpressure import Full
from stream.ingest import Accepted, validate
from stream.producer import Producer
from stream.replay import BadFile, replay, span
from stream.topics import partition_of
from tests.stream.worlds import event

DAY = 86_400_000
PAST = 1_300_000_000_000
NOW = 1_790_000_000_000


class Broker:
    """Takes records like the producer; `full` of its first sends find no room."""

    def __init__(self, full: int = 0) -> None:
        self.records: list[tuple[int, bytes, dict[str, Any]]] = []
        self._full = full

    def send(self, topic: str, partition: int, key: bytes, value: bytes) -> Awaitable[int]:
        if self._full:
            self._full -= 1
            raise Full("no room")
        self.records.append((partition, key, orjson.loads(value)))
        done = asyncio.get_running_loop().create_future()
        done.set_result(len(self.records))
        return done


class Clock:
    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def history(tmp_path: Path, *lines: object, name: str = "events.jsonl") -> Path:
    path = tmp_path / name
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def walk(*ats: int) -> list[dict[str, Any]]:
    return [event("view_item", f"v{n}", "i", at=at) for n, at in enumerate(ats)]


async def sent(path: Path, broker: Broker | None = None, **options: Any) -> Broker:
    broker = broker or Broker()
    options = {"now_ms": NOW, "speed": None, **options}
    await replay(path, cast("Producer", broker), 4, **options)
    return broker


@pytest.mark.parametrize("name", ["events.jsonl", "events.jsonl.gz"])
async def test_history_keeps_its_times(tmp_path: Path, name: str) -> None:
    broker = await sent(history(tmp_path, *walk(PAST, PAST + DAY), name=name))
    for (partition, key, value), at in zip(broker.records, (PAST, PAST + DAY), strict=True):
        assert value["occurred_at"] == value["sent_at"] == value["received_at"] == at
        assert partition == partition_of(key, 4)
        admitted = validate(orjson.dumps(value), timestamp=NOW)
        assert isinstance(admitted, Accepted)
        assert admitted.at == at


async def test_shifted_it_ends_now_under_its_own_ids(tmp_path: Path) -> None:
    path = history(tmp_path, *walk(PAST, PAST + DAY))
    one, other = await sent(path, shift=True, prefix="a-"), await sent(path, shift=True, prefix="b-")
    assert [value["occurred_at"] for _, _, value in one.records] == [NOW - DAY, NOW]
    ids = [value["event_id"] for broker in (one, other) for _, _, value in broker.records]
    assert len(set(ids)) == 4


async def test_long_ids_stay_within_the_limit(tmp_path: Path) -> None:
    rows = [event("view_item", "v", "i", event_id="x" * 64)]
    ((_, _, value),) = (await sent(history(tmp_path, *rows), shift=True, prefix="abcdef-")).records
    assert len(value["event_id"]) == 64
    assert value["event_id"].startswith("abcdef-")


async def test_a_pace_waits(tmp_path: Path) -> None:
    clock = Clock()
    await sent(history(tmp_path, *walk(PAST, PAST + 60_000)), speed=60.0, sleep=clock.sleep)
    assert sum(clock.slept) == pytest.approx(1.0, abs=0.2)


async def test_a_full_broker_is_waited_for_and_nothing_is_lost(tmp_path: Path) -> None:
    clock = Clock()
    broker = await sent(history(tmp_path, *walk(PAST, PAST + 1, PAST + 2)), Broker(full=5), sleep=clock.sleep)
    assert len(broker.records) == 3
    assert len(clock.slept) == 5


async def test_bad_lines_are_told_and_the_rest_goes(tmp_path: Path) -> None:
    path = history(tmp_path, walk(PAST)[0], '{"event": NaN}', event("no_such_event", "v", at=PAST))
    done = await replay(path, cast("Producer", Broker()), 4, now_ms=NOW, speed=None)
    assert (done.lines, done.sent) == (3, 1)
    assert done.rejected == {"not_json": 1, "unknown_event": 1}
    assert [(line, reason) for line, reason, _ in done.examples] == [(2, "not_json"), (3, "unknown_event")]


def test_no_event_at_all(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="no valid event"):
        span(history(tmp_path, "{}"))


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="cannot be read"):
        span(tmp_path / "nothing.jsonl")
