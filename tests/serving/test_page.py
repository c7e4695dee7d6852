"""A page in one call: several shelves, one reading of the visitor, no item and no variant twice."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from random import Random
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.placements import placements
from stream.tokens import read_decision_id
from tests.serving.deployment import DENIED, Deployment, ids, item

NAMES = sorted(placements())
Validator = Callable[[str], jsonschema_rs.Draft202012Validator]


@pytest.fixture
async def busy(shop: Deployment) -> Deployment:
    """Forty items, every second a variant of the one before; visitors who wander among them."""
    rng = Random(7)
    await shop.stock(
        *[item(f"i{n}", title=f"Iron thing {n}", category="ABCD"[n % 4], item_group_id=f"g{n // 2}") for n in range(40)]
    )
    for visitor in range(8):
        await shop.view(f"v{visitor}", *[f"i{rng.randrange(30)}" for _ in range(5)], settle=False)
    await shop.view("v3", "i6", event="add_to_cart")
    return shop


async def page(shop: Deployment, *places: Any, status: int = 200, **more: Any) -> dict[str, Any]:
    asked = [one if isinstance(one, dict) else {"placement": one} for one in places]
    answer = await shop.call("POST", "/v1/page", {"placements": asked, **more})
    assert answer.status_code == status, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_each_shelf_is_a_decision_of_its_own_in_the_order_asked(busy: Deployment, validator: Validator) -> None:
    before = len(busy.broker.values("decisions"))
    told = await page(busy, "home_for_you", {"placement": "trending", "as": "below", "n": 3}, visitor_id="v3")
    validator("shelves").validate(told)
    home, below = told["shelves"]
    assert (home["as"], home["placement"], below["as"], below["placement"]) == (
        *("home_for_you", "home_for_you"),
        *("below", "trending"),
    )
    assert len(below["items"]) == 3
    assert [one["position"] for one in below["items"]] == [0, 1, 2]
    records = busy.broker.values("decisions")[before:]
    assert {one["decision_id"] for one in records} == {home["decision_id"], below["decision_id"]}
    assert read_decision_id(b"signatures", below["decision_id"]).placement == "trending"


@given(
    asked=st.lists(
        st.fixed_dictionaries({"placement": st.sampled_from(NAMES), "n": st.integers(1, 15)}), min_size=1, max_size=10
    ),
    visitor=st.sampled_from(["v1", "v3", "nobody", None]),
    on=st.sampled_from([[], ["i0"], ["i5", "i6"]]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_item_and_no_group_is_on_a_page_twice(
    busy: Deployment, asked: list[dict[str, Any]], visitor: str | None, on: list[str]
) -> None:
    named = [{**one, "as": str(place)} for place, one in enumerate(asked)]
    told = await page(busy, *named, visitor_id=visitor, item_ids=on)
    shown = [item_id for shelf in told["shelves"] for item_id in ids(shelf)]
    groups = [int(item_id[1:]) // 2 for item_id in [*on, *shown]]
    assert len(set(shown)) == len(shown)
    assert len(set(groups)) - len({int(one[1:]) // 2 for one in on}) == len(shown)
    for one, shelf in zip(named, told["shelves"], strict=True):
        assert len(shelf["items"]) <= one["n"]


async def test_whatever_the_order_the_first_shelf_is_as_it_would_be_alone(busy: Deployment) -> None:
    for order in permutations(("home_for_you", "pdp_similar", "recently_viewed")):
        first = (await page(busy, *order, visitor_id="v3", item_ids=["i0"]))["shelves"][0]
        assert ids(first) == ids(await busy.shelf(order[0], "v3", item_ids=["i0"]))


async def test_the_visitor_is_read_once(busy: Deployment) -> None:
    await page(busy, *NAMES, visitor_id="v3")
    before = busy.redis.calls
    await busy.shelf("home_for_you", "v3")
    alone = busy.redis.calls - before
    before = busy.redis.calls
    await page(busy, *NAMES, visitor_id="v3")
    assert busy.redis.calls - before == alone


async def test_each_shelf_has_its_own_items_exclusions_and_filter(busy: Deployment) -> None:
    told = await page(
        busy,
        {"placement": "pdp_also_bought", "item_ids": ["i1"], "exclude": ["i2"]},
        {"placement": "trending", "filter": {"category": "B"}},
        visitor_id="v3",
        item_ids=["i9"],
        exclude=["i4"],
    )
    bought, trending = told["shelves"]
    assert not {"i1", "i2", "i4", "i0"} & set(ids(bought))
    assert not {"i9", "i4"} & set(ids(trending))
    assert {int(one[1:]) % 4 for one in ids(trending)} == {1}


async def test_freshness_and_consent_hold_for_the_whole_page(busy: Deployment) -> None:
    (verdict,) = await busy.view("v3", "i7")
    told = await page(busy, "home_for_you", "recently_viewed", visitor_id="v3", min_fresh=verdict["fresh_token"])
    assert [one["fresh_to"]["met"] for one in told["shelves"]] == [True, True]
    await busy.view("v3", "i7", event="consent_update", consent=DENIED)
    told = await page(busy, "home_for_you", "recently_viewed", visitor_id="v3")
    assert [one["status"] for one in told["shelves"]] == ["no_consent", "no_consent"]


async def test_without_redis_every_shelf_is_degraded(busy: Deployment) -> None:
    busy.redis.away = True
    told = await page(busy, "home_for_you", "trending", visitor_id="v3")
    assert [one["status"] for one in told["shelves"]] == ["degraded", "degraded"]
    assert all(one["items"] for one in told["shelves"])


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "placements"),
        ({"placements": []}, "placements"),
        ({"placements": [{"placement": "trending"}] * 11}, "placements"),
        ({"placements": [{"placement": "trending", "n": 101}]}, "placements[0].n"),
        ({"placements": [{"placement": "trending", "filter": {"x": 1}}]}, "/placements/0/filter/x"),
        ({"placements": [{"placement": "trending"}], "min_fresh": "x"}, "min_fresh"),
    ],
)
async def test_what_cannot_be_read_is_told(shop: Deployment, body: object, says: str) -> None:
    answer = await shop.call("POST", "/v1/page", body)
    assert answer.status_code == 400
    assert says in answer.json()["detail"]


async def test_an_unknown_placement_and_two_shelves_of_one_name_are_told(shop: Deployment) -> None:
    unknown = await page(shop, "trending", "nowhere", status=404)
    assert "/placements/1/placement" in unknown["detail"]
    assert "home_for_you" in unknown["detail"]
    twice = await page(shop, "trending", {"placement": "home_for_you", "as": "trending"}, status=422)
    assert twice["errors"][0]["pointer"] == "/placements/1/as"


async def test_a_shelf_of_a_page_is_mixed_as_it_asks(busy: Deployment) -> None:
    plain = (await page(busy, {"placement": "trending", "n": 6}))["shelves"][0]
    told = await page(busy, {"placement": "trending", "n": 6, "diversity": 1}, {"placement": "home_for_you", "n": 6})
    mixed = told["shelves"][0]
    alone = await busy.shelf("trending", n=6, diversity=1)
    assert ids(mixed) == ids(alone)
    assert ids(mixed) != ids(plain)


async def test_a_shelf_of_a_page_goes_on_after_what_it_had_shown(busy: Deployment) -> None:
    first = (await page(busy, {"placement": "trending", "n": 4}, visitor_id="v3"))["shelves"][0]
    following = {"placement": "trending", "n": 4, "after": first["next"]}
    second = (await page(busy, following, visitor_id="v3"))["shelves"][0]
    assert second["items"]
    assert not set(ids(first)) & set(ids(second))


@pytest.mark.parametrize("wrong", [{"after": "made-up"}, {"diversity": 2}])
async def test_what_a_shelf_of_a_page_cannot_take_is_refused(busy: Deployment, wrong: dict[str, Any]) -> None:
    await page(busy, {"placement": "trending", **wrong}, status=400)
