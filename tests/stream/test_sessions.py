"""Where a session begins and ends: 30 minutes without events (GA4's rule), or the shop's own session id."""

from __future__ import annotations

from typing import Any

import pytest

from stream.entries import Example, Followed
from tests.stream.visits import DAY_MIN, Visits


@pytest.fixture
def visits() -> Visits:
    return Visits()


JUST_OVER = 30 + 1 / 60_000  # a millisecond more


@pytest.mark.parametrize(
    ("minutes", "steps"),
    [
        ([0, 0], ["i0", "i1"]),
        ([0, 29.9], ["i0", "i1"]),
        ([0, 30], ["i0", "i1"]),
        ([0, JUST_OVER], ["i1"]),
        ([0, 30, 60, 90], ["i0", "i1", "i2", "i3"]),
        ([0, 25, 56], ["i2"]),
        # out of order: an event of the same half hour belongs to the session, before its begin as well as after its end
        ([0, 20, 10], ["i0", "i1", "i2"]),
        ([0, -30], ["i0", "i1"]),
        ([0, 25, 50, -10], ["i0", "i1", "i2", "i3"]),
        ([0, -29, 30], ["i0", "i1", "i2"]),
        ([0, -29, -59], ["i0", "i1", "i2"]),
    ],
)
def test_thirty_minutes_without_events_end_a_session(visits: Visits, minutes: list[float], steps: list[str]) -> None:
    for n, minute in enumerate(minutes):
        visits.send("view_item", f"i{n}", minute=minute)
    assert visits.steps() == steps


def test_every_kind_of_event_keeps_a_session_alive(visits: Visits) -> None:
    for n, name in enumerate(["view_item", "page_view", "search", "view_cart", "view_item_list", "add_to_cart"]):
        visits.send(name, "i0", minute=n * 29)
    assert visits.steps() == ["i0", "i0"]
    assert visits.visitor().session.events == 6


def test_a_session_is_named_by_its_first_event(visits: Visits) -> None:
    visits.send("view_item", "i0", event_id="first")
    visits.send("view_item", "i1", minute=1)
    assert (visits.visitor().session.id, visits.visitor().session.explicit) == ("first", False)


@pytest.mark.parametrize(
    ("sessions", "minutes", "steps"),
    [
        (["a", "a"], [0, 600], ["i0", "i1"]),  # the shop's own id goes on whatever the pause
        (["a", "b"], [0, 1], ["i1"]),
        (["a", "b", "a"], [0, 1, 2], ["i2"]),
        (["a", None], [0, 10], ["i0", "i1"]),  # without an id the time decides
        (["a", None], [0, 31], ["i1"]),
        ([None, "a"], [0, 1], ["i1"]),
        ([None, "a", None], [0, 1, 2], ["i1", "i2"]),
    ],
)
def test_the_shops_own_session_id_decides(
    visits: Visits, sessions: list[str | None], minutes: list[float], steps: list[str]
) -> None:
    for n, (session_id, minute) in enumerate(zip(sessions, minutes, strict=True)):
        visits.send("view_item", f"i{n}", minute=minute, **({"session_id": session_id} if session_id else {}))
    assert visits.steps() == steps


@pytest.mark.parametrize("late", [{"minute": -31}, {"minute": -DAY_MIN}, {"minute": -1, "session_id": "older"}])
def test_an_event_of_a_session_that_is_over_steps_nowhere(visits: Visits, late: dict[str, Any]) -> None:
    visits.send("view_item", "i0")
    visits.send("view_item", "i1", minute=1)
    emitted = len(visits.emitted)
    assert visits.send("view_item", "late", **late) == "applied"
    assert visits.steps() == ["i0", "i1"]
    assert len(visits.emitted) == emitted
    assert [seen.item_id for seen in visits.visitor().viewed.items] == ["i1", "i0", "late"]


def test_a_late_event_still_fills_the_cart(visits: Visits) -> None:
    visits.send("view_item", "i0")
    visits.send("add_to_cart", "late", minute=-60)
    assert list(visits.visitor().cart.items) == ["late"]


def test_only_single_items_viewed_or_put_into_the_cart_are_steps(visits: Visits) -> None:
    visits.send("view_item", "i0")
    visits.send("add_to_cart", "i1")
    for name in ("select_item", "view_item_list", "remove_from_cart", "add_to_wishlist", "purchase", "dismiss"):
        visits.send(name, "no")
    visits.send("view_item", "no", "nor")
    visits.send("add_to_cart", "no", "nor")
    assert visits.steps() == ["i0", "i1"]


