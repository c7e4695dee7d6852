"""Floods and bots are served and not learnt from: more than 120 events a minute or 2,000 a session."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from stream.entries import Bought, Example, Followed, Seen
from stream.signals import session
from tests.stream.visits import Visits

SECOND = 1 / 60


@pytest.fixture
def visits() -> Visits:
    return Visits()


def views(visits: Visits, number: int, *, every: float, start: float = 0, **more: str) -> None:
    for n in range(number):
        visits.send("view_item", f"i{n}", minute=start + n * every, **more)


def test_120_events_a_minute_teach_and_the_next_do_not(visits: Visits) -> None:
    views(visits, 130, every=0.001)
    assert len(visits.of(Seen)) == session.FLOOD_A_MINUTE == 120
    assert visits.visitor().session.muted


def test_a_flood_is_served(visits: Visits) -> None:
    views(visits, 500, every=0.001)
    visits.send("add_to_cart", "wanted", minute=1)
    assert visits.steps()[-1] == "wanted"
    assert len(visits.steps()) == session.STEPS
    assert "wanted" in visits.visitor().cart.items
    assert visits.clock.applied == 501


def test_a_flooded_session_teaches_nothing_more_at_all(visits: Visits) -> None:
    views(visits, 130, every=0.001)
    taught = len(visits.emitted)
    visits.send("view_item", "new", minute=10)
    visits.send("purchase", "a", "b", minute=11)
    visits.send("page_view", visitor="closer", minute=600)
    assert len(visits.emitted) == taught
    assert not visits.of(Bought)
    assert not visits.of(Example)


def test_a_busy_hour_is_no_flood(visits: Visits) -> None:
    views(visits, 600, every=SECOND * 2)
    assert not visits.visitor().session.muted
    assert len(visits.of(Seen)) == session.ITEMS


def test_more_than_2_000_events_in_a_session_are_a_flood(visits: Visits) -> None:
    views(visits, session.FLOOD_A_SESSION, every=SECOND)
    assert not visits.visitor().session.muted
    visits.send("purchase", "a", minute=34)
    assert session.FLOOD_A_SESSION == 2_000
    assert visits.visitor().session.muted
    assert not visits.of(Bought)


def test_an_address_that_sends_for_too_many_is_served_and_teaches_nothing(visits: Visits) -> None:
    visits.send("view_item", "a", edge={"key": "pk", "teaches": False})
    visits.send("add_to_cart", "b", edge={"key": "pk"}, minute=1)
    visits.send("purchase", "c", "d", edge={"purchase_confirmed": True}, minute=2)
    for closer in ("bob", "cy"):
        visits.send("page_view", visitor=closer, minute=600)
    assert visits.visitor().session.closed
    assert not visits.emitted
    assert visits.steps() == ["a", "b"]
    assert list(visits.visitor().cart.items) == ["b"]


def test_the_next_session_of_a_flooding_visitor_may_teach_again(visits: Visits) -> None:
    views(visits, 130, every=0.001)
    taught = len(visits.of(Seen))
    views(visits, 3, every=SECOND, start=60)
    assert len(visits.of(Seen)) == taught + 3
    assert visits.of(Followed)[-1].other == "i2"


def new_sessions(visits: Visits) -> None:
    for n in range(300):
        visits.send("view_item", f"i{n % 7}", minute=0.5, session_id=f"s{n}")


def back_and_forth(visits: Visits) -> None:
    for n in range(300):
        visits.send("view_item", f"i{n % 7}", minute=0.5 - n % 2)


def other_kinds(visits: Visits) -> None:
    for n in range(150):
        visits.send("page_view", minute=0.5)
        visits.send("view_item", f"i{n % 7}", minute=0.5)


@pytest.mark.parametrize("evade", [new_sessions, back_and_forth, other_kinds])
def test_a_bot_is_found_out_whatever_it_varies(visits: Visits, evade: Callable[[Visits], None]) -> None:
    evade(visits)
    assert len(visits.of(Seen)) <= session.FLOOD_A_MINUTE


def test_one_visitors_flood_is_not_anothers(visits: Visits) -> None:
    views(visits, 130, every=0.001)
    views(visits, 3, every=SECOND, visitor="bob")
    assert not visits.visitor("bob").session.muted
    assert len(visits.of(Seen)) == 123


def test_duplicates_do_not_make_a_flood(visits: Visits) -> None:
    for _ in range(300):
        visits.send("view_item", "a", event_id="same")
    assert not visits.visitor().session.muted
    assert visits.clock.duplicates == 299
