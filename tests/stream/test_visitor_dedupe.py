"""An event counts once: by its id, among the visitor's last 64 within 24 h of event time."""

from __future__ import annotations

import pytest

from stream.entries import Seen
from tests.stream.visits import DAY_MIN, Visits


@pytest.fixture
def visits() -> Visits:
    return Visits()


def test_the_same_event_again_is_a_duplicate_and_changes_nothing(visits: Visits) -> None:
    visits.send("add_to_cart", "a", event_id="x")
    packed = visits.state.writes().values["visitor:ann"]
    for _ in range(3):
        assert visits.send("add_to_cart", "a", event_id="x") == "duplicates"
    assert visits.state.writes().values["visitor:ann"] == packed
    assert len(visits.of(Seen)) == 1


def test_the_same_id_with_another_body_is_a_duplicate(visits: Visits) -> None:
    visits.send("add_to_cart", "a", event_id="x")
    assert visits.send("purchase", "b", minute=1, event_id="x") == "duplicates"


def test_ids_belong_to_their_visitor(visits: Visits) -> None:
    visits.send("view_item", "a", event_id="x")
    assert visits.send("view_item", "a", event_id="x", visitor="bob") == "applied"


@pytest.mark.parametrize(("others", "outcome"), [(0, "duplicates"), (63, "duplicates"), (64, "applied")])
def test_the_last_64_ids_are_known(visits: Visits, others: int, outcome: str) -> None:
    visits.send("page_view", event_id="x")
    for n in range(others):
        visits.send("page_view", event_id=f"o{n}", minute=n / 60)
    assert visits.send("page_view", event_id="x", minute=2) == outcome


@pytest.mark.parametrize(
    ("minute", "outcome"),
    [
        (DAY_MIN - 1, "duplicates"),
        (DAY_MIN, "applied"),
        (3 * DAY_MIN, "applied"),
        (-DAY_MIN + 1, "duplicates"),
        (-DAY_MIN, "applied"),
    ],
)
def test_ids_are_known_for_24_hours_of_event_time(visits: Visits, minute: int, outcome: str) -> None:
    visits.send("page_view", event_id="x")
    assert visits.send("page_view", event_id="x", minute=minute) == outcome


def test_a_duplicate_does_not_make_its_id_newer(visits: Visits) -> None:
    visits.send("page_view", event_id="x")
    for n in range(64):
        visits.send("page_view", event_id=f"o{n}")
        visits.send("page_view", event_id="x")
    assert visits.clock.duplicates == 63
    assert visits.send("page_view", event_id="x") == "duplicates"


def test_a_dropped_event_is_not_known_afterwards(visits: Visits) -> None:
    assert visits.send("page_view", event_id="x", consent=None) == "dropped"
    assert visits.send("page_view", event_id="x") == "applied"


def test_no_more_than_64_ids_are_stored(visits: Visits) -> None:
    for n in range(500):
        visits.send("page_view", event_id=f"o{n}", minute=n)
    assert len(visits.visitor().recent) == 64


def test_every_record_is_counted_as_something(visits: Visits) -> None:
    visits.send("page_view", event_id="x")
    visits.send("page_view", event_id="x")
    visits.send("page_view", consent=None, visitor="bob")
    clock = visits.clock
    assert (clock.applied, clock.duplicates, clock.dropped, clock.dead) == (1, 1, 1, 0)
