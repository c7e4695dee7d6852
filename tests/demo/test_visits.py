"""Visits: events that the gate takes, in time order, of people who behave like people."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from itertools import islice, pairwise
from typing import Any

import msgspec
import pytest

from serving.demo.catalogue import by_id
from serving.demo.people import kinds
from serving.demo.playing import Arrivals, Shelves, play
from serving.demo.visits import Ask, Shelf, Visit
from serving.demo.world import World
from stream.ingest import Accepted, validate
from tests.demo.street import START

Event = dict[str, Any]


def truthful(world: World) -> Shelves:
    """Shelves by somebody who knows what people want."""

    def shelf(visit: Visit, ask: Ask) -> Shelf:
        return Shelf("d1", sorted(world.relevant(visit.shopper, visit.context))[: ask.n])

    return shelf


def played(count: int, *, seed: int = 1, passers_by: float = 0.5, an_hour: float = 60.0) -> list[Event]:
    world = World(seed)
    arrivals = Arrivals(world, passers_by=passers_by)
    return list(islice(play(arrivals, truthful(world), start_at=START, an_hour=an_hour), count))


@cache
def told() -> list[Event]:
    """Some days, mostly of regulars."""
    return played(12_000, passers_by=0.1, an_hour=20.0)


def by_session() -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = defaultdict(list)
    for event in told():
        found[event["session_id"]].append(event)
    return found


def items_of(session: list[Event], name: str) -> set[str]:
    return {line["item_id"] for event in session if event["event"] == name for line in event["items"]}


def test_the_same_seed_makes_the_same_events_and_another_seed_others() -> None:
    assert played(400) == played(400)
    assert played(400) != played(400, seed=2)


def test_every_event_passes_the_gate() -> None:
    for event in told():
        assert isinstance(validate(msgspec.json.encode(event), timestamp=0), Accepted), event
    assert len({event["event_id"] for event in told()}) == len(told())
    assert max(len(event["event_id"]) for event in told()) <= 64


def test_time_only_goes_on_and_visits_overlap() -> None:
    events = played(2_000)
    times = [event["occurred_at"] for event in events]
    assert times == sorted(times)
    sessions = [event["session_id"] for event in events]
    assert sum(one != other for one, other in pairwise(sessions)) > len(sessions) / 4


def test_all_kinds_of_events_happen() -> None:
    names = Counter(event["event"] for event in told())
    assert {"page_view", "search", "view_item", "view_item_list", "select_item", "add_to_cart"} <= set(names)
    assert {"begin_checkout", "purchase", "identify", "consent_update", "dismiss"} <= set(names)
    assert names["view_item"] > 3 * names["add_to_cart"] > 3 * names["purchase"] > 0


def test_nobody_opens_what_is_sold_out() -> None:
    viewed = {item_id for session in by_session().values() for item_id in items_of(session, "view_item")}
    assert all(by_id()[item_id].in_stock for item_id in viewed)
    assert len(viewed) > 500


def test_only_what_was_looked_at_is_carted_and_only_that_is_bought_at_its_price() -> None:
    for session in by_session().values():
        assert items_of(session, "purchase") <= items_of(session, "add_to_cart") <= items_of(session, "view_item")
        for order in (event for event in session if event["event"] == "purchase"):
            cents = sum(by_id()[line["item_id"]].pays for line in order["items"])
            assert Decimal(order["value"]) == sum(Decimal(line["price"]) for line in order["items"])
            assert Decimal(order["value"]) == Decimal(cents) / 100


def test_a_clicked_item_is_credited_to_its_shelf_and_so_is_its_cart() -> None:
    credited = Counter(event["event"] for event in told() if "decision_id" in event)
    assert credited["select_item"] > 100
    assert credited["add_to_cart"] > 10
    assert all("decision_id" in event for event in told() if event["event"] in {"select_item", "view_item_list"})
    assert any("decision_id" not in event for event in told() if event["event"] == "view_item")


def test_regulars_come_back_on_other_days_and_few_kinds_make_up_a_visit() -> None:
    days: dict[str, set[int]] = defaultdict(set)
    for event in told():
        days[event["visitor_id"]].add(event["occurred_at"] // 86_400_000)
    assert sum(len(seen) > 1 for seen in days.values()) > 30
    seen = [{by_id()[item].kind for item in items_of(session, "view_item")} for session in by_session().values()]
    looked = [items_of(session, "view_item") for session in by_session().values()]
    many = [len(kinds_) / len(items) for kinds_, items in zip(seen, looked, strict=True) if len(items) >= 4]
    assert sum(many) / len(many) < 0.75


def test_who_withdraws_says_so_once_and_is_not_personalized_any_more() -> None:
    withdrew = [event for event in told() if event["event"] == "consent_update"]
    assert withdrew
    for no in withdrew:
        own = [event for event in told() if event["visitor_id"] == no["visitor_id"]]
        assert [event for event in own if event["event"] == "consent_update"] == [no]
        assert not any(event["consent"]["personalization"] for event in own[own.index(no) :])
        assert all(event["consent"]["personalization"] for event in own[: own.index(no)])


def test_two_devices_of_a_person_name_the_same_customer() -> None:
    devices: dict[str, set[str]] = defaultdict(set)
    for event in told():
        if event["event"] == "identify":
            devices[event["customer_id"]].add(event["visitor_id"])
    assert max(map(len, devices.values())) == 2


def test_what_is_searched_is_what_the_kind_is_called() -> None:
    words = {word for kind in kinds() for word in kind.search}
    assert {event["search_term"] for event in told() if event["event"] == "search"} <= words


def test_upper_places_are_examined_oftener() -> None:
    places = Counter(line["index"] for event in told() if event["event"] == "view_item_list" for line in event["items"])
    assert places[0] > 1.5 * places[4] > 1.5 * places[7] > 0


def variation_of(visitor_id: str) -> str:
    return "ab"[int(visitor_id, 16) % 2]


def click_rate(shelves: Callable[[World], Shelves], *, seed: int = 1, count: int = 4_000) -> float:
    world = World(seed)
    events = list(islice(play(Arrivals(world), shelves(world), start_at=START), count))
    names = Counter(event["event"] for event in events)
    return names["select_item"] / names["view_item_list"]


def test_who_is_shown_the_truth_clicks_far_oftener_than_who_is_shown_anything() -> None:
    def anything(world: World) -> Shelves:
        rng = random.Random(1)
        return lambda visit, ask: Shelf("d1", [item.item_id for item in rng.sample(world.items, ask.n)])

    def always_the_same(world: World) -> Shelves:
        return lambda visit, ask: Shelf("d1", [item.item_id for item in world.items[: ask.n]])

    truth = click_rate(truthful)
    assert truth > 5 * click_rate(always_the_same)
    assert truth > 5 * click_rate(anything)


@pytest.mark.parametrize("factor", [0.7, 1.0, 1.4])
def test_a_known_lift_is_found_again(factor: float) -> None:
    world = World(4, lifts={"b": factor})
    seen, clicked = Counter[str](), Counter[str]()

    def shelves(visit: Visit, ask: Ask) -> Shelf:
        ids = sorted(world.relevant(visit.shopper, visit.context))[: ask.n]
        return Shelf("d1", ids, variation_of(visit.visitor_id))

    for event in islice(play(Arrivals(world, passers_by=1.0), shelves, start_at=START), 15_000):
        if event["event"] == "view_item_list":
            seen[variation_of(event["visitor_id"])] += 1
        if event["event"] == "select_item":
            clicked[variation_of(event["visitor_id"])] += 1
    assert clicked["b"] / seen["b"] / (clicked["a"] / seen["a"]) == pytest.approx(factor, rel=0.12)
