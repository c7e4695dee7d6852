"""Each click goes around the loop: event, token, a shelf that knows it and says why."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from serving.demo.catalogue import by_id, euros
from tests.web.browsing import ALL, LAMP, PAN, TENT, also, enter, home, open_item, settled, stored
from tests.web.fake_shop import FakeShop


def impressions(shop: FakeShop, placement: str) -> list[dict[str, Any]]:
    return [event for event in shop.named("view_item_list") if event["placement"] == placement]


def look_until(page: Page, told: Callable[[], object]) -> None:
    """Let the page's clock go on while somebody looks at it."""
    for _ in range(200):
        if told():
            return
        page.clock.run_for(100)
    pytest.fail("nothing was told of what was seen")


def test_a_click_changes_the_shelf_and_the_shelf_says_why(page: Page, shop: FakeShop) -> None:
    enter(page, shop, choice="accept")
    settled(page)
    before = home(page).locator(".pick-link").all_inner_texts()
    open_item(page, "tent-1", TENT)
    expect(home(page).locator(".shelf-title")).to_have_text("For you, right now")
    expect(home(page).locator(".shelf-state")).to_contain_text("Live")
    expect(home(page).locator(".shelf-fresh")).to_have_text(re.compile(r"Knows your click of \d+ (ms|s) ago\."))
    expect(home(page).locator(".why").first).to_have_text(re.compile(rf"because you viewed {TENT} \d+ (ms|s) ago"))
    expect(home(page).locator(".marks dt")).to_have_text(["stored", "answered", "on screen"])
    assert home(page).locator(".pick-link").all_inner_texts() != before
    viewed = shop.named("view_item")[-1]
    assert viewed["items"][0]["item_id"] == "tent-1"
    assert viewed["consent"] == ALL
    assert viewed["page"]["type"] == "product"
    asked = [wanted for placement, wanted in shop.asked if placement == "home_for_you"][-1]
    assert asked["min_fresh"] == f"token-{len(shop.events)}"
    assert asked["profiling"] == "on"
    assert asked["visitor_id"] == viewed["visitor_id"]


def test_times_on_the_page_go_on(page: Page, shop: FakeShop) -> None:
    page.clock.install()
    enter(page, shop, choice="accept")
    open_item(page, "tent-1", TENT)
    page.clock.fast_forward(5_000)
    expect(home(page).locator(".why").first).to_contain_text(re.compile("[5-9] s ago"))
    page.clock.fast_forward(120_000)
    expect(home(page).locator(".shelf-fresh")).to_contain_text("2 min ago")


def test_an_open_item_asks_for_what_goes_with_it(page: Page, shop: FakeShop) -> None:
    enter(page, shop, choice="accept")
    open_item(page, "pan-1", PAN)
    wanted = [wanted for placement, wanted in shop.asked if placement == "pdp_also_bought"][-1]
    assert wanted["item_ids"] == ["pan-1"]
    assert wanted["exclude"] == ["pan-1"]
    assert "pan-1" not in page.locator(".pick").evaluate_all("cards => cards.map(card => card.dataset.item)")


def test_a_click_on_a_shelf_is_credited_to_its_decision(page: Page, shop: FakeShop) -> None:
    enter(page, shop, choice="accept")
    open_item(page, "pan-1", PAN)
    second = also(page).locator(".pick").nth(1)
    item_id = second.get_attribute("data-item")
    second.locator("a").click()
    expect(page.locator("#item-title")).not_to_have_text(PAN)
    settled(page)
    page.click("#add")
    settled(page)
    picked, viewed, carted = shop.named("select_item")[-1], shop.named("view_item")[-1], shop.named("add_to_cart")[-1]
    assert picked["items"] == [{"item_id": item_id, "quantity": 1, "price": picked["items"][0]["price"], "index": 1}]
    credit = {(event["decision_id"], event["placement"]) for event in (picked, viewed, carted)}
    assert len(credit) == 1
    assert credit.pop()[1] == "pdp_also_bought"
    assert shop.events.index(picked) < shop.events.index(viewed)


def test_what_was_seen_is_told_once_for_a_decision(page: Page, shop: FakeShop) -> None:
    page.clock.install()
    enter(page, shop, choice="accept")
    open_item(page, "pan-1", PAN)
    shown = home(page).locator(".pick").evaluate_all("cards => cards.map(card => card.dataset.item)")
    look_until(page, lambda: impressions(shop, "home_for_you") and impressions(shop, "pdp_also_bought"))
    told = impressions(shop, "home_for_you")
    newest = [event for event in told if event["decision_id"] == told[-1]["decision_id"]]
    seen = [(item["item_id"], item["index"]) for event in newest for item in event["items"]]
    assert len(seen) == len(set(seen))
    assert 2 <= len(seen) <= 8
    assert all(shown[index] == item_id for item_id, index in seen)


