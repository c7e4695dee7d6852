"""A visitor's tie to a customer: what makes it, what ends it, and what the customer's other devices are told."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from stream.entries import Merged, Parted
from tests.stream.visits import DAY_MIN, Visits

SIGNED = {"key": "pk", "signed": True}
UNSIGNED = {"key": "pk", "signed": False}
MINE = "c1"


@pytest.fixture
def visits() -> Visits:
    return Visits()


def told(visits: Visits) -> list[tuple[str, str]]:
    """What the profile agent was told, in order: the kind of entry and the customer."""
    entries = [one for one in visits.emitted if isinstance(one, Merged | Parted)]
    return [(type(one).__name__, one.cid) for one in entries]


@pytest.mark.parametrize("name", ["identify", "view_item", "page_view", "consent_update"])
@pytest.mark.parametrize("more", [{}, {"edge": SIGNED}], ids=["straight from Kafka", "signed"])
def test_a_customer_id_that_counts_ties_the_visitor(visits: Visits, name: str, more: dict[str, Any]) -> None:
    visits.send(name, "a", customer_id=MINE, **more)
    assert visits.visitor().customer == "cid-c1"
    assert told(visits) == [("Merged", "cid-c1")]


@pytest.mark.parametrize("name", ["identify", "view_item"])
def test_a_customer_id_that_nobody_checked_is_as_none(name: str) -> None:
    named, unnamed = Visits(), Visits()
    named.send(name, "a", customer_id=MINE, edge=UNSIGNED)
    unnamed.send("view_item", "a", edge=UNSIGNED)
    assert named.visitor().customer == ""
    assert told(named) == []
    if name == "view_item":
        assert named.visitor() == unnamed.visitor()


def test_an_unchecked_customer_id_does_not_move_a_visitor_that_is_somebodys(visits: Visits) -> None:
    visits.send("identify", customer_id=MINE)
    visits.send("purchase", "a", minute=1, customer_id="c2", edge=UNSIGNED)
    assert visits.visitor().customer == "cid-c1"
    assert told(visits) == [("Merged", "cid-c1"), ("Merged", "cid-c1")]


@pytest.mark.parametrize("consent", [{"analytics": True, "personalization": False}, {}])
def test_without_the_consent_to_personalization_there_is_no_tie(visits: Visits, consent: dict[str, bool]) -> None:
    visits.send("identify", customer_id=MINE, consent=consent)
    assert visits.visitor() is None or visits.visitor().customer == ""
    assert told(visits) == []


def test_a_visitor_without_a_customer_tells_nothing(visits: Visits) -> None:
    for minute, name in enumerate(("view_item", "dismiss", "purchase", "page_view")):
        visits.send(name, "a", minute=40 * minute)
    assert told(visits) == []


def test_the_summary_holds_what_happened_before_the_tie_and_with_it(visits: Visits) -> None:
    visits.send("view_item", "a", event_id="viewed")
    visits.send("dismiss", "b", minute=1)
    visits.send("purchase", "c", minute=2, event_id="bought")
    visits.send("view_item", "d", minute=3, customer_id=MINE)
    (entry,) = visits.of(Merged)
    assert (entry.pid, entry.partition, entry.epoch, entry.at) == ("ann", 0, 0, visits.visitor().last_at)
    assert [touch.item_id for touch in entry.summary.viewed] == ["d", "a"]
    assert [(touch.item_id, touch.event_id) for touch in entry.summary.bought] == [("c", "bought")]
    assert [item_id for item_id, _ in entry.summary.dismissed] == ["b"]


@pytest.mark.parametrize("name", ["purchase", "dismiss", "refund"])
def test_what_hides_or_shows_items_is_told_at_once(visits: Visits, name: str) -> None:
    visits.send("identify", customer_id=MINE)
    visits.send(name, "a", minute=0.1)
    assert len(visits.of(Merged)) == 2


def test_of_views_other_devices_hear_once_a_minute(visits: Visits) -> None:
    visits.send("identify", customer_id=MINE)
    for n in range(12):
        visits.send("view_item", f"i{n}", minute=0.25 * n)
    assert [len(entry.summary.viewed) for entry in visits.of(Merged)] == [0, 5, 9]


def test_the_rest_is_told_when_the_session_is_over(visits: Visits) -> None:
    visits.send("identify", customer_id=MINE)
    visits.send("view_item", "a", minute=0.5)
    for visitor in ("somebody", "somebody else"):
        visits.send("page_view", visitor=visitor, minute=31)
    assert [touch.item_id for touch in visits.of(Merged)[-1].summary.viewed] == ["a"]
    before = len(visits.of(Merged))
    visits.send("page_view", visitor="somebody", minute=90)
    assert len(visits.of(Merged)) == before


def test_a_flood_tells_nothing_more(visits: Visits) -> None:
    visits.send("identify", customer_id=MINE)
    for n in range(500):
        visits.send("purchase", f"i{n}", minute=n / 1_000)
    assert len(visits.of(Merged)) == 121


@pytest.mark.parametrize("character", ["a", "é", "😀"])
def test_a_summary_stays_below_4_kib_whatever_is_sent(visits: Visits, character: str) -> None:
    for n in range(80):
        for m, name in enumerate(("view_item", "purchase", "dismiss")):
            item = f"{n}-{name}".ljust(128, character)
            visits.send(name, item, minute=n + m / 3, event_id=f"{n}-{m}".ljust(64, character))
    visits.send("identify", minute=81, customer_id=MINE)
    (entry,) = visits.of(Merged)
    assert 1_500 < len(msgspec.msgpack.encode(entry.summary)) < 4_096
    assert entry.summary.viewed[0].item_id.startswith("79-")
    assert entry.summary.bought[0].item_id.startswith("79-")
    assert entry.summary.dismissed[0][0].startswith("79-")


def test_with_ordinary_ids_nothing_of_it_is_cut(visits: Visits) -> None:
    for n in range(80):
        for m, name in enumerate(("view_item", "purchase", "dismiss")):
            visits.send(name, f"sku-{n:06}", minute=n + m / 3, event_id=f"{n:018}{m:018}")
    visits.send("identify", minute=81, customer_id=MINE)
    (entry,) = visits.of(Merged)
    found = entry.summary
    assert (len(found.viewed), len(found.bought), len(found.dismissed)) == (20, 30, 20)


# endings


def test_as_another_customer_the_visitor_leaves_the_first(visits: Visits) -> None:
    visits.send("identify", customer_id=MINE)
    visits.send("identify", customer_id="c2", minute=0.1)
    assert visits.visitor().customer == "cid-c2"
    assert told(visits) == [("Merged", "cid-c1"), ("Parted", "cid-c1"), ("Merged", "cid-c2")]


def test_an_unmerge_leaves_the_visitor_to_nobody_with_all_that_is_theirs(visits: Visits) -> None:
    visits.send("view_item", "a", customer_id=MINE)
    assert visits.send("unmerge", customer_id=MINE, minute=1) == "applied"
    assert visits.visitor().customer == ""
    assert visits.steps() == ["a"]
    visits.send("purchase", "a", minute=2)
    assert told(visits) == [("Merged", "cid-c1"), ("Parted", "cid-c1")]


def test_an_unmerge_of_another_customer_undoes_nothing(visits: Visits) -> None:
    visits.send("identify", customer_id=MINE)
    visits.send("unmerge", customer_id="c2", minute=0.1)
    assert visits.visitor().customer == "cid-c1"
    assert told(visits) == [("Merged", "cid-c1")]


def test_an_unmerge_needs_no_consent(visits: Visits) -> None:
    """The tie was made while the shop's default was yes; it ends while the default is no."""
    yes, no = ({"analytics": word, "personalization": word} for word in (True, False))
    visits.send("identify", customer_id=MINE, consent=None, consent_default=yes)
    assert visits.send("unmerge", customer_id=MINE, consent=None, consent_default=no, minute=1) == "applied"
    assert visits.visitor().customer == ""
    assert told(visits)[-1] == ("Parted", "cid-c1")


