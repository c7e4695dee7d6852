"""What stands between the best candidates and the page: rotation, diversity, caps, evidence; and that nothing jumps."""

from __future__ import annotations

from typing import Any

import pytest

from serving.placements import placements
from tests.serving.deployment import Deployment, ids, item

HOUR_MS = 3_600_000
EVERYTHING = ["session_table", "category_popular", "second_step", "nearest"]


@pytest.fixture
async def stocked(shop: Deployment) -> Deployment:
    """Twelve items of three categories and two brands that shoppers went through in turn; "me" stands at the first."""
    await shop.stock(
        *[item(f"i{n:02}", title=f"Thing {n}", category=f"C{n % 3}", brand=f"B{n % 2}") for n in range(12)]
    )
    for visitor in range(4):
        await shop.view(f"u{visitor}", *[f"i{n:02}" for n in range(12)], settle=False)
    await shop.view("me", "i00")
    return shop


async def home(shop: Deployment, **settings: Any) -> None:
    document = {"explain": "What is likely next.", "recommenders": EVERYTHING, "repeats": False, **settings}
    await shop.place("home_for_you", **document)


async def seen(shop: Deployment, *item_ids: str, times: int = 1) -> None:
    """`me` really sees these items on so many shelves."""
    for _ in range(times):
        shop.now += 60_000
        made = shop.event("view_item_list", "me", *item_ids)
        assert (await shop.call("POST", "/v1/events", made)).status_code == 202
    await shop.settle()


async def test_what_was_shown_and_ignored_sinks_below_the_others(stocked: Deployment) -> None:
    await home(stocked, rotation={"after": 3})
    before = ids(await stocked.shelf("home_for_you", "me"))
    await seen(stocked, *before[:2], times=2)
    assert ids(await stocked.shelf("home_for_you", "me"))[:2] == before[:2]
    await seen(stocked, *before[:2])
    assert ids(await stocked.shelf("home_for_you", "me")) == [*before[2:], *before[:2]]


async def test_an_ignored_item_comes_back_after_its_rest(stocked: Deployment) -> None:
    await home(stocked, rotation={"after": 1, "rest_hours": 2})
    before = ids(await stocked.shelf("home_for_you", "me", n=8))
    await seen(stocked, before[0])
    assert before[0] not in ids(await stocked.shelf("home_for_you", "me", n=8))
    stocked.now += 2 * HOUR_MS
    await stocked.view("me", "i00")
    assert before[0] in ids(await stocked.shelf("home_for_you", "me", n=8))


async def test_interest_brings_an_ignored_item_back_at_once(stocked: Deployment) -> None:
    await home(stocked, rotation={"after": 1}, recommenders=["popular"])
    first, *_ = before = ids(await stocked.shelf("home_for_you", "me"))
    await seen(stocked, first, times=3)
    assert ids(await stocked.shelf("home_for_you", "me")) == [*before[1:], first]
    await stocked.view("me", first, event="select_item")
    assert ids(await stocked.shelf("home_for_you", "me"))[0] == first


async def test_without_rotation_what_is_ignored_stays(stocked: Deployment) -> None:
    await home(stocked)
    before = ids(await stocked.shelf("home_for_you", "me"))
    await seen(stocked, *before[:3], times=50)
    assert ids(await stocked.shelf("home_for_you", "me")) == before


async def test_of_a_category_and_a_brand_there_are_at_most_so_many(stocked: Deployment) -> None:
    await home(stocked, caps={"category": 1, "brand": 2})
    shown = ids(await stocked.shelf("home_for_you", "me"))
    assert sorted(int(one[1:]) % 3 for one in shown) == [0, 1, 2]
    assert sum(int(one[1:]) % 2 for one in shown) in (1, 2)


async def test_a_capped_item_says_so(stocked: Deployment) -> None:
    await home(stocked, caps={"category": 1})
    told = (await stocked.shelf("home_for_you", "me", explain=True))["explain"]["candidates"]
    assert {one["refused"] for one in told if one["refused"]} >= {"cap_category"}


async def test_a_placement_may_show_two_variants_of_an_item(shop: Deployment) -> None:
    await shop.stock(*[item(f"s{size}", item_group_id="s") for size in "SML"], item("other"))
    await shop.view("u", "sS", "sM", "sL", "other")
    assert len(ids(await shop.shelf("trending"))) == 2
    trending: dict[str, Any] = {"explain": "Popular.", "recommenders": ["popular"], "caps": {"item_group_id": 2}}
    await shop.place("trending", **trending)
    assert len(ids(await shop.shelf("trending"))) == 3