def test_what_follows_what_ends_with_the_session(visits: Visits) -> None:
    for minute, item in ((0, "i0"), (1, "i1"), (40, "i2"), (41, "i3")):
        visits.send("view_item", item, minute=minute)
    assert [(entry.item_id, entry.other) for entry in visits.of(Followed)] == [("i0", "i1"), ("i2", "i3")]


def test_sessions_close_by_the_newest_time_that_two_visitors_have_reached(visits: Visits) -> None:
    visits.send("view_item", "i0")
    visits.send("view_item", "i0", visitor="bob", minute=JUST_OVER)
    visits.send("view_item", "i0", visitor="cy", minute=30)
    assert not visits.visitor().session.closed
    visits.send("view_item", "i1", visitor="cy", minute=JUST_OVER)
    assert visits.visitor().session.closed
    assert not visits.visitor("bob").session.closed
    assert list(visits.state.rank) == ["bob", "cy"]


@pytest.mark.parametrize("events", [1, 5])
def test_a_record_from_the_far_future_closes_nothing(visits: Visits, events: int) -> None:
    """One producer with a wrong clock, however often it sends for a visitor."""
    for visitor in ("ann", "bob"):
        visits.send("view_item", "i0", visitor=visitor)
    for _ in range(events):
        visits.send("view_item", "i0", visitor="poisoned", minute=73 * 365 * DAY_MIN)
    for visitor in ("ann", "bob", "cy"):
        visits.send("view_item", "i1", visitor=visitor, minute=29)
    assert not any(visits.visitor(visitor).session.closed for visitor in ("ann", "bob", "cy"))
    assert visits.steps() == ["i0", "i1"]
    for visitor in ("dee", "cy"):
        visits.send("view_item", "i2", visitor=visitor, minute=59 + JUST_OVER)
    assert [visits.visitor(visitor).session.closed for visitor in ("ann", "bob", "cy")] == [True, True, False]


def test_after_a_quiet_night_the_second_visitor_closes_what_was_open(visits: Visits) -> None:
    for visitor in ("ann", "bob"):
        visits.send("view_item", "i0", visitor=visitor)
    visits.send("view_item", "i0", visitor="early", minute=9 * 60)
    assert not visits.visitor().session.closed
    visits.send("view_item", "i0", visitor="next", minute=9 * 60 + 5)
    assert [visits.visitor(visitor).session.closed for visitor in ("ann", "bob", "early", "next")] == [
        True, True, False, False,
    ]  # fmt: skip


def test_the_only_visitor_of_a_shop_closes_each_visit_with_the_next(visits: Visits) -> None:
    for day in range(4):
        visits.send("view_item", f"i{day}", minute=day * DAY_MIN)
    assert len(visits.of(Example)) == 3
    assert visits.steps() == ["i3"]


def test_what_runs_a_week_ahead_of_all_others_teaches_nothing_until_a_second_visitor_has_come(visits: Visits) -> None:
    for visitor in ("ann", "bob"):
        visits.send("view_item", "i0", visitor=visitor)
    told = len(visits.emitted)
    visits.send("view_item", "i0", visitor="ahead", minute=7 * DAY_MIN + JUST_OVER)
    assert len(visits.emitted) == told
    visits.send("view_item", "i1", visitor="ahead", minute=7 * DAY_MIN + 5, edge={"key": "pk"})
    assert len(visits.emitted) > told
    told = len(visits.emitted)
    visits.send("page_view", visitor="another", minute=7 * DAY_MIN + 6)
    visits.send("view_item", "i2", visitor="ahead", minute=7 * DAY_MIN + 7)
    assert len(visits.emitted) > told


def test_a_closed_session_opens_again_when_a_late_event_belongs_to_it(visits: Visits) -> None:
    visits.send("view_item", "i0")
    visits.send("view_item", "i0", visitor="bob", minute=40)
    visits.send("view_item", "i0", visitor="cy", minute=70)
    assert visits.visitor().session.closed
    visits.send("view_item", "i1", minute=25)
    assert visits.steps() == ["i0", "i1"]
    assert not visits.visitor().session.closed
    visits.send("view_item", "i2", visitor="bob", minute=60)
    assert visits.visitor().session.closed


def test_a_late_event_closes_nothing(visits: Visits) -> None:
    visits.send("view_item", "i0", visitor="bob", minute=0)
    visits.send("view_item", "i0", minute=-600)
    assert not visits.visitor("bob").session.closed