@pytest.mark.parametrize("analytics", [True, False])
@pytest.mark.parametrize("first", ["identify", "view_item"])
def test_who_withdraws_parts(visits: Visits, first: str, analytics: bool) -> None:
    visits.send(first, "a", customer_id=MINE)
    visits.send("consent_update", consent={"analytics": analytics, "personalization": False}, minute=1)
    assert visits.visitor().customer == ""
    visits.send("view_item", "a", customer_id=MINE, consent=None, minute=2)
    assert told(visits) == [("Merged", "cid-c1"), ("Parted", "cid-c1")]


def test_a_withdrawal_that_names_the_customer_parts_all_the_same(visits: Visits) -> None:
    visits.send("identify", customer_id=MINE)
    visits.send("consent_update", consent={"personalization": False}, customer_id=MINE, minute=1)
    assert told(visits)[-1] == ("Parted", "cid-c1")
    assert visits.visitor().customer == ""


def test_a_profile_that_is_past_its_retention_has_parted(visits: Visits) -> None:
    visits.send("identify", customer_id=MINE)
    visits.send("view_item", "a", minute=91 * DAY_MIN)
    assert visits.visitor().customer == ""
    assert told(visits) == [("Merged", "cid-c1"), ("Parted", "cid-c1")]


def test_it_has_parted_once_even_if_what_came_was_dropped(visits: Visits) -> None:
    yes, no = ({"analytics": word, "personalization": word} for word in (True, False))
    visits.send("identify", customer_id=MINE, consent=None, consent_default=yes)
    for day in (91, 92):
        assert visits.send("view_item", "a", minute=day * DAY_MIN, consent=None, consent_default=no) == "dropped"
    assert told(visits) == [("Merged", "cid-c1"), ("Parted", "cid-c1")]
    assert visits.visitor().customer == ""
