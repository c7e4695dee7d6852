"""What a session teaches: who follows whom, once for each pair, and examples for the intent model when it closes."""

from __future__ import annotations

from itertools import combinations
from math import exp

import pytest

from stream.entries import Bought, Example, Followed, Seen
from stream.features import INTENT_FEATURES
from stream.signals import session
from tests.stream.visits import Visits


@pytest.fixture
def visits() -> Visits:
    return Visits()


def walk(visits: Visits, *items: str, minute: float = 0) -> None:
    for n, item in enumerate(items):
        visits.send("view_item", item, minute=minute + n / 60)


def test_what_only_the_browser_says_is_claimed_once_a_session(visits: Visits) -> None:
    for minute in (0, 1, 2, 90):
        visits.send("purchase", "a", edge={"key": "pk"}, minute=minute)
    assert [(entry.item_id, entry.confirmed) for entry in visits.of(Bought)] == [("a", False)] * 2


def led(visits: Visits) -> list[tuple[str, str]]:
    return [(entry.item_id, entry.other) for entry in visits.of(Followed) if entry.relation == "bought"]


def test_what_was_looked_at_before_an_order_led_to_it(visits: Visits) -> None:
    walk(visits, *"abca")
    visits.send("purchase", "c", "d", minute=1)
    assert sorted(led(visits)) == [("a", "c"), ("a", "d"), ("b", "c"), ("b", "d"), ("c", "d")]
    visits.send("purchase", "c", minute=2)
    assert ("d", "c") in led(visits), "an earlier order of this session"
    assert len(led(visits)) == 6, "a pair counts once in a session"


def test_earlier_orders_led_to_this_one_unless_they_were_refunded_or_only_claimed(visits: Visits) -> None:
    visits.send("purchase", "a")
    visits.send("purchase", "b", minute=60)
    visits.send("purchase", "c", edge={"key": "pk"}, minute=120)
    visits.send("refund", "a", minute=180)
    visits.send("purchase", "d", minute=24 * 60 + 120)
    assert led(visits) == [("a", "b"), ("b", "d")]


def test_what_only_the_browser_says_was_bought_leads_nowhere(visits: Visits) -> None:
    walk(visits, *"ab")
    visits.send("purchase", "c", edge={"key": "pk"}, minute=1)
    assert led(visits) == []


def test_orders_share_the_sessions_pairs(visits: Visits) -> None:
    walk(visits, *(f"v{n}" for n in range(20)))
    visits.send("purchase", *(f"o{n}" for n in range(30)), minute=1)
    assert len(visits.of(Followed)) <= 2 * session.PAIRS
    running = visits.visitor().session
    assert len(running.pairs) == session.PAIRS


def others(visits: Visits, minute: float) -> None:
    """Two more visitors come: what is over by then closes."""
    for visitor in ("closer", "another"):
        visits.send("page_view", visitor=visitor, minute=minute)


def test_a_step_is_paired_with_the_five_before_it(visits: Visits) -> None:
    walk(visits, *"abcdefg")
    assert dict(visits.of(Seen)[-1].back) == pytest.approx({o: exp(-n / 1.5) for n, o in enumerate("fedcb")})
    forward = [(entry.item_id, entry.weight) for entry in visits.of(Followed) if entry.other == "g"]
    assert forward == visits.of(Seen)[-1].back


def test_pairing_stops_at_an_earlier_occurrence(visits: Visits) -> None:
    walk(visits, *"abca")
    assert [other for other, _ in visits.of(Seen)[-1].back] == ["c", "b"]


def test_a_pair_counts_once_in_a_session_and_again_in_the_next(visits: Visits) -> None:
    walk(visits, *"ababab")
    assert [(entry.item_id, entry.other) for entry in visits.of(Followed)] == [("a", "b"), ("b", "a")]
    walk(visits, *"ab", minute=60)
    assert [(entry.item_id, entry.other) for entry in visits.of(Followed)][2:] == [("a", "b")]


def test_an_item_that_was_in_the_session_before_is_a_repeat(visits: Visits) -> None:
    walk(visits, *"abbca")
    assert [seen.repeat for seen in visits.of(Seen)] == [False, False, True, False, True]


def test_an_item_counts_once_in_a_session_and_once_for_coming_back(visits: Visits) -> None:
    walk(visits, *"aaaabababa", *(f"i{n}" for n in range(60)), "a")
    told = [(seen.repeat, seen.counts, bool(seen.back)) for seen in visits.of(Seen) if seen.item_id == "a"]
    assert told == [(False, True, False), (True, True, False), (True, False, True), (True, False, True)]


def test_a_session_counts_for_at_most_300_items(visits: Visits) -> None:
    for n in range(400):
        visits.send("view_item", f"i{n}", minute=n)
    assert len(visits.of(Seen)) == session.ITEMS == 300


def test_a_session_counts_for_at_most_300_pairs(visits: Visits) -> None:
    for n in range(100):
        visits.send("view_item", f"i{n}", minute=n)
    assert len(visits.of(Followed)) == session.PAIRS == 300
    assert len(visits.of(Seen)) == 100


def test_items_bought_or_put_into_the_cart_together_are_related_both_ways(visits: Visits) -> None:
    visits.send("purchase", "b", "a", "c", "a")
    together = [(entry.item_id, entry.other) for entry in visits.of(Followed)]
    assert sorted(together) == sorted([*combinations("abc", 2), *((b, a) for a, b in combinations("abc", 2))])
    assert {entry.relation for entry in visits.of(Followed)} == {"together"}
    assert not visits.of(Seen)


