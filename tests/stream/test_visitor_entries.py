"""How derived entries and dead letters are packed: small enough for any broker, one record a target and round."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest

from stream.entries import Followed, Seen
from stream.fold import DeadLetter, Emit, Outbound, Record
from stream.topics import partition_of

PARTITIONS = {"events": 4, "pairs": 4, "feedback": 1, "queries": 1, "dead_letters": 4}
BROKER_BYTES = 1_000_000
LONG = "i" * 120


@pytest.fixture
def emit() -> Emit:
    made = Emit(("events", 2), PARTITIONS)
    made.offset = 0
    return made


def entries(records: list[Outbound]) -> list[Any]:
    return [entry for record in records for entry in msgspec.msgpack.decode(record.value or b"")["entries"]]


def test_entries_of_one_target_are_one_record(emit: Emit) -> None:
    for offset in range(50):
        emit.offset = offset
        for item in ("a", "b", "c", "d"):
            emit.entry("pairs", item, Seen, item, 1, "view_item", False, [])
    (only,) = emit.drain()
    assert sorted(record.partition for record in only) == sorted(
        {partition_of(item, 4) for item in (b"a", b"b", b"c", b"d")}
    )
    assert len(entries(only)) == 200


def test_a_record_stays_below_what_a_broker_takes_and_rounds_keep_the_order(emit: Emit) -> None:
    for n in range(20_000):
        emit.offset = n
        item = f"{LONG}{n % 40}"
        emit.entry("pairs", item, Followed, item, 1, "viewed", f"{LONG}{n}", 1.0)
    rounds = emit.drain()
    assert len(rounds) > 1
    assert max(len(record.value or b"") for round_ in rounds for record in round_) < BROKER_BYTES
    for round_ in rounds:
        assert max(Counter(record.partition for record in round_).values()) == 1
    for partition in range(4):
        sent = entries([record for round_ in rounds for record in round_ if record.partition == partition])
        assert [entry[1] for entry in sent] == sorted(entry[1] for entry in sent)
    assert sum(len(entries(round_)) for round_ in rounds) == 20_000


def test_draining_leaves_nothing_behind(emit: Emit) -> None:
    emit.entry("pairs", "a", Seen, "a", 1, "view_item", False, [])
    emit.dead_letter(Record("events", 2, 0, 1, b"k", b"v"), "schema", "why")
    assert emit.drain()
    assert emit.drain() == []


def test_entries_go_on_counting_after_a_drain(emit: Emit) -> None:
    """One event may not give the same number twice, though its entries go out in two records."""
    places = []
    for offset in (7, 8):
        emit.offset = offset
        for _ in range(2):
            emit.entry("pairs", "a", Seen, "a", 1, "view_item", False, [])
        places += [tuple(entry[1:3]) for round_ in emit.drain() for entry in entries(round_)]
    assert places == [(7, 0), (7, 1), (8, 0), (8, 1)]


@pytest.mark.parametrize(("key", "value"), [(None, None), (b"", b""), (b"k", b"\xff\0"), (b"k" * 1_000_000, b"v")])
def test_a_dead_letter_carries_key_and_value_as_they_were(key: bytes | None, value: bytes | None) -> None:
    record = Record("events", 3, 77, 1_790_000_000_000, key, value)
    before = partition_of.cache_info().currsize
    sent = DeadLetter(record, "not_json", "why").outbound(4)
    assert (sent.topic, sent.key) == ("dead_letters", key)
    assert 0 <= sent.partition < 4
    letter = msgspec.json.decode(sent.value or b"")
    assert letter["source"] == {"topic": "liveshelf.events.v1", "partition": 3, "offset": 77}
    assert partition_of.cache_info().currsize <= before + 1


def test_the_cache_of_partitions_keeps_no_megabytes() -> None:
    for n in range(3):
        key = str(n).encode() + b"k" * 1_000_000
        assert DeadLetter(Record("events", 0, n, 1, key, b""), "not_json", "why").outbound(4).partition == (
            partition_of(key[:512], 4)
        )
