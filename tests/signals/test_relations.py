from __future__ import annotations

import random
from math import exp, isfinite

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.entries import Followed, Seen
from stream.signals.relations import FULL, KEPT, ROLL, TAU_MS, Link, State, fold, scale

AT = 1_700_000_000_000


def seen(at: int, *back: tuple[str, float]) -> Seen:
    return Seen(0, 0, "a", at, "view_item", False, list(back))


def followed(at: int, other: str, weight: float = 1.0, relation: str = "viewed") -> Followed:
    return Followed(0, 0, "a", at, relation, other, weight)


def test_what_follows_and_what_came_before_are_kept_apart() -> None:
    state = State()
    fold(state, seen(AT, ("b", 1.0), ("c", 0.5)))
    fold(state, followed(AT, "d"))
    fold(state, followed(AT, "e", relation="together"))
    fold(state, followed(AT, "f", relation="bought"))
    assert (state.total, state.origin) == (1.0, AT)
    assert state.before == {"b": Link(1.0, 1), "c": Link(0.5, 1)}
    assert state.after == {"d": Link(1.0, 1)}
    assert state.together == {"e": Link(1.0, 1)}
    assert state.bought == {"f": Link(1.0, 1)}


def test_a_pair_that_comes_again_grows_and_is_counted() -> None:
    state = State()
    fold(state, followed(AT, "b"))
    fold(state, followed(AT, "b", 0.25))
    assert state.after == {"b": Link(1.25, 2)}


def test_an_event_one_tau_ago_counts_a_third() -> None:
    state = State()
    fold(state, followed(AT, "old"))
    fold(state, followed(AT + TAU_MS, "new"))
    now = scale(state, AT + TAU_MS)
    assert state.after["new"].weight * now == pytest.approx(1.0)
    assert state.after["old"].weight * now == pytest.approx(exp(-1))


def test_a_late_event_counts_as_much_as_if_it_had_been_on_time() -> None:
    on_time, late = State(), State()
    entries = [followed(AT, "a"), followed(AT + TAU_MS, "b")]
    for entry in entries:
        fold(on_time, entry)
    for entry in reversed(entries):
        fold(late, entry)
    now = AT + 2 * TAU_MS
    for other in ("a", "b"):
        there = on_time.after[other].weight * scale(on_time, now)
        assert late.after[other].weight * scale(late, now) == pytest.approx(there)


def test_the_lightest_neighbours_leave_a_full_row_and_counts_stay() -> None:
    state = State()
    for number in range(FULL):
        fold(state, followed(AT, f"i{number:03}", 1.0 + number % 7))
    fold(state, followed(AT, "i006", 1.0))
    assert len(state.after) == FULL
    fold(state, followed(AT, "last", 9.0))
    assert len(state.after) == KEPT
    assert "last" in state.after
    assert state.after["i006"] == Link(8.0, 2)
    weights = [link.weight for link in state.after.values()]
    assert min(weights) >= 4.0
    lightest = sorted(other for other, link in state.after.items() if link.weight == min(weights))
    of_this_weight = sorted(f"i{n:03}" for n in range(FULL) if 1.0 + n % 7 == min(weights))
    assert lightest == of_this_weight[: len(lightest)]


def test_the_origin_moves_before_a_double_overflows() -> None:
    state = State()
    fold(state, followed(AT, "old"))
    much_later = AT + int((ROLL + 1) * TAU_MS)
    fold(state, followed(much_later, "new"))
    assert state.origin == much_later
    assert state.after["new"].weight == 1.0
    assert 0.0 < state.after["old"].weight < 1e-40
    fold(state, seen(much_later + 2000 * TAU_MS))
    assert state.total == 1.0
    assert state.after["old"].weight == 0.0


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 100_000), length=st.integers(1, 600), cut=st.floats(0, 1))
def test_full_rows_and_rolled_origins_survive_a_restart_to_the_byte(seed: int, length: int, cut: float) -> None:
    rng = random.Random(seed)
    at, entries = AT, []
    for _ in range(length):
        at += rng.choice((0, 1_000, TAU_MS // 50, TAU_MS // 50, 60 * TAU_MS if rng.random() < 0.02 else 0))
        other, weight = f"i{rng.randrange(300)}", rng.random()
        entries.append(rng.choice((seen(at, (other, weight)), followed(at, other, weight))))
    whole, restarted = State(), State()
    for n, entry in enumerate(entries):
        fold(whole, entry)
        if n == int(cut * length):
            restarted = msgspec.msgpack.decode(msgspec.msgpack.encode(restarted), type=State)
        fold(restarted, entry)
    assert msgspec.msgpack.encode(restarted) == msgspec.msgpack.encode(whole)
    assert max(len(whole.after), len(whole.before)) <= FULL
    assert all(isfinite(link.weight) for links in (whole.after, whole.before) for link in links.values())