def test_what_is_seen_again_is_not_told_again(page: Page, shop: FakeShop) -> None:
    page.clock.install()
    page.set_viewport_size({"width": 390, "height": 700})
    enter(page, shop, choice="accept")
    open_item(page, "pan-1", PAN)
    card = home(page).locator(".pick").first
    for _ in range(2):
        card.scroll_into_view_if_needed()
        expect(card).to_be_in_viewport(ratio=0.9)
        look_until(page, lambda: impressions(shop, "home_for_you"))
        page.clock.run_for(3_000)
        page.locator("#more").scroll_into_view_if_needed()
        expect(card).not_to_be_in_viewport()
    page.clock.run_for(3_000)
    told = [
        (event["decision_id"], item["item_id"]) for event in shop.named("view_item_list") for item in event["items"]
    ]
    assert len(told) == len(set(told))


def test_what_was_never_on_screen_was_never_seen(page: Page, shop: FakeShop) -> None:
    page.clock.install()
    page.set_viewport_size({"width": 1280, "height": 420})
    enter(page, shop, choice="accept")
    page.evaluate("scrollTo(0, 0)")
    open_item(page, "pan-1", PAN)
    below = home(page).locator(".pick").nth(7)
    expect(below).not_to_be_in_viewport()
    look_until(page, lambda: bool(impressions(shop, "home_for_you")))
    indices = {item["index"] for event in impressions(shop, "home_for_you") for item in event["items"]}
    assert 7 not in indices


def test_not_interested_takes_an_item_off_the_shelf(page: Page, shop: FakeShop) -> None:
    enter(page, shop, choice="accept")
    open_item(page, "pan-1", PAN)
    first = home(page).locator(".pick").first
    item_id = first.get_attribute("data-item")
    first.locator(".no").click()
    expect(home(page).locator(f'[data-item="{item_id}"]')).to_have_count(0)
    dismissed = shop.named("dismiss")[-1]
    assert dismissed["items"][0]["item_id"] == item_id
    assert dismissed["decision_id"]
    assert page.evaluate("document.activeElement.className") == "no"


def test_not_interested_works_without_consent_and_stays_in_the_page(page: Page, shop: FakeShop) -> None:
    enter(page, shop, choice="decline")
    first = home(page).locator(".pick").first
    item_id = first.get_attribute("data-item")
    first.locator(".no").click()
    expect(home(page).locator(f'[data-item="{item_id}"]')).to_have_count(0)
    assert shop.posts == 0


def test_the_cart_is_told_and_bought(page: Page, shop: FakeShop) -> None:
    enter(page, shop, choice="accept")
    open_item(page, "pan-1", PAN)
    page.click("#add")
    expect(page.locator("#to-cart")).to_have_text("Cart 1")
    expect(page.locator("#cart")).to_contain_text(PAN)
    open_item(page, "lamp-1", LAMP)
    page.click("#add")
    page.get_by_role("button", name=f"Remove {PAN} from the cart").click()
    expect(page.locator("#cart li")).to_have_count(1)
    page.click("#buy")
    expect(page.locator("#cart")).to_be_hidden()
    settled(page)
    assert [event["items"][0]["item_id"] for event in shop.named("add_to_cart")] == ["pan-1", "lamp-1"]
    assert shop.named("remove_from_cart")[0]["items"][0]["item_id"] == "pan-1"
    [order] = shop.named("purchase")
    assert (order["value"], order["currency"]) == (euros(by_id()["lamp-1"].pays), "EUR")
    assert order["transaction_id"]
    assert "cart" not in stored(page)


def test_a_cart_outlives_a_load(page: Page, shop: FakeShop) -> None:
    enter(page, shop, choice="accept")
    open_item(page, "pan-1", PAN)
    page.click("#add")
    settled(page)
    enter(page, shop)
    expect(page.locator("#to-cart")).to_have_text("Cart 1")


def test_the_newest_click_wins(page: Page, shop: FakeShop) -> None:
    enter(page, shop, choice="accept")
    settled(page)
    ids = ["pan-1", "lamp-1", "tent-1"]
    page.evaluate('ids => ids.forEach(id => document.querySelector(`.tile[data-item="${id}"] a`).click())', ids)
    expect(page.locator("#item-title")).to_have_text(TENT)
    expect(home(page).locator(".why").first).to_contain_text(TENT)
    assert [event["items"][0]["item_id"] for event in shop.named("view_item")] == ids
