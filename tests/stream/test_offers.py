"""The decision agent: records of what was shown become offers, are counted, or become dead letters."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec
import numpy as np
import pytest

from stream.choice import packed
from stream.decisions import DecisionFold
from stream.entries import CHOICES, Offer
from stream.features import CHOICE_FEATURES
from stream.fold import Clock, Emit, Record, State
from stream.topics import TOPICS, partition_of
from tests.stream.test_seen_shelves import token
from tests.stream.worlds import NOW

PARTITIONS = dict.fromkeys(TOPICS, 8)


def choices(rows: int = 2, value: float = 0.5) -> dict[str, Any]:
    features = np.full((rows, len(CHOICE_FEATURES)), value, np.float16)
    return {"model": "clicks", "version": 7, "features": packed(features)}


def decision(**changes: Any) -> dict[str, Any]:
    return {
        "decision_id": token(),
        "decided_at": NOW,
        "placement": "home_for_you",
        "status": "ok",
        "pid": "a" * 26,
        "items": [{"item_id": "a", "position": 0, "score": 1.5}, {"item_id": "b", "position": 1, "score": 1}],
        "choices": choices(),
    } | changes


def folded(value: bytes | None) -> tuple[Emit, Clock]:
    fold = DecisionFold()
    state = State(fold.families)
    state.load("clock", None)
    emit = Emit(("decisions", 3), PARTITIONS)
    emit.offset = 11
    record = Record("decisions", 3, 11, NOW, b"visitor", value)
    fold.fold(record, fold.decode(record), state, emit)
    clock = state.read("clock")
    assert isinstance(clock, Clock)
    return emit, clock


def test_a_shelf_that_a_model_ranked_is_offered_where_choices_are_learnt() -> None:
    emit, clock = folded(json.dumps(decision()).encode())
    ((place, out),) = emit.out.items()
    assert place == ("feedback", partition_of(CHOICES.encode(), 8))
    features = np.full((2, len(CHOICE_FEATURES)), 0.5, "<f2").tobytes()
    assert out.entries == [Offer(11, 0, b"shelf-01", NOW, "home_for_you", "clicks", 7, ["a", "b"], features)]
    assert (clock.applied, clock.record_at) == (1, NOW)
    assert b"a" * 26 not in msgspec.msgpack.encode(out.entries)


@pytest.mark.parametrize(
    "record",
    [
        {key: value for key, value in decision().items() if key != "choices"},
        decision(choices=None),
        {"decision_id": "x", "kind": "banner", "items": [{"promotion": 1}], "more": {"deep": []}},
        {"decision_id": "x", "kind": "search"},
    ],
    ids=["of no model", "null", "a banner", "a search"],
)
def test_other_decisions_are_only_counted(record: dict[str, Any]) -> None:
    emit, clock = folded(json.dumps(record).encode())
    assert (emit.out, emit.dead, clock.applied) == ({}, [], 1)


BROKEN = {
    "no JSON": b"{",
    "nothing": None,
    "another's token": json.dumps(decision(decision_id="nonsense")).encode(),
    "not base64": json.dumps(decision(choices=choices() | {"features": "%%"})).encode(),
    "an odd number of bytes": json.dumps(decision(choices=choices() | {"features": "YWJj"})).encode(),
    "no features": json.dumps(decision(choices=choices() | {"features": ""})).encode(),
    "rows for other items": json.dumps(decision(items=[{"item_id": "a"}] * 5)).encode(),
    "no number": json.dumps(decision(choices=choices(value=math.nan))).encode(),
    "infinite": json.dumps(decision(choices=choices(value=math.inf))).encode(),
    "no items": json.dumps(decision(items=[])).encode(),
    "items without ids": json.dumps(decision(items=[{"a": 1}, {"b": 2}])).encode(),
    "too many items": json.dumps(decision(items=[{"item_id": "a"}] * 101, choices=choices(rows=101))).encode(),
    "deep": b'{"decision_id":' + b"[" * 100_000,
    "not UTF-8": b'{"decision_id":"\xff"}',
}


@pytest.mark.parametrize("value", BROKEN.values(), ids=BROKEN)
def test_what_is_broken_becomes_a_dead_letter(value: bytes | None) -> None:
    emit, clock = folded(value)
    assert [letter.reason for letter in emit.dead] == ["schema"]
    assert (emit.out, clock.dead, clock.applied) == ({}, 1, 0)