async def test_a_request_may_ask_for_diversity(stocked: Deployment) -> None:
    one = ids(await stocked.shelf("pdp_also_bought", "me", item_ids=["i00"], n=6, diversity=0))
    other = ids(await stocked.shelf("pdp_also_bought", "me", item_ids=["i00"], n=6, diversity=0.9))
    assert one == ids(await stocked.shelf("pdp_also_bought", "me", item_ids=["i00"], n=6))
    assert one != other
    kinds = [(int(item_id[1:]) % 3, int(item_id[1:]) % 2) for item_id in other[:3]]
    assert len({category for category, _ in kinds}) == 3


async def test_the_requests_diversity_takes_the_place_of_the_placements(stocked: Deployment) -> None:
    await home(stocked)
    plain = ids(await stocked.shelf("home_for_you", "me"))
    await home(stocked, diversity=0.9)
    assert ids(await stocked.shelf("home_for_you", "me")) != plain
    assert ids(await stocked.shelf("home_for_you", "me", diversity=0)) == plain


# evidence


async def test_a_personal_item_says_what_speaks_for_it_and_a_popular_one_does_not(stocked: Deployment) -> None:
    shelf = await stocked.shelf("home_for_you", "me")
    assert all(0 <= one["evidence"] <= 1 for one in shelf["items"])
    next_one = next(one for one in shelf["items"] if one["item_id"] == "i01")
    assert next_one["evidence"] > 0
    assert all(one["evidence"] == 0 for one in (await stocked.shelf("trending"))["items"])


async def test_what_the_visitor_looked_at_is_a_fact(stocked: Deployment) -> None:
    assert [one["evidence"] for one in (await stocked.shelf("recently_viewed", "me"))["items"]] == [1]


async def test_below_the_floor_an_item_is_at_most_shown_as_popular(stocked: Deployment) -> None:
    await home(stocked, evidence_floor=0.99)
    shelf = await stocked.shelf("home_for_you", "me")
    assert shelf["status"] == "fallback"
    assert {one["recommender"] for one in shelf["items"]} == {"popular"}
    assert len(shelf["items"]) == 12


async def test_below_the_floor_a_placement_that_rather_hides_is_empty(stocked: Deployment) -> None:
    await home(stocked, evidence_floor=0.99, evidence="hide")
    shelf = await stocked.shelf("home_for_you", "me")
    assert (shelf["status"], shelf["items"]) == ("insufficient_data", [])


async def test_a_floor_parts_what_is_sure_from_what_is_not(stocked: Deployment) -> None:
    found = {one["item_id"]: one["evidence"] for one in (await stocked.shelf("home_for_you", "me"))["items"]}
    floor = sorted(found.values())[len(found) // 2]
    await home(stocked, evidence_floor=floor, repeats=True)
    personal = [one for one in (await stocked.shelf("home_for_you", "me"))["items"] if one["recommender"] != "popular"]
    assert {one["item_id"] for one in personal} == {item_id for item_id, sure in found.items() if sure >= floor}


# the same without a new event


@pytest.mark.parametrize("placement", sorted(placements()))
async def test_without_a_new_event_a_shelf_is_the_same(stocked: Deployment, placement: str) -> None:
    asked = {"item_ids": ["i03"]} if "pdp" in placement else {}
    first = await stocked.shelf(placement, "me", **asked)
    for seconds in (1, 10, 60, 600, 900):
        stocked.now += seconds * 1_000
        stocked.api.shop.refresh(int(stocked.now))
        again = await stocked.shelf(placement, "me", **asked)
        assert [(one["item_id"], one["score"]) for one in again["items"]] == [
            (one["item_id"], one["score"]) for one in first["items"]
        ]


# after one event


async def test_after_one_event_of_a_new_visitor_the_shelf_is_about_it(stocked: Deployment) -> None:
    await stocked.view("new", "i05")
    shelf = await stocked.shelf("home_for_you", "new", n=4)
    assert shelf["status"] == "ok"
    assert {"i04", "i06"} <= set(ids(shelf))
    assert all(one["because"][0]["item_id"] == "i05" for one in shelf["items"])
