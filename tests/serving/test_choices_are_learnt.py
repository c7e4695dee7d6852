"""From an answered shelf to a model: what is seen and taken over HTTP reaches the learner, and the learner serving."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from stream.entries import CHOICES
from stream.joining import Joined
from stream.live import FIRST_AFTER, Working
from stream.state.keys import Tag
from stream.topics import partition_of
from tests.serving.deployment import PARTITIONS, SECRET, Deployment, ids, item

TAG = Tag("feedback", partition_of(CHOICES.encode(), PARTITIONS["feedback"]))


@pytest.fixture
async def busy(shop: Deployment) -> Deployment:
    await shop.stock(*[item(f"i{n}", category=f"c{n % 3}") for n in range(12)])
    for n in range(12):
        await shop.view(f"v{n}", f"i{n}", f"i{(n + 1) % 12}", f"i{(n + 2) % 12}", settle=False)
    await shop.settle()
    await shop.view("me", "i3")
    return shop


def learnt(shop: Deployment, model: str) -> Working:
    packed = shop.store.values[TAG].get(f"learner:{model}")
    return Working() if packed is None else msgspec.msgpack.decode(packed, type=Working)


def joined(shop: Deployment) -> Joined:
    packed = shop.store.values[TAG].get("joined")
    return Joined() if packed is None else msgspec.msgpack.decode(packed, type=Joined)


async def sees(shop: Deployment, shelf: dict[str, Any], visitor: str = "me") -> None:
    shop.now += 1_000
    seen = shop.event("view_item_list", visitor, *ids(shelf)[:5], decision_id=shelf["decision_id"])
    assert (await shop.call("POST", "/v1/events", seen)).status_code == 202


async def test_what_is_taken_from_a_shelf_that_was_seen_teaches(busy: Deployment) -> None:
    shelf = await busy.shelf("home_for_you", "me")
    await sees(busy, shelf)
    await busy.view("me", ids(shelf)[1], event="select_item", decision_id=shelf["decision_id"])
    assert joined(busy) == Joined(offers=1, matched=1)
    working = learnt(busy, "clicks")
    assert (working.learnt, working.refused) == (1, 0)
    assert working.tested is not None
    assert working.tested.metrics().placements["home_for_you"].chosen == 1


async def test_a_purchase_on_the_shops_word_teaches_conversions(busy: Deployment) -> None:
    shelf = await busy.shelf("home_for_you", "me")
    await sees(busy, shelf)
    await busy.view("me", ids(shelf)[0], event="purchase", transaction_id="t1")
    assert learnt(busy, "conversions").learnt == 0
    await busy.view("me", ids(shelf)[0], event="purchase", transaction_id="t1", key=SECRET)
    assert learnt(busy, "conversions").learnt == 1


@pytest.mark.parametrize("changed", ["forged", "another's"])
async def test_a_decision_that_is_not_ours_or_another_visitors_teaches_nothing(busy: Deployment, changed: str) -> None:
    shelf = await busy.shelf("home_for_you", "me")
    who = "you" if changed == "another's" else "me"
    if changed == "forged":
        token = shelf["decision_id"]
        shelf["decision_id"] = token[:-6] + ("A" if token[-6] != "A" else "B") + token[-5:]
    await sees(busy, shelf, who)
    await busy.view(who, ids(shelf)[1], event="select_item", decision_id=shelf["decision_id"])
    edges = [event["edge"] for event in busy.broker.values("events") if "decision_id" in event]
    assert [edge["decision_verified"] for edge in edges] == [changed != "forged"] * 2
    assert joined(busy) == Joined(offers=1)
    assert learnt(busy, "clicks").learnt == 0


async def test_a_token_that_is_played_again_teaches_once(busy: Deployment) -> None:
    shelf = await busy.shelf("home_for_you", "me")
    for _ in range(4):
        await sees(busy, shelf)
        await busy.view("me", ids(shelf)[1], event="select_item", decision_id=shelf["decision_id"])
    assert learnt(busy, "clicks").learnt == 1


async def test_what_a_page_says_of_its_decision_is_overwritten(busy: Deployment) -> None:
    await busy.view("me", "i4", edge={"decision_verified": True}, decision_id="made-up")
    assert busy.broker.values("events")[-1]["edge"]["decision_verified"] is False


async def test_a_published_version_ranks_and_is_measured(busy: Deployment) -> None:
    for n in range(FIRST_AFTER):
        visitor = f"shopper-{n}"
        await busy.view(visitor, f"i{n % 12}")
        shelf = await busy.shelf("home_for_you", visitor)
        await sees(busy, shelf, visitor)
        await busy.view(visitor, ids(shelf)[n % 3], event="select_item", decision_id=shelf["decision_id"])
    await busy.api.models.refresh()
    assert busy.api.models.choosers["clicks"].version == 1
    told = (await busy.call("GET", "/metrics", key=SECRET)).text
    assert 'liveshelf_model_version{model="clicks"} 1.0' in told
    assert 'liveshelf_model_mrr{model="clicks",order="shown",placement="home_for_you"}' in told
    shelf = await busy.shelf("home_for_you", "me")
    record = busy.broker.values("decisions")[-1]
    assert record["choices"]["version"] == 1
    await sees(busy, shelf)
    await busy.view("me", ids(shelf)[0], event="select_item", decision_id=shelf["decision_id"])
    assert learnt(busy, "clicks").learnt == FIRST_AFTER + 1
