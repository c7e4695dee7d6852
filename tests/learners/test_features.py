from __future__ import annotations

import math

import msgspec
import pytest

from stream.features import (
    FEATURE_LIMIT,
    INTENT_FEATURES,
    begins_session,
    intent_features,
)
from stream.learners.intent import Intent
from stream.signals import cart, session

START = 1_700_000_000_000


def running(*steps: tuple[str, str, int], counts: dict[str, int] | None = None) -> session.State:
    """A session that began at START; a step is (item, event, seconds after START)."""
    kept = [session.Step(item, event, START + after * 1_000, f"e{n}") for n, (item, event, after) in enumerate(steps)]
    counts = counts or {"view_item": len(kept)}
    events = sum(counts.values())
    return session.State(id="s", started_at=START, last_at=START, steps=kept, counts=counts, events=events)


def log(count: float) -> int:
    return round(16 * math.log1p(count))


def told(state: session.State, lines: cart.State | None = None, *, after: float = 0) -> dict[str, int]:
    values = intent_features(state, lines or cart.State(), START + round(after * 1_000))
    return dict(zip(INTENT_FEATURES, values, strict=True))


def test_a_first_view() -> None:
    features = told(running(("a", "view_item", 0)))
    assert {name: value for name, value in features.items() if value} == {
        "events": log(1), "views": log(1), "items": log(1)
    }  # fmt: skip


def test_each_event_name_is_counted_once() -> None:
    counts = {
        "page_view": 1, "view_item_list": 2, "select_item": 3, "view_item": 4, "search": 5, "add_to_cart": 6,
        "remove_from_cart": 7, "view_cart": 8, "begin_checkout": 9, "add_to_wishlist": 10, "view_promotion": 11,
        "select_promotion": 12, "dismiss": 13, "purchase": 0, "identify": 99,
    }  # fmt: skip
    features = told(running(counts=counts))
    assert features["events"] == log(sum(counts.values()))
    counted = sorted(value for name, value in features.items() if value and name != "events")
    assert counted == [log(count) for count in range(1, 14)]


def test_coming_back_to_an_item_is_seen() -> None:
    features = told(running(*((item, "view_item", n) for n, item in enumerate("abaa"))))
    assert features["items"] == log(2)
    assert features["repeats"] == log(2)
    assert features["repeat_share"] == 8


def test_times_are_told_from_the_instant_given() -> None:
    state = running(("a", "view_item", 0), ("b", "view_item", 40), ("c", "view_item", 60))
    at_the_step, later = told(state, after=60), told(state, after=75)
    assert (at_the_step["seconds"], later["seconds"]) == (log(60), log(75))
    assert at_the_step["dwell"] == later["dwell"] == log(30)
    assert (at_the_step["last_dwell"], later["last_dwell"]) == (log(20), log(15))


def test_the_cart_is_told_by_lines_units_and_age() -> None:
    lines = cart.State({"a": cart.Line(2, START, "e1"), "b": cart.Line(3, START + 10_000, "e2")})
    features = told(running(("b", "add_to_cart", 10)), lines, after=25)
    assert features["cart_lines"] == log(2)
    assert features["cart_units"] == log(5)
    assert features["cart_age"] == log(15)
    assert told(running(("b", "view_item", 10)), after=25)["cart_age"] == 0


@pytest.mark.parametrize("after", [-(10**6), 0, 10**6, 2**45])
def test_every_value_is_one_that_the_model_takes(after: int) -> None:
    steps = [("a", "view_item", 900), ("b", "view_item", -900), ("c", "add_to_cart", 10**6)]
    state = running(*steps, counts={"view_item": 2**53, "search": 2**53})
    lines = cart.State({"a": cart.Line(2**53, START - 2**52, "e"), "b": cart.Line(1, START + 2**52, "f")})
    values = intent_features(state, lines, START + after * 1_000)
    assert Intent().admits(values)
    assert all(type(value) is int for value in values)
    assert all(0 <= value <= FEATURE_LIMIT for value in values)


def test_an_empty_session_is_all_zeros() -> None:
    assert set(intent_features(session.State(), cart.State(), 0)) == {0.0}


def test_the_example_after_one_event_begins_a_session() -> None:
    one, two = running(("a", "view_item", 0)), running(("a", "view_item", 0), ("b", "view_item", 1))
    assert begins_session(intent_features(one, cart.State(), START))
    assert not begins_session(intent_features(two, cart.State(), START))


def test_a_sample_takes_few_bytes_in_the_visitors_state() -> None:
    state = running(*((f"i{n}", "view_item", 30 * n) for n in range(32)))
    packed = msgspec.msgpack.encode(intent_features(state, cart.State(), START + 1_000_000))
    assert len(packed) < 2 * len(INTENT_FEATURES)
