"""Each built-in placement in its situations: what it shows, what it does not, and what its status says."""

from __future__ import annotations

from typing import Any

import pytest

from serving.placements import placements
from tests.serving.deployment import DENIED, PUBLISHABLE, SECRET, Deployment, ids, item

HOUR_MS = 3_600_000


@pytest.fixture
async def kitchen(shop: Deployment) -> Deployment:
    """Pans that are looked at one after another; lids, oil and a dear oven that are looked at or bought around them."""
    await shop.stock(
        item("pan-1", title="Iron pan 24 cm", category="Kitchen > Pans", price="40.00"),
        item("pan-2", title="Iron pan 28 cm", category="Kitchen > Pans", price="45.00"),
        item("pan-3", title="Iron pan with lid", category="Kitchen > Pans", price="30.00"),
        item("lid", title="Glass lid", category="Kitchen > Lids", price="9.00"),
        item("oil", title="Olive oil", category="Food", price="12.00"),
        item("oven", title="Steel oven", category="Kitchen > Ovens", price="900.00"),
        item("book", title="The art of bread", category="Books", price="20.00"),
    )
    for visitor in ("u", "v", "w"):
        await shop.view(visitor, "pan-1", "pan-2", "oil", "oven", settle=False)
        await shop.view(visitor, settle=False)
        event = shop.event("purchase", visitor, "pan-1", "pan-3", "lid", transaction_id=visitor)
        assert (await shop.call("POST", "/v1/events", event)).status_code == 202
    await shop.view("me", "book")
    return shop


def told(shelf: dict[str, Any]) -> dict[str, str]:
    return {one["item_id"]: one["recommender"] for one in shelf["items"]}


# cart_addons


async def test_addons_go_with_the_cart_and_are_not_more_of_the_same(kitchen: Deployment) -> None:
    await kitchen.view("me", "pan-1", event="add_to_cart")
    shelf = await kitchen.shelf("cart_addons", "me", n=3)
    assert shelf["status"] == "ok"
    assert set(ids(shelf)[:2]) == {"pan-3", "lid"}, "bought together counts, also of the same kind"
    assert ids(shelf)[2] == "oil"
    assert "pan-2" not in ids(shelf), "a pan that is only looked at around this one is an alternative"
    (because,) = shelf["items"][0]["because"]
    assert (because["event"], because["item_id"]) == ("add_to_cart", "pan-1")


async def test_addons_cost_no_more_than_the_dearest_item_of_the_cart(kitchen: Deployment) -> None:
    await kitchen.view("me", "pan-1", event="add_to_cart")
    shelf = await kitchen.shelf("cart_addons", "me", n=6)
    assert told(shelf).get("oven") in {None, "popular"}
    await kitchen.stock({"item_id": "oven", "sale_price": "39.00"})
    assert told(await kitchen.shelf("cart_addons", "me", n=6))["oven"] == "complements"


async def test_the_page_may_say_what_lies_in_the_cart(kitchen: Deployment) -> None:
    shelf = await kitchen.shelf("cart_addons", item_ids=["pan-1"], n=2)
    assert (shelf["status"], set(ids(shelf))) == ("ok", {"pan-3", "lid"})
    assert all(one["because"] == [] for one in shelf["items"])


async def test_with_nothing_in_the_cart_popular_items_say_that_they_are(kitchen: Deployment) -> None:
    shelf = await kitchen.shelf("cart_addons", "me")
    assert shelf["status"] == "fallback"
    assert set(told(shelf).values()) <= {"popular", "newest"}


async def test_without_consent_the_cart_that_is_known_has_no_say(kitchen: Deployment) -> None:
    await kitchen.view("me", "pan-1", event="add_to_cart")
    await kitchen.view("me", "pan-1", event="consent_update", consent=DENIED)
    shelf = await kitchen.shelf("cart_addons", "me")
    assert shelf["status"] == "no_consent"
    assert "complements" not in told(shelf).values()


# pdp_also_bought


async def order(shop: Deployment, visitor: str, *item_ids: str, key: str = SECRET) -> None:
    event = shop.event("purchase", visitor, *item_ids, transaction_id=visitor)
    assert (await shop.call("POST", "/v1/events", event, key=key)).status_code == 202


async def test_what_several_shoppers_of_an_item_bought_comes_before_what_they_looked_at(kitchen: Deployment) -> None:
    for visitor in ("u", "v"):
        await order(kitchen, visitor, "lid")
    await kitchen.settle()
    shelf = told(await kitchen.shelf("pdp_also_bought", item_ids=["pan-2"], n=6))
    assert next(iter(shelf)) == "lid"
    assert list(shelf.values())[:2] == ["also_bought", "session_table"], "the table fills what is left"


