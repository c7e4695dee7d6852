"""The search box and its results: by keyboard and by mouse, what they say, and what the shop is told."""

from __future__ import annotations

from collections.abc import Callable

import jsonschema_rs
import pytest
from playwright.sync_api import Page, expect

from tests.serving.conftest import validator
from tests.web.browsing import PAN, enter, search, settled
from tests.web.fake_search import found, suggested
from tests.web.fake_shop import FakeShop, few_items

__all__ = ["validator"]
Validator = Callable[[str], jsonschema_rs.Draft202012Validator]
TILES = "#results .tile"
OPTIONS = "#suggestions [role=option]"


@pytest.mark.parametrize("query", ["pan", "zzyzx", "kettel"])
def test_the_fake_search_answers_as_the_schema_says(query: str, validator: Validator) -> None:
    answer = found(few_items(), [], {"q": query, "n": "3"}, "a-decision")
    assert [error.message for error in validator("search_results").iter_errors(answer)] == []
    assert validator("suggestions").is_valid(suggested(few_items(), query))


def test_suggestions_are_chosen_with_the_keyboard(page: Page, shop: FakeShop) -> None:
    enter(page, shop, choice="decline")
    box = page.get_by_role("combobox", name="Search the shop")
    box.press_sequentially("te")
    options = page.locator(OPTIONS)
    expect(options.first).to_be_visible()
    expect(box).to_have_attribute("aria-expanded", "true")
    box.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    expect(box).to_have_attribute("aria-activedescendant", "suggestion-0")
    text = options.first.inner_text()
    box.press("Enter")
    expect(page.locator("#results-title")).to_contain_text(f"“{text}”")
    expect(page.locator(OPTIONS)).to_have_count(0)
    expect(box).to_have_attribute("aria-expanded", "false")
    expect(page.locator("#results-title")).to_be_focused()


def test_escape_closes_the_suggestions_and_keeps_the_words(page: Page, shop: FakeShop) -> None:
    enter(page, shop, choice="decline")
    box = page.get_by_role("combobox")
    box.press_sequentially("pa")
    expect(page.locator(OPTIONS).first).to_be_visible()
    box.press("Escape")
    expect(page.locator(OPTIONS)).to_have_count(0)
    expect(box).to_have_value("pa")
    expect(box).to_be_focused()


def test_what_is_typed_after_a_choice_is_searched_for_and_not_the_choice(page: Page, shop: FakeShop) -> None:
    enter(page, shop, choice="decline")
    box = page.get_by_role("combobox")
    box.press_sequentially("te")
    expect(page.locator(OPTIONS).first).to_be_visible()
    box.press("ArrowDown")
    box.fill("saucepan")
    box.press("Enter")
    expect(page.locator("#results-title")).to_contain_text("“saucepan”")


def test_a_suggestion_is_taken_by_a_click(page: Page, shop: FakeShop) -> None:
    enter(page, shop, choice="decline")
    page.get_by_role("combobox").press_sequentially("te")
    option = page.locator(OPTIONS).first
    text = option.inner_text()
    option.click()
    expect(page.locator("#results-title")).to_contain_text(f"“{text}”")


def test_words_are_marked_and_a_correction_is_said(page: Page, shop: FakeShop) -> None:
    enter(page, shop, choice="decline")
    search(page, "kettel")
    expect(page.locator(".results-says")).to_contain_text("Results for “teapot”.")
    assert {mark.lower() for mark in page.locator("#results mark").all_inner_texts()} == {"teapot"}


def test_what_only_fills_the_page_stands_under_its_own_words(page: Page, shop: FakeShop) -> None:
    enter(page, shop, choice="decline")
    search(page, "zzyzx")
    expect(page.locator("#results-title")).to_have_text("Nothing found for “zzyzx”")
    expect(page.locator(".results-says")).to_have_text("“zzyzx” is not sold here.")
    expect(page.locator(".results-step")).to_have_text("These are popular in the shop.")
    expect(page.locator(TILES)).to_have_count(2)


def test_a_facet_narrows_and_is_taken_back(page: Page, shop: FakeShop) -> None:
    enter(page, shop, choice="decline")
    search(page, "lamp")
    expect(page.locator(TILES)).to_have_count(4)
    chip = page.get_by_role("group", name="Brand").get_by_role("button").last
    chip.click()
    settled(page)
    expect(chip).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#results-title")).to_have_text("1 result for “lamp”")
    assert "brand" in shop.searches[-1]["filter"]
    chip.click()
    settled(page)
    expect(page.locator(TILES)).to_have_count(4)
    expect(chip).to_be_focused()
    assert "filter" not in shop.searches[-1]


