"""Caps are never exceeded, whatever the order of questions, impressions, clicks and pauses."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.banners.campaign import DAY_MS, HOUR_MS, campaign
from serving.banners.caps import rests, within
from serving.banners.decide import Seed, choose
from serving.banners.policy import drawn
from serving.banners.slots import by_slot
from serving.banners.standing import Limits, Whom
from serving.rules.segment import Shopper
from stream.fold import Emit
from stream.ingest import Accepted, admit
from stream.signals import banners
from stream.visitor import Visitor
from tests.stream.worlds import NOW, event, records

SLOTS = ("hero", "footer")
times = st.integers(1, banners.TIMES)
PACK = msgspec.msgpack.Encoder().encode


class Impression(NamedTuple):
    """A banner as it was really seen."""

    arm: str
    at: int


def happened(name: str, arm: str, at: int, decision: int, received: int) -> Accepted:
    about = {"promotion": {"promotion_id": arm}, "decision_id": f"d{decision}", "received_at": received}
    (accepted,) = [admit(one, 1) for one in records([event(name, "v", at=at, event_id=f"e{decision}{name}", **about)])]
    assert isinstance(accepted, Accepted)
    return accepted


@st.composite
def documents(draw: st.DrawFn) -> list[dict[str, Any]]:
    return [
        {
            "name": f"c{n}",
            "explain": "…",
            "slots": draw(st.lists(st.sampled_from(SLOTS), min_size=1, max_size=2, unique=True)),
            "priority": draw(st.integers(0, 1)),
            "frequency": {"impressions": draw(times), "hours": draw(st.integers(1, 72))},
            "rest_after": {"impressions": draw(times), "days": draw(st.integers(1, 5))},
            "creatives": [{"name": f"x{one}", "title": "…"} for one in range(draw(st.integers(1, 3)))],
        }
        for n in range(draw(st.integers(1, 4)))
    ]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(SLOTS),
        st.sampled_from([700, 60_000, HOUR_MS // 2, 5 * HOUR_MS, DAY_MS, 3 * DAY_MS]),  # until the next question
        st.sampled_from(["see", "see", "see", "see twice", "click", "dismiss", "nothing"]),
        st.sampled_from([0, 0, 0, 400, 10 * 60_000]),  # how late the event comes
    ),
    min_size=5,
    max_size=120,
)


@given(documents=documents(), steps=STEPS, a_day=st.integers(1, 12))
@settings(max_examples=100, deadline=None)
def test_no_cap_is_ever_exceeded(documents: list[dict[str, Any]], steps: list[Any], a_day: int) -> None:
    made = {one["name"]: campaign(one, one["name"]) for one in documents}
    here, visitor, now = by_slot(made.values()), Visitor(), NOW
    limits = Limits(a_day, lambda _: {})
    seen: list[Impression] = []
    clicks: defaultdict[str, list[int]] = defaultdict(list)
    gone: set[str] = set()
    for n, (slot, pause, does, late) in enumerate(steps):
        now += pause
        whom = Whom(Shopper(visitor, False, 0, None, now), limits, now)  # type: ignore[arg-type]  # no segment asks
        choice = choose(here.get(slot, ()), whom, Seed("p" * 26, f"e{n}", slot))
        if choice.arm is None:
            continue
        arm, name = choice.arm.id, choice.arm.id.partition("/")[0]
        assert name not in gone
        for what in {"see twice": ["see", "see"], "click": ["see", "click"], "dismiss": ["see", "dismiss"]}.get(
            does, [does]
        ):
            names = {"see": "view_promotion", "click": "select_promotion", "dismiss": "dismiss"}
            if what in names:
                told = happened(names[what], arm, now, n, now + late)
                banners.SIGNAL.fold(visitor.banners, told, Emit(("events", 0), {}))
        visitor = msgspec.msgpack.decode(PACK(visitor), type=Visitor)
        if does != "nothing":
            seen.append(Impression(arm, now))
        if does == "click":
            clicks[arm].append(now)
        if does == "dismiss":
            gone.add(name)
        assert sum(one.at > now - DAY_MS for one in seen) <= a_day
        frequency, rest = made[name].frequency, made[name].rest
        assert frequency is not None
        assert rest is not None
        own = [one.at for one in seen if one.arm.startswith(f"{name}/")]
        assert sum(at > now - frequency.ms for at in own) <= frequency.impressions
        assert ignored([one.at for one in seen if one.arm == arm], clicks[arm], rest.ms) <= rest.impressions


def ignored(seen: list[int], clicked: list[int], rest_ms: int) -> int:
    """How many impressions there were since the last click, or pause of a rest's length."""
    count, before = 0, None
    for at in seen:
        if before is not None and (at - before >= rest_ms or any(before <= click < at for click in clicked)):
            count = 0
        count, before = count + 1, at
    return 0 if clicked and before is not None and clicked[-1] >= before else count