def test_together_and_viewed_are_different_pairs(visits: Visits) -> None:
    walk(visits, "a", "b")
    visits.send("add_to_cart", "a", "b", minute=1)
    assert sorted((e.relation, e.item_id, e.other) for e in visits.of(Followed)) == [
        ("together", "a", "b"),
        ("together", "b", "a"),
        ("viewed", "a", "b"),
    ]


def test_a_large_order_relates_no_more_than_the_sessions_pairs(visits: Visits) -> None:
    visits.send("purchase", *(f"i{n}" for n in range(200)))
    assert len(visits.of(Followed)) == 2 * session.PAIRS
    assert len(visits.of(Bought)) == 200


def test_entries_are_numbered_within_their_event_and_target(visits: Visits) -> None:
    walk(visits, *"abc")
    last = [(entry.offset, entry.seq) for entry in visits.emitted if entry.offset == 2]
    assert last == [(2, n) for n in range(3)]


@pytest.mark.parametrize(
    ("edge", "confirmed"),
    [(None, True), ({"purchase_confirmed": True}, True), ({"purchase_confirmed": False}, False), ({}, False)],
)
def test_a_purchase_counts_as_revenue_when_it_is_confirmed(
    visits: Visits, edge: dict[str, bool] | None, confirmed: bool
) -> None:
    visits.send("purchase", "a", edge=edge)
    assert [(entry.item_id, entry.quantity, entry.confirmed) for entry in visits.of(Bought)] == [("a", 1, confirmed)]


def closed(visits: Visits) -> list[Example]:
    others(visits, 600)
    return visits.of(Example)


@pytest.mark.parametrize(
    ("events", "number"), [(1, 1), (2, 2), (3, 2), (4, 3), (7, 3), (8, 4), (16, 5), (31, 5), (32, 6), (64, 6)]
)
def test_a_closed_session_gives_examples_after_1_2_4_8_16_and_32_events(
    visits: Visits, events: int, number: int
) -> None:
    walk(visits, *(f"i{n}" for n in range(events)))
    assert [(example.model, example.label, len(example.features)) for example in closed(visits)] == [
        ("intent", False, len(INTENT_FEATURES))
    ] * number


def test_examples_say_whether_the_session_ended_in_a_purchase(visits: Visits) -> None:
    walk(visits, *"ab")
    visits.send("purchase", "a", minute=1)
    walk(visits, *"cdefgh", minute=2)
    assert [example.label for example in closed(visits)] == [True, True]


def test_a_purchase_that_only_the_browser_tells_of_is_no_label(visits: Visits) -> None:
    """Whether the session ended in an order is not known, so it gives no examples."""
    walk(visits, *"ab")
    visits.send("purchase", "a", minute=1, edge={"key": "pk"})
    walk(visits, *"cdefgh", minute=2)
    assert closed(visits) == []


def test_the_shops_confirmation_makes_it_one(visits: Visits) -> None:
    walk(visits, *"ab")
    visits.send("purchase", "a", minute=1, edge={"key": "pk"})
    walk(visits, *"cdefgh", minute=2)
    visits.send("purchase", "a", minute=3)
    assert [example.label for example in closed(visits)] == [True, True]


def test_a_visitors_fourth_session_of_a_day_teaches_nothing_and_is_served(visits: Visits) -> None:
    for hour in (0, 5, 10, 15, 23):
        walk(visits, f"i{hour}", "next", minute=hour * 60)
    others(visits, 24 * 60)
    assert [seen.item_id for seen in visits.of(Seen) if seen.item_id != "next"] == ["i0", "i5", "i10"]
    assert len(visits.of(Followed)) == 3
    assert len(visits.of(Example)) == 6
    assert visits.steps() == ["i23", "next"]
    walk(visits, "i24", minute=24 * 60)
    assert visits.of(Seen)[-1].item_id == "i24"


def test_a_session_that_begins_before_the_last_one_that_taught_teaches_nothing() -> None:
    taught: list[int] = []
    day = session.DAY_MS
    told = [session.may_teach(taught, at) for at in (day, 0, day - 1, day, 2 * day - 1, 2 * day - 1, 2 * day, day)]
    assert told == [True, False, False, True, True, False, True, False]
    assert taught == [2 * day - 1, 2 * day]


def test_who_withdraws_and_grants_again_does_not_teach_more_that_day(visits: Visits) -> None:
    visits.send("view_item", "a")
    visits.send("consent_update", minute=1, consent={"personalization": False})
    assert len(set(visits.visitor().taught)) == 1
    visits.send("consent_update", minute=2, consent={"personalization": True})
    visits.send("view_item", "b", minute=3)
    visits.send("view_item", "c", minute=24 * 60)
    assert [seen.item_id for seen in visits.of(Seen)] == ["a", "c"]


def test_a_session_gives_its_examples_once(visits: Visits) -> None:
    walk(visits, *"ab")
    assert len(closed(visits)) == 2
    for minute in (610, 620, 630):
        others(visits, minute)
    assert len(visits.of(Example)) == 2


def test_a_new_session_closes_the_one_before(visits: Visits) -> None:
    visits.send("view_item", "a", session_id="one")
    visits.send("view_item", "b", session_id="two")
    assert len(visits.of(Example)) == 1


def test_examples_carry_the_time_of_the_sessions_last_event(visits: Visits) -> None:
    walk(visits, *"ab", minute=5)
    last_at = visits.visitor().session.last_at
    assert {example.at for example in closed(visits)} == {last_at}


def test_an_old_visitor_closing_late_does_not_hold_up_the_rest(visits: Visits) -> None:
    """Many sessions end at once: each record closes a few, so that none takes long."""
    for n in range(100):
        visits.send("view_item", "a", visitor=f"v{n}", minute=n / 60)
    for n in range(4):
        others(visits, 600 + n)
    assert len(visits.of(Example)) == 100
    assert set(visits.state.rank) == {"closer", "another"}