@pytest.mark.parametrize(("orders", "key"), [(1, SECRET), (3, PUBLISHABLE)])
async def test_one_order_or_what_browsers_tell_of_is_not_enough(kitchen: Deployment, orders: int, key: str) -> None:
    for visitor in range(orders):
        await kitchen.view(f"reader-{visitor}", "book", settle=False)
        await order(kitchen, f"reader-{visitor}", "oven", key=key)
    await kitchen.settle()
    assert "also_bought" not in told(await kitchen.shelf("pdp_also_bought", item_ids=["book"])).values()
    for late in ("one more", "and another"):
        await kitchen.view(late, "book", settle=False)
        await order(kitchen, late, "oven")
    await kitchen.settle()
    assert told(await kitchen.shelf("pdp_also_bought", item_ids=["book"]))["oven"] == "also_bought"


# trending


async def test_trending_is_asked_for_a_category_by_a_filter(kitchen: Deployment) -> None:
    shelf = await kitchen.shelf("trending", filter={"category": "Kitchen > Pans"})
    assert told(shelf) == {"pan-1": "trending", "pan-2": "trending", "pan-3": "newest"}, "nobody looked at the third"


# home_for_you


async def test_a_new_visit_begins_where_the_visitor_was_before(kitchen: Deployment) -> None:
    await kitchen.view("cook", "pan-3")
    kitchen.now += 20 * HOUR_MS
    await kitchen.settle()
    shelf = await kitchen.shelf("home_for_you", "cook", n=6, explain=True)
    offered = {one["item_id"]: one["because_item_id"] for one in shelf["explain"]["candidates"]}
    assert shelf["status"] == "ok"
    assert offered["pan-2"] == "pan-3", "of the same category"


# pdp_similar


async def test_similar_items_are_near_in_title_and_kind(kitchen: Deployment) -> None:
    shelf = await kitchen.shelf("pdp_similar", item_ids=["pan-1"], n=2)
    assert (shelf["status"], set(ids(shelf))) == ("ok", {"pan-2", "pan-3"})
    assert set(told(shelf).values()) == {"similar"}


async def test_similar_items_need_no_visit_and_no_visitor_of_the_item(kitchen: Deployment) -> None:
    await kitchen.stock(item("pan-4", title="Iron pan 20 cm", category="Kitchen > Pans"))
    kitchen.vectors.catch_up(10)
    assert "pan-4" in ids(await kitchen.shelf("pdp_similar", item_ids=["pan-1"]))


async def test_what_is_like_nothing_shows_nothing_rather_than_popular_items(kitchen: Deployment) -> None:
    shelf = await kitchen.shelf("pdp_similar", item_ids=["book"])
    assert (shelf["status"], shelf["items"]) == ("insufficient_data", [])
    unknown = await kitchen.shelf("pdp_similar", item_ids=["never heard of"])
    assert (unknown["status"], unknown["items"]) == ("insufficient_data", [])


# email_picks


async def test_a_mail_picks_by_the_last_visit_also_when_it_is_over(kitchen: Deployment) -> None:
    await kitchen.view("me", "pan-1")
    now = ids(await kitchen.shelf("email_picks", "me"))
    kitchen.now += 20 * HOUR_MS
    await kitchen.settle()
    later = await kitchen.shelf("email_picks", "me")
    assert later["status"] == "ok"
    assert ids(later) == now
    assert any(one["because"] for one in later["items"])
    assert ids(await kitchen.shelf("home_for_you", "me")) != now


async def test_a_mail_has_no_popular_items_in_the_place_of_personal_ones(kitchen: Deployment) -> None:
    await kitchen.view("quiet", event="page_view")
    await kitchen.view("quiet", "pan-1", event="view_cart")
    for visitor, status in (("quiet", "insufficient_data"), ("never seen", "no_consent"), (None, "insufficient_data")):
        shelf = await kitchen.shelf("email_picks", visitor)
        assert (shelf["status"], shelf["items"]) == (status, []), visitor


# all of them


@pytest.mark.parametrize("name", sorted(placements()))
async def test_an_empty_shop_has_nothing_to_say(shop: Deployment, name: str) -> None:
    shelf = await shop.shelf(name, item_ids=["a"])
    assert (shelf["status"], shelf["items"]) == ("insufficient_data", [])


@pytest.mark.parametrize("name", sorted(placements()))
async def test_a_shop_of_one_item_does_not_show_it_on_its_own_page(shop: Deployment, name: str) -> None:
    await shop.stock(item("only", title="The only one", category="Things"))
    await shop.view("me", "only")
    shelf = await shop.shelf(name, "me", item_ids=["only"])
    assert (shelf["status"], shelf["items"]) == ("insufficient_data", [])


@pytest.mark.parametrize("name", sorted(placements()))
async def test_n_left_out_is_the_placements_own(kitchen: Deployment, name: str) -> None:
    await kitchen.stock(*[item(f"more-{n}", title=f"Iron pan {n}", category="Kitchen > Pans") for n in range(40)])
    await kitchen.view("me", "pan-1", *[f"more-{n}" for n in range(20)], settle=False)
    await kitchen.settle()
    assert len(ids(await kitchen.shelf(name, "me", item_ids=["pan-1"]))) == placements()[name].n