@given(order=st.permutations(range(8)), twice=st.booleans())
def test_the_order_in_which_impressions_arrive_does_not_matter(order: list[int], twice: bool) -> None:
    state = banners.State()
    for n in order:
        for _ in range(1 + twice):
            told = happened("view_promotion", "a/x", NOW + n * 7_300, n, NOW + 60_000)
            banners.SIGNAL.fold(state, told, Emit(("events", 0), {}))
    expected = [-(-(NOW + n * 7_300) // 1000) for n in range(8)]
    assert state.seen == state.campaigns["a"] == state.items["a/x"].seen == expected


def test_a_span_is_over_to_the_millisecond_and_never_early() -> None:
    at = NOW // 1000
    assert [within([at], HOUR_MS, at * 1000 + HOUR_MS + more) for more in (-1, 0, 1)] == [1, 0, 0]


@pytest.mark.parametrize(
    ("seen", "clicked", "now_h", "rested"),
    [
        ([], 0, 1, False),
        ([0], 0, 1, False),
        ([0, 1], 0, 2, True),
        ([0, 1], 0, 24, True),
        ([0, 1], 0, 25, False),
        ([0, 1, 25], 0, 26, False),
        ([0, 30], 0, 31, False),
        ([0, 1], 1, 2, False),
        ([0, 1, 2], 1, 3, False),
    ],
)
def test_a_creative_rests_for_a_day_after_two_impressions_without_a_click(
    seen: list[int], clicked: int, now_h: int, rested: bool
) -> None:
    document = {"name": "a", "explain": "…", "slots": ["hero"], "creatives": [{"name": "x", "title": "…"}]}
    rest = campaign({**document, "rest_after": {"impressions": 2, "days": 1}}, "a").rest
    start = NOW // 1000
    hours = [start + 3600 * one for one in seen]
    creative = banners.Creative(hours, start + 3600 * clicked if clicked else 0)
    assert rests(creative, rest, start * 1000 + now_h * HOUR_MS) is rested


def test_a_rest_is_over_to_the_millisecond_and_never_early() -> None:
    document = {"name": "a", "explain": "…", "slots": ["hero"], "creatives": [{"name": "x", "title": "…"}]}
    rest = campaign({**document, "rest_after": {"impressions": 1, "days": 1}}, "a").rest
    at = NOW // 1000
    over = [rests(banners.Creative([at]), rest, at * 1000 + DAY_MS + more) for more in (-1, 0, 1)]
    assert over == [True, False, False]


@given(weights=st.lists(st.floats(0, 1), min_size=2, max_size=6).filter(lambda found: sum(found) > 0.1))
@settings(max_examples=20, deadline=None)
def test_each_arm_is_drawn_as_often_as_it_is_probable(weights: list[float]) -> None:
    probabilities = np.array(weights) / sum(weights)
    found = np.bincount([drawn(probabilities, f"{n}", "e", "hero") for n in range(3_000)], minlength=len(weights))
    assert (found[probabilities == 0] == 0).all()
    assert np.abs(found / 3_000 - probabilities).max() < 0.05  # more than five standard deviations


def test_what_a_visitor_saw_is_bounded() -> None:
    state = banners.State()
    for n in range(400):
        arm = f"{'a' * 60}{n:04}/{'x' * 36}{n:04}"
        for name in ("view_promotion", "dismiss"):
            banners.SIGNAL.fold(state, happened(name, arm, NOW + n, n, NOW + n), Emit(("events", 0), {}))
    assert len(state.items) == banners.CREATIVES
    assert len(state.campaigns) == len(state.dismissed) == banners.CAMPAIGNS
    assert len(PACK(state)) < 16 * 1024
