"""What the people of the world want, and how they take what they are shown."""

from __future__ import annotations

import math
import random
from collections import Counter
from functools import cache

import numpy as np
import pytest

from serving.demo.people import REGULARS, kinds, person
from serving.demo.world import BORED_BY_ITEM, BORED_BY_KIND, FASHION, FASHION_S, ITEM_RECOVERS_S, Context, World
from tests.demo.street import START

SOMEBODY = 7


@cache
def world() -> World:
    return World(1)


def context(**more: object) -> Context:
    return Context(START, **more)  # type: ignore[arg-type]  # fields by name


def test_a_person_is_a_function_of_the_seed_and_a_number() -> None:
    one, same, other = person(1, SOMEBODY), person(1, SOMEBODY), person(2, SOMEBODY)
    assert one.visitor_ids == same.visitor_ids != other.visitor_ids
    assert (one.kinds == same.kinds).all()
    assert (one.kinds != other.kinds).any()


def test_people_differ_in_mind_devices_and_budget() -> None:
    minds = Counter(one.mind for one in world().regulars)
    assert len(world().regulars) == REGULARS == sum(minds.values())
    assert 0.7 < minds["all"] / REGULARS < 0.9
    assert min(minds[mind] for mind in ("withdraws", "analytics", "nothing")) > 5
    assert 0.15 < sum(len(one.visitor_ids) == 2 for one in world().regulars) / REGULARS < 0.35
    assert all(bool(one.customer_id) == (len(one.visitor_ids) == 2) for one in world().regulars)
    budgets = sorted(one.budget for one in world().regulars)
    assert budgets[-REGULARS // 10] > 1.8 * budgets[REGULARS // 10]


def test_utility_is_taste_for_kind_style_and_brand_minus_the_price() -> None:
    who = world().regulars[SOMEBODY]
    twins = [(a, b) for a in world().items for b in world().items if a.group == b.group and a.pays < b.pays]
    cheap, dear = next((a, b) for a, b in twins if a.style == b.style and a.colour == b.colour)
    quality = world()._quality
    gap = world().utility(who, cheap, context()) - world().utility(who, dear, context())
    by_quality = quality[world().number_of[cheap.item_id]] - quality[world().number_of[dear.item_id]]
    assert gap - by_quality == pytest.approx(who.thrift * math.log(dear.pays / cheap.pays))


def test_what_a_visit_is_out_for_is_wanted_more_by_that_much() -> None:
    who, lamp = world().regulars[SOMEBODY], next(item for item in world().items if item.kind == "lamp")
    plain = world().utility(who, lamp, context())
    wanted = world().utility(who, lamp, context(wants={world().kind_number("lamp"): 4.0}))
    assert wanted - plain == pytest.approx(4.0)


def test_ignoring_an_item_bores_and_boredom_passes() -> None:
    who, now = world().regulars[SOMEBODY], context()
    number = 100
    item = world().items[number]
    fresh = world().utility(who, item, now)
    for _ in range(3):
        world().ignored(now, [number])
    bored = world().utility(who, item, now)
    assert fresh - bored == pytest.approx(3 * (BORED_BY_ITEM + BORED_BY_KIND))
    near = next(one for one in world().items if one.kind == item.kind and one is not item)
    assert world().utility(who, near, now) == pytest.approx(world().utility(who, near, context()) - 3 * BORED_BY_KIND)
    later = Context(START + ITEM_RECOVERS_S, boredom=now.boredom)
    recovered = world().utility(who, item, Context(later.at)) - world().utility(who, item, later)
    assert recovered == pytest.approx(3 * BORED_BY_ITEM / math.e, rel=0.1)


def test_a_kind_comes_into_fashion_and_goes() -> None:
    times = np.arange(START, START + 4 * FASHION_S, FASHION_S / 48)
    raised = np.array([world().fashion(at) for at in times])
    assert raised.sum(axis=1) == pytest.approx(FASHION)
    assert ((raised > 0.9 * FASHION).any(axis=0)).sum() >= 4
    assert np.abs(np.diff(raised, axis=0)).max() < 0.2 * FASHION


def test_the_relevant_items_are_the_most_wanted_ones_that_can_be_had() -> None:
    who, now = world().regulars[SOMEBODY], context()
    utilities = world().utilities(who, now)
    now.gone = set(np.argsort(-utilities)[:5].tolist())
    relevant = world().relevant(who, now)
    can_be_had = [n for n, item in enumerate(world().items) if item.in_stock and n not in now.gone]
    best = sorted(can_be_had, key=lambda n: -utilities[n])[:10]
    assert relevant == {world().items[n].item_id for n in best}


def test_in_the_null_world_everything_is_equal_and_the_truth_a_lot() -> None:
    null = World(1, preference=0.0)
    who = null.regulars[SOMEBODY]
    assert not null.utilities(who, context(wants={3: 4.0})).any()
    drawn = Counter(item for n in range(400) for item in null.relevant(who, context(lot=f"{n}")))
    assert null.relevant(who, context(lot="a")) == null.relevant(who, context(lot="a"))
    assert len(drawn) > 0.9 * sum(item.in_stock for item in null.items)
    assert max(drawn.values()) < 15


def test_liked_items_are_clicked_oftener_and_lifted_shelves_by_the_factor() -> None:
    lifted = World(1, lifts={"b": 1.3})
    who, rng = lifted.regulars[SOMEBODY], random.Random(3)
    now = context(wants={lifted.kind_number("mug"): 4.0})
    liked = sorted(lifted.number_of[item_id] for item_id in lifted.relevant(who, now))[:4]
    others = [n for n, item in enumerate(lifted.items) if item.kind == "train"][:4]

    def clicks(examined: list[int], variation: str) -> int:
        return sum(lifted.clicked(rng, who, now, examined, variation) is not None for _ in range(6_000))

    assert clicks(liked, "a") > 8 * clicks(others, "a")
    assert clicks(liked, "b") / clicks(liked, "a") == pytest.approx(1.3, rel=0.06)


def test_an_item_that_is_gone_is_not_clicked() -> None:
    who = world().regulars[SOMEBODY]
    assert world().clicked(random.Random(1), who, context(gone={4}), [4], "") is None


def test_missions_go_on_to_what_goes_with_the_first() -> None:
    rng, follows = random.Random(5), Counter[bool]()
    for number in range(600):
        mission = world().out_for(rng, world().regulars[number % REGULARS], START)
        names = [kinds()[kind].id for kind in mission]
        follows.update(second in kinds()[first].complements for first, second in zip(mission, names[1:], strict=False))
    assert follows[True] > 300
    assert not follows[False]
