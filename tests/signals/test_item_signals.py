"""What every item-scope signal keeps: its state is a fold, whatever restarts lie between two entries."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.entries import PairsEntry
from stream.signal import Signal
from stream.signals import signals
from tests.signals.entries import entry_stream

ITEM_SIGNALS = signals("item")
BOUND_BYTES = 12 * 1024


def folded(signal: Signal[Any], state: Any, entries: list[PairsEntry]) -> Any:
    for entry in entries:
        if entry.__struct_config__.tag in signal.on:
            signal.fold(state, entry)
    return state


def stored(signal: Signal[Any], state: Any) -> Any:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=signal.state)


@pytest.mark.parametrize("signal", ITEM_SIGNALS, ids=lambda signal: signal.name)
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), length=st.integers(0, 700), cuts=st.lists(st.floats(0, 1), max_size=3))
def test_a_state_stored_and_loaded_at_any_moment_goes_on_to_the_same_bytes(
    signal: Signal[Any], seed: int, length: int, cuts: list[float]
) -> None:
    entries = entry_stream(seed, length)
    whole = folded(signal, signal.state(), entries)
    restarted = signal.state()
    places = [0, *sorted(int(cut * length) for cut in cuts), length]
    for start, end in pairwise(places):
        restarted = stored(signal, folded(signal, restarted, entries[start:end]))
    assert msgspec.msgpack.encode(restarted) == msgspec.msgpack.encode(whole)


@pytest.mark.parametrize("signal", ITEM_SIGNALS, ids=lambda signal: signal.name)
def test_a_state_stays_bounded_and_finite(signal: Signal[Any]) -> None:
    state = folded(signal, signal.state(), entry_stream(1, 20_000, items=5_000, days=40_000))
    assert len(msgspec.msgpack.encode(state)) < BOUND_BYTES
    json.dumps(msgspec.to_builtins(state), allow_nan=False)


@pytest.mark.parametrize("signal", ITEM_SIGNALS, ids=lambda signal: signal.name)
def test_it_explains_itself_in_one_sentence(signal: Signal[Any]) -> None:
    assert signal.explain.endswith(".")
    assert signal.explain.count(".") == 1
