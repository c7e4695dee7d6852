"""One batch, and one thing going wrong at each of its calls in turn."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

import pytest

from tests.simulator.log import Place
from tests.simulator.machine import Shop
from tests.simulator.shoppers import Gesture
from tests.simulator.world import Outcome, Plan

EVENTS = Place("events", 0)
PAIRS = Place("pairs", 0)
SHOPPERS = ("bob", "fay")
"""Two visitors of one partition."""
MORE_THAN_IT_ASKS = 60


def view(visitor: str, item: str, *, wait_ms: int = 1_000) -> Gesture:
    return Gesture(visitor, "view_item", (item,), wait_ms, 0, None, None, True, straight=False)


def morning() -> list[Gesture]:
    """Walks of two shoppers, a purchase, and a pause after which both sessions close."""
    walks = [view(who, item) for item in ("i0", "i1", "i2", "i0", "i3", "i4", "i5") for who in SHOPPERS]
    order = view("bob", "i3")._replace(event="purchase", items=("i3", "i4", "i6"))
    return [*walks, order, view("fay", "i7", wait_ms=3_600_000), view("bob", "i7")]


@pytest.fixture
def shop() -> Iterator[Shop]:
    made = Shop()
    made.shop(morning())
    made.send_poison(kind="cut_short", gesture=view("bob", "i0"))
    made.send_again(which=3, changed=False)
    yield made
    made.teardown()


def begin(shop: Shop, place: Place, calls: int, plan: Plan) -> bool:
    """An owner works until it has had so many answers; whether it asked for that many."""
    if place == PAIRS:
        owner = shop.world.start(EVENTS, Plan())
        owner.run()
        owner.fetch(100)
        owner.run()
    owner = shop.world.start(place, plan)
    for call in range(calls):
        if call == 1:
            owner.fetch(100)
        if not owner.step():
            return False
    return True


@pytest.mark.parametrize("plan", [Plan(), Plan(fold=1, records=2), Plan(fold=5, records=5, capacity=1)])
@pytest.mark.parametrize("place", [EVENTS, PAIRS])
def test_killed_after_any_number_of_answers(place: Place, plan: Plan) -> None:
    for calls in range(MORE_THAN_IT_ASKS):
        shop = Shop()
        shop.shop(morning())
        asked = begin(shop, place, calls, plan)
        shop.world.owners[place][-1].crash()
        other_cut = shop.world.start(place, Plan(fold=3, records=4))
        other_cut.run()
        shop.teardown()
        if not asked:
            return
    raise AssertionError("the batch never ended")


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize("place", [EVENTS, PAIRS])
def test_any_answer_going_wrong(place: Place, outcome: Outcome) -> None:
    for calls in range(MORE_THAN_IT_ASKS):
        shop = Shop()
        shop.shop(morning())
        asked = begin(shop, place, calls, Plan())
        shop.world.owners[place][-1].step(outcome)
        shop.world.owners[place][-1].run()
        shop.teardown()
        if not asked:
            return
    raise AssertionError("the batch never ended")


def test_a_new_owner_between_the_old_ones_reads_derives_nothing_from_them(shop: Shop) -> None:
    """The old owner commits after the new one has read the position, and before it reads the visitors' values."""
    old = shop.world.start(EVENTS, Plan())
    old.run()
    old.fetch(8)
    new = shop.world.start(EVENTS, Plan())
    new.step()
    old.run()
    sent = shop.world.log.end(PAIRS)
    new.fetch(100)
    new.run()
    assert new.ended
    assert shop.world.log.end(PAIRS) == sent


def test_a_stalled_owner_writes_nothing(shop: Shop) -> None:
    stalled = shop.world.start(EVENTS, Plan())
    stalled.step()
    stalled.fetch(10)
    while stalled.calls[0].kind != "commit":
        stalled.step()
    other = shop.world.start(EVENTS, Plan())
    other.run()
    other.fetch(15)
    other.run()
    before = deepcopy((shop.world.memory.values, shop.world.memory.positions))
    stalled.run()
    assert stalled.ended
    assert (shop.world.memory.values, shop.world.memory.positions) == before


def test_a_store_that_lost_its_tail_is_filled_again(shop: Shop) -> None:
    owner = shop.world.start(EVENTS, Plan(fold=1, records=1))
    owner.run()
    owner.fetch(12)
    owner.run()
    shop.world.lose(7)
    owner.fetch(100)
    owner.run()
    assert owner.ended
    assert shop.world.position(EVENTS) == 5