def test_another_order_and_more_of_it(page: Page, shop: FakeShop) -> None:
    enter(page, shop, choice="decline")
    search(page, "e")
    expect(page.locator(TILES)).to_have_count(12)
    page.select_option("#sort", "price_asc")
    settled(page)
    assert shop.searches[-1]["sort"] == "price_asc"
    page.get_by_role("button", name="Show more").click()
    expect(page.locator(TILES)).to_have_count(24)
    shown = [tile.get_attribute("data-item") for tile in page.locator(TILES).all()]
    assert len(set(shown)) == 24


def test_a_search_and_its_click_are_told_with_their_decision(page: Page, shop: FakeShop) -> None:
    enter(page, shop, choice="accept")
    search(page, "pan")
    page.locator(f"{TILES} a").nth(1).click()
    settled(page)
    (told,), (picked,) = shop.named("search"), shop.named("select_item")
    viewed = shop.named("view_item")[-1]
    assert (told["search_term"], told["results"]) == ("pan", int(page.locator(TILES).count()))
    assert told["page"]["type"] == "search"
    assert {(one["decision_id"], one["placement"]) for one in (told, picked, viewed)} == {("s1", "search")}
    assert picked["items"][0]["index"] == 1
    assert shop.searches[0]["visitor_id"] == told["visitor_id"]


def test_results_that_were_seen_are_told_once(page: Page, shop: FakeShop) -> None:
    page.clock.install()
    enter(page, shop, choice="accept")
    search(page, "saucepan")
    page.clock.run_for(2_000)
    settled(page)
    expect.soft(page.locator(TILES).first).to_be_visible()
    seen = [event for event in shop.named("view_item_list") if event["placement"] == "search"]
    assert [event["decision_id"] for event in seen] == ["s1"]
    assert {line["index"] for event in seen for line in event["items"]} <= set(range(12))


def test_nothing_is_told_and_no_id_travels_before_somebody_has_agreed(page: Page, shop: FakeShop) -> None:
    enter(page, shop)
    search(page, "pan")
    assert shop.events == []
    assert "visitor_id" not in shop.searches[0]
    assert shop.searches[0]["personalize"] == "false"


def test_what_goes_into_the_cart_leaves_the_results_and_is_said_to_be_there(page: Page, shop: FakeShop) -> None:
    enter(page, shop, choice="accept")
    search(page, PAN)
    page.locator(f"{TILES} a").first.click()
    settled(page)
    page.click("#add")
    expect(page.locator(".results-says")).to_contain_text(f"{PAN} is in your cart already.")
    expect(page.locator("#results-title")).to_contain_text("Nothing found")
    assert len(shop.named("search")) == 1


def test_an_address_with_a_query_searches_and_back_leads_to_the_shop(page: Page, shop: FakeShop) -> None:
    enter(page, shop, choice="decline", path="/")
    search(page, "pan")
    assert page.url == f"{shop.url}/?q=pan"
    page.reload()
    expect(page.locator("#results-title")).to_contain_text("“pan”")
    expect(page.locator("#q")).to_have_value("pan")
    page.locator(f"{TILES} a").first.click()
    expect(page.locator("#item")).to_be_visible()
    page.click("#close-item")
    assert page.url == f"{shop.url}/?q=pan"
    expect(page.locator(f"{TILES} a").first).to_be_focused()
    page.click("#leave-results")
    expect(page.locator("#browse")).to_be_visible()
    expect(page.locator("#results")).to_be_hidden()
    page.go_back()
    expect(page.locator("#results-title")).to_contain_text("“pan”")


def test_a_search_without_an_answer_says_so(page: Page, shop: FakeShop, watch: object) -> None:
    watch.expected = ("503",)  # type: ignore[attr-defined]
    enter(page, shop, choice="decline")
    shop.search_away = True
    page.fill("#q", "pan")
    page.press("#q", "Enter")
    expect(page.locator(".results-warn")).to_contain_text("no answer just now")
    shop.search_away = False
    page.press("#q", "Enter")
    expect(page.locator("#results-title")).to_contain_text("“pan”")


def test_markup_in_a_title_is_text(page: Page, shop: FakeShop) -> None:
    evil = '<img src=x onerror="document.title=1">pan'
    shop.catalogue[0] |= {"title": evil}
    enter(page, shop, choice="decline")
    search(page, "onerror")
    assert evil in page.locator(TILES).first.inner_text()
    assert page.title() != "1"


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_page(page: Page, shop: FakeShop, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    enter(page, shop, choice="decline")
    search(page, "e")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
