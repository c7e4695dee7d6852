"""Simulated visits: functions of the seed, sensible, and valid events by the gate."""

from __future__ import annotations

import random
from collections import Counter
from itertools import islice
from typing import Any

import msgspec
import pytest

from serving.demo.catalogue import assortment, looks
from serving.demo.visits import (
    GLANCED,
    HISTORY_S,
    Buy,
    Cart,
    Glance,
    Look,
    Persona,
    Visit,
    Walk,
    choice,
    history,
    personas,
    sessions,
    stock,
)
from stream.ingest import Accepted, validate

NOW = 1_800_000_000.0


def visits(seed: int, count: int) -> list[Visit]:
    return list(islice(sessions(random.Random(seed)), count))


def persona(name: str) -> Persona:
    return next(one for one in personas() if one.name == name)


def walk(*steps: Look | Cart | Glance | Buy, trust: float = 1.0) -> Walk:
    who = msgspec.structs.replace(persona("cook"), trust=trust)
    return Walk(Visit("v" * 32, "5" * 32, who, steps), "run")


def shelf(*item_ids: str) -> dict[str, Any]:
    return {"decision_id": "d1", "items": [{"item_id": item_id} for item_id in item_ids]}


def test_the_same_seed_makes_the_same_visits_and_another_seed_others() -> None:
    assert visits(1, 50) == visits(1, 50)
    assert visits(1, 50) != visits(2, 50)


def test_plans_name_kinds_of_the_catalogue() -> None:
    planned = {kind for one in personas() for plan in one.plans for kind in plan}
    assert planned <= {kind.id for kind in assortment().kind}


def test_nobody_opens_what_is_sold_out() -> None:
    looked = {step.item_id for visit in visits(3, 500) for step in visit.steps if isinstance(step, Look)}
    assert looked.isdisjoint(assortment().out_of_stock)
    assert looked <= set(looks())


def test_a_cook_looks_mostly_at_a_cooks_things_and_a_runner_does_not() -> None:
    def kinds(name: str) -> Counter[str]:
        seen = [visit for visit in visits(4, 800) if visit.persona.name == name]
        return Counter(looks()[step.item_id][0] for visit in seen for step in visit.steps if isinstance(step, Look))

    assert kinds("cook")["pan"] > 10 * kinds("runner")["pan"]
    assert kinds("runner")["shoe"] > 10 * kinds("cook")["shoe"]


def test_favourites_are_looked_at_oftener() -> None:
    looked = Counter(step.item_id for visit in visits(5, 800) for step in visit.steps if isinstance(step, Look))
    first, last = stock()["candle"][0], stock()["candle"][-1]
    assert looked[first] > 1.5 * looked[last]


def test_some_visitors_come_back_as_the_same_persona_in_a_new_session() -> None:
    came = visits(6, 400)
    by_visitor: dict[str, set[str]] = {}
    for visit in came:
        by_visitor.setdefault(visit.visitor_id, set()).add(visit.persona.name)
    assert {len(names) for names in by_visitor.values()} == {1}
    assert 250 < len(by_visitor) < 380
    assert len({visit.session_id for visit in came}) == len(came)


def test_only_what_was_looked_at_goes_into_the_cart() -> None:
    for visit in visits(7, 300):
        looked = {step.item_id for step in visit.steps if isinstance(step, Look)}
        assert {step.item_id for step in visit.steps if isinstance(step, Cart)} <= looked


def test_every_event_passes_the_gate_and_grants_personalization() -> None:
    for event in history(random.Random(8), "run", 100, NOW):
        taken = validate(msgspec.json.encode(event), timestamp=round(NOW * 1000))
        assert isinstance(taken, Accepted), taken
        assert event["consent"] == {"analytics": True, "personalization": True, "marketing": False}


def test_history_is_in_time_order_and_young() -> None:
    times = [event["occurred_at"] for event in history(random.Random(9), "run", 100, NOW)]
    assert times == sorted(times)
    assert times[0] >= (NOW - HISTORY_S) * 1000
    assert times[-1] <= NOW * 1000


def test_event_ids_differ_between_runs_and_within_one() -> None:
    first = {event["event_id"] for event in history(random.Random(10), "a", 60, NOW)}
    second = {event["event_id"] for event in history(random.Random(10), "b", 60, NOW)}
    assert first.isdisjoint(second)
    assert len(first) == len(history(random.Random(10), "a", 60, NOW))
    assert max(map(len, first)) <= 64


def test_an_order_has_what_was_carted_and_only_once() -> None:
    under_way = walk()
    under_way.events(Cart("pan-1"), NOW)
    under_way.events(Cart("candle-3"), NOW)
    [order] = under_way.events(Buy(), NOW)
    assert [item["item_id"] for item in order["items"]] == ["pan-1", "candle-3"]
    assert order["value"] == "49.80"
    assert under_way.events(Buy(), NOW) == []


def test_a_picked_item_is_credited_to_its_shelf_and_so_is_its_cart() -> None:
    under_way = walk()
    seen, picked, viewed = under_way.seen(Glance("home_for_you", None, (0.0, 0.0)), shelf("pan-1", "pan-2"), NOW)
    assert [seen["event"], picked["event"], viewed["event"]] == ["view_item_list", "select_item", "view_item"]
    assert seen["items"] == [{"item_id": "pan-1"}, {"item_id": "pan-2"}]
    assert {event["decision_id"] for event in (seen, picked, viewed)} == {"d1"}
    [carted] = under_way.events(Cart("pan-1"), NOW)
    [other] = under_way.events(Cart("pan-2"), NOW)
    assert carted["placement"] == "home_for_you"
    assert "placement" not in other


def test_who_trusts_no_shelf_only_sees_it() -> None:
    [seen] = walk(trust=0.0).seen(Glance("home_for_you", None, (0.0, 0.0)), shelf("pan-1"), NOW)
    assert seen["event"] == "view_item_list"


def test_an_empty_shelf_makes_no_event() -> None:
    assert walk().seen(Glance("home_for_you", None, (0.0, 0.0)), shelf(), NOW) == []


@pytest.mark.parametrize(("dice", "picked"), [((0.0, 0.0), "a"), ((0.0, 0.999), "d"), ((0.0, 0.3), "a")])
def test_a_choice_is_among_what_was_glanced_at(dice: tuple[float, float], picked: str) -> None:
    who = msgspec.structs.replace(persona("cook"), trust=1.0)
    assert choice(who, "abcd"[:GLANCED], dice) == picked
