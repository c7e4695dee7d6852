"""The page while the API is away, empty, or has less to say than usual."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.web.browsing import LAMP, PAN, TENT, enter, home, open_item, settled
from tests.web.conftest import Watch
from tests.web.fake_shop import FakeShop


def test_clicks_that_could_not_be_sent_go_later_in_order_and_once(page: Page, shop: FakeShop, watch: Watch) -> None:
    watch.expected = ("503",)
    enter(page, shop, choice="accept")
    settled(page)
    shop.events_away = True
    open_item(page, "pan-1", PAN)
    expect(home(page).locator(".marks dt")).to_have_text(["answered", "on screen"])
    open_item(page, "lamp-1", LAMP)
    shop.events_away = False
    open_item(page, "tent-1", TENT)
    expect(home(page).locator(".why").first).to_contain_text(TENT)
    viewed = [event["items"][0]["item_id"] for event in shop.named("view_item")]
    assert viewed == ["pan-1", "lamp-1", "tent-1"]


def test_a_shelf_that_is_away_keeps_what_it_showed_and_comes_back(page: Page, shop: FakeShop, watch: Watch) -> None:
    watch.expected = ("503",)
    enter(page, shop, choice="accept")
    shop.shelves_away = True
    open_item(page, "pan-1", PAN)
    expect(home(page).locator(".shelf-state")).to_contain_text("no answer just now")
    expect(home(page).locator(".pick")).to_have_count(8)
    shop.shelves_away = False
    expect(home(page).locator(".shelf-state")).to_contain_text("Live")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("fallback", "Popular with everyone"),
        ("insufficient_data", "Not enough to go on yet"),
        ("control", "comparison group"),
        ("degraded", "away or slow"),
        ("something_new", "something_new"),
    ],
)
def test_each_status_has_its_words(page: Page, shop: FakeShop, status: str, words: str) -> None:
    shop.status = status
    enter(page, shop)
    expect(home(page).locator(".shelf-state")).to_contain_text(words)


def test_a_degraded_shelf_is_asked_for_again_by_itself(page: Page, shop: FakeShop) -> None:
    shop.status = "degraded"
    enter(page, shop)
    expect(home(page).locator(".shelf-state")).to_contain_text("away or slow")
    shop.status = None
    expect(home(page).locator(".shelf-state")).not_to_contain_text("away or slow")


def test_a_click_that_is_not_in_yet_is_owned_up_to(page: Page, shop: FakeShop) -> None:
    enter(page, shop, choice="accept")
    shop.met = False
    open_item(page, "pan-1", PAN)
    expect(home(page).locator(".shelf-fresh")).to_contain_text("Your last click is not in yet")


def test_an_empty_shop_says_what_to_do_and_looks_again(page: Page, shop: FakeShop) -> None:
    full, shop.catalogue = shop.catalogue, []
    page.goto(shop.url)
    expect(page.locator("#notice")).to_contain_text("liveshelf up --demo")
    expect(page.locator("#notice")).to_contain_text("/v1/catalog/items")
    shop.catalogue = full
    page.get_by_role("button", name="Look again").click()
    expect(home(page).locator(".pick")).to_have_count(8)
    expect(page.locator("#notice")).to_be_hidden()


def test_a_shop_that_cannot_be_reached_says_so_and_tries_again(page: Page, shop: FakeShop, watch: Watch) -> None:
    watch.expected = ("ERR_FAILED",)
    page.route("**/demo/items.json", lambda route: route.abort())
    page.goto(shop.url)
    expect(page.locator("#notice")).to_contain_text("can't be reached")
    page.unroute("**/demo/items.json")
    page.get_by_role("button", name="Try again").click()
    expect(home(page).locator(".pick")).to_have_count(8)
