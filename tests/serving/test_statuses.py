"""What an answer says of how it came about, and that nothing pretends to be personal."""

import pytest

from tests.serving.deployment import DENIED, Deployment, ids, item


@pytest.fixture
async def stocked(shop: Deployment) -> Deployment:
    await shop.stock(*[item(f"i{n}", category="Pans" if n % 2 else "Lamps") for n in range(8)])
    await shop.settle()
    return shop


async def test_a_visitor_with_a_visit_is_answered_ok(stocked: Deployment) -> None:
    await stocked.view("me", "i0")
    assert (await stocked.shelf("home_for_you", "me"))["status"] == "ok"


async def test_with_consent_but_without_a_visit_popular_items_say_that_they_are(stocked: Deployment) -> None:
    await stocked.view("u", "i1", "i2")
    await stocked.view("me", "i3", event="view_cart")
    shelf = await stocked.shelf("home_for_you", "me", n=2)
    assert shelf["status"] == "fallback"
    assert {one["recommender"] for one in shelf["items"]} == {"popular"}
    assert all(one["because"] == [] for one in shelf["items"])


async def test_what_nobody_looked_at_is_not_called_popular(stocked: Deployment) -> None:
    shelf = await stocked.shelf("home_for_you", n=4)
    assert shelf["status"] == "fallback"
    assert [one["recommender"] for one in shelf["items"]] == ["newest"] * 4


async def test_a_shelf_that_rather_hides_is_empty_without_evidence(stocked: Deployment) -> None:
    shelf = await stocked.shelf("recently_viewed")
    assert (shelf["status"], shelf["items"]) == ("insufficient_data", [])


async def test_an_empty_shop_has_nothing_to_say(shop: Deployment) -> None:
    for placement in ("home_for_you", "trending", "pdp_also_bought"):
        shelf = await shop.shelf(placement)
        assert (shelf["status"], shelf["items"]) == ("insufficient_data", [])


async def test_popular_items_are_what_trending_asks_for(stocked: Deployment) -> None:
    await stocked.view("u", "i1", "i2")
    await stocked.view("v", "i1")
    shelf = await stocked.shelf("trending", n=2)
    assert (shelf["status"], ids(shelf)) == ("ok", ["i1", "i2"])


async def test_without_consent_the_answer_is_that_of_an_id_never_seen(stocked: Deployment) -> None:
    await stocked.view("u", "i1", "i2")
    await stocked.view("me", "i3", "i4")
    await stocked.view("me", "i4", event="consent_update", consent=DENIED)
    for placement in ("home_for_you", "pdp_also_bought", "trending", "recently_viewed"):
        mine, never = [await stocked.shelf(placement, who, item_ids=["i1"]) for who in ("me", "never seen")]
        assert mine["status"] == never["status"] == "no_consent"
        assert ids(mine) == ids(never)
        assert mine["fresh_to"] == never["fresh_to"] == {"occurred_at": None, "lag_ms": None, "met": None}
        assert not any(one["because"] for one in mine["items"])


@pytest.mark.parametrize("objection", [{"profiling": "off"}, {}])
async def test_an_objection_to_profiling_works_at_once(stocked: Deployment, objection: dict[str, str]) -> None:
    await stocked.view("me", "i1")
    gpc = {} if objection else {"sec-gpc": "1"}
    answer = await stocked.call(
        "POST", "/v1/recommendations/home_for_you", {"visitor_id": "me", **objection}, headers=gpc
    )
    shelf = answer.json()
    assert shelf["status"] == "no_consent"
    assert not any(one["because"] for one in shelf["items"])


async def test_without_a_visitor_a_product_page_is_answered_by_its_item(stocked: Deployment) -> None:
    for visitor in ("u", "v"):
        await stocked.view(visitor, "i0", "i5")
    shelf = await stocked.shelf("pdp_also_bought", item_ids=["i0"], n=1)
    assert (shelf["status"], ids(shelf)) == ("ok", ["i5"])
    assert shelf["items"][0]["because"] == []


async def test_scores_fall_along_the_shelf(stocked: Deployment) -> None:
    for visitor in ("u", "v"):
        await stocked.view(visitor, "i0", "i5")
    await stocked.view("me", "i0")
    shelf = await stocked.shelf("home_for_you", "me", n=8)
    scores = [one["score"] for one in shelf["items"]]
    assert len({one["recommender"] for one in shelf["items"]}) > 1
    assert scores == sorted(scores, reverse=True)
