"""The documents of a process: over restarts, readings from the beginning, broken records and a broker that is away."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from serving.config import BadDocument
from serving.config.documents import COPY_KIND, Config, Documents, Entry, Kind, encoded
from stream.fold import Record
from stream.local_copy import LocalCopy


def read(document: Any, name: str, revision: int) -> str:
    """Documents of this test are texts."""
    if "says" not in document:
        raise BadDocument("/says", "It must say something.")
    return f"{name} {revision}: {document['says']}"


KIND = Kind("note", read, {"welcome": "welcome 1: hello"})


def record(offset: int, name: str, says: str | None, *, kind: str = "note", revision: int = 7, **more: Any) -> Record:
    key = f"{kind}:{name}".encode()
    if says is None:
        return Record("config", 0, offset, 0, key, None)
    document = {"says": says, **more}
    entry = Entry(kind=kind, name=name, revision=revision, changed_at=1, changed_by="otto", document=document)
    return Record("config", 0, offset, 0, key, encoded(entry))


def notes(config: Config) -> Documents[str]:
    return config.of(KIND)


def followed(*records: Record, copy: LocalCopy | None = None, run_id: str = "") -> Config:
    config = Config([KIND], copy, run_id)
    config.restart()
    config.apply(records)
    config.caught_up()
    return config


def test_the_newest_record_of_a_key_holds_and_one_without_value_brings_the_built_in_back() -> None:
    config = followed(record(0, "welcome", "hi"), record(1, "new", "n"), record(2, "welcome", "ho"))
    assert dict(notes(config).all) == {"new": "new 7: n", "welcome": "welcome 7: ho"}
    assert [notes(config).origin(name) for name in ("new", "welcome")] == ["made", "edited"]
    config.apply([record(3, "welcome", None), record(4, "new", None)])
    assert dict(notes(config).all) == {"welcome": "welcome 1: hello"}
    assert notes(config).origin("welcome") == "built_in"


def test_a_new_reading_holds_only_when_it_is_whole() -> None:
    config = followed(record(0, "welcome", "hi"), record(1, "gone", "g"))
    config.restart()
    config.apply([record(0, "welcome", "old")])
    assert notes(config).all["welcome"] == "welcome 7: hi"
    config.apply([record(1, "welcome", "new")])
    config.caught_up()
    assert dict(notes(config).all) == {"welcome": "welcome 7: new"}


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"no",
        b"[]",
        b'{"kind":"note"}',
        json.dumps({"kind": "note", "name": "other", "revision": 1}).encode(),
        b"\xff",
    ],
)
def test_a_record_that_is_none_leaves_the_built_in_one(value: bytes) -> None:
    config = followed(Record("config", 0, 0, 0, b"note:welcome", value))
    assert dict(notes(config).all) == {"welcome": "welcome 1: hello"}
    assert config.refused == 1


def test_a_document_that_this_release_cannot_read_stands_aside_and_is_not_lost(tmp_path: Path) -> None:
    copy = LocalCopy(tmp_path / "config", COPY_KIND)
    bad = record(0, "welcome", "x")
    value = (bad.value or b"").replace(b'"says"', b'"sings"')
    unreadable = Record(bad.topic, bad.partition, bad.offset, bad.timestamp, bad.key, value)
    config = followed(unreadable, record(1, "later", "kept", kind="campaign"), copy=copy)
    assert dict(notes(config).all) == {"welcome": "welcome 1: hello"}
    asyncio.run(config.save())
    campaigns: Kind[str] = Kind("campaign", read, {})
    later = Config([campaigns], copy)
    assert later.load()
    assert dict(later.of(campaigns).all) == {"later": "later 7: kept"}


def test_a_start_without_a_broker_has_what_held_last(tmp_path: Path) -> None:
    copy = LocalCopy(tmp_path / "config", COPY_KIND)
    config = followed(record(0, "welcome", "hi"), copy=copy, run_id="run")
    asyncio.run(config.save())
    again = Config([KIND], copy, "run")
    assert not again.ready.is_set()
    assert again.load()
    assert again.ready.is_set()
    assert notes(again).all["welcome"] == "welcome 7: hi"
    assert not Config([KIND], copy, "another run of the embedded broker").load()


def test_the_copy_is_written_only_when_something_changed(tmp_path: Path) -> None:
    copy = LocalCopy(tmp_path / "config", COPY_KIND)
    config = followed(record(0, "welcome", "hi"), copy=copy)
    asyncio.run(config.save())
    copy.path.unlink()
    asyncio.run(config.save())
    assert not copy.path.exists()
    config.apply([record(1, "welcome", None)])
    asyncio.run(config.save())
    assert copy.path.exists()


def test_before_the_topic_was_read_nothing_is_written_over_the_copy(tmp_path: Path) -> None:
    copy = LocalCopy(tmp_path / "config", COPY_KIND)
    asyncio.run(followed(record(0, "welcome", "hi"), copy=copy).save())
    fresh = Config([KIND], copy)
    fresh.restart()
    asyncio.run(fresh.save())
    assert Config([KIND], copy).load()


def test_a_damaged_copy_is_none(tmp_path: Path) -> None:
    copy = LocalCopy(tmp_path / "config", COPY_KIND)
    asyncio.run(followed(record(0, "welcome", "hi"), copy=copy).save())
    copy.path.write_bytes(copy.path.read_bytes()[:-1] + b"x")
    assert not Config([KIND], copy).load()


async def test_who_waits_is_told_once_the_record_holds() -> None:
    config = Config([KIND])
    config.caught_up()
    waiting = asyncio.ensure_future(config.reached(0, 1))
    config.apply([record(0, "a", "1")])
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done()
    config.apply([record(1, "a", "2")])
    await asyncio.wait_for(waiting, 1)
    assert notes(config).all["a"] == "a 7: 2"
    await asyncio.wait_for(config.reached(0, 0), 1)
