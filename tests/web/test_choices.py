"""What the page sends and keeps before, with and after each choice."""

from __future__ import annotations

import re

from playwright.sync_api import BrowserContext, Page, expect

from tests.web.browsing import ALL, LAMP, NONE, PAN, also, enter, home, open_item, settled, stored
from tests.web.conftest import Watch
from tests.web.fake_shop import FakeShop

LOOKS = """(element) => {
  const { backgroundColor, color, borderColor, fontSize, fontWeight } = getComputedStyle(element);
  return [backgroundColor, color, borderColor, fontSize, fontWeight];
}"""


def test_the_choice_comes_first_and_both_answers_look_alike(page: Page, shop: FakeShop) -> None:
    enter(page, shop)
    accept, decline = page.locator("#accept"), page.locator("#decline")
    assert accept.evaluate(LOOKS) == decline.evaluate(LOOKS)
    first, second = accept.bounding_box(), decline.bounding_box()
    assert first
    assert second
    assert first["height"] == second["height"]
    assert first["y"] == second["y"]
    assert page.locator("#choices").evaluate("e => getComputedStyle(e).position") == "static"
    assert page.locator("#choices input:checked").count() == 0


def test_before_a_choice_nothing_is_stored_and_nothing_is_sent(page: Page, shop: FakeShop) -> None:
    enter(page, shop)
    open_item(page, "lamp-1", LAMP)
    page.click("#add")
    settled(page)
    assert shop.posts == 0
    assert stored(page) == {"cart": ["lamp-1"]}
    assert {wanted["profiling"] for _, wanted in shop.asked} == {"off"}


def test_who_declines_gets_shelves_by_the_page_alone(page: Page, shop: FakeShop) -> None:
    enter(page, shop, choice="decline")
    expect(page.locator("#choices")).to_contain_text("You allow nothing")
    open_item(page, "lamp-1", LAMP)
    expect(home(page).locator(".shelf-state")).to_contain_text("Not personal")
    expect(home(page).locator(".shelf-title")).to_have_text("Popular right now")
    expect(home(page).locator(".shelf-fresh")).to_be_empty()
    expect(home(page).locator(".why").first).to_have_text("popular right now")
    expect(also(page).locator(".pick")).to_have_count(6)
    assert shop.posts == 0
    assert stored(page) == {"consent": NONE}


def test_who_declines_is_another_visitor_after_each_load(page: Page, shop: FakeShop) -> None:
    enter(page, shop, choice="decline")
    enter(page, shop)
    assert len({wanted["visitor_id"] for _, wanted in shop.asked}) == 2


def test_accepting_is_told_first_and_keeps_an_id_of_128_random_bits(page: Page, shop: FakeShop) -> None:
    enter(page, shop, choice="accept")
    settled(page)
    assert [event["event"] for event in shop.events] == ["consent_update"]
    assert shop.events[0]["consent"] == ALL
    assert re.fullmatch("[0-9a-f]{32}", stored(page)["visitor"])
    assert stored(page)["visitor"] == shop.events[0]["visitor_id"]


def test_a_withdrawal_is_told_and_the_page_forgets(page: Page, shop: FakeShop) -> None:
    enter(page, shop, choice="accept")
    open_item(page, "pan-1", PAN)
    visitor = stored(page)["visitor"]
    page.click("#withdraw")
    expect(home(page).locator(".shelf-state")).to_contain_text("Not personal")
    told = shop.events[-1]
    assert (told["event"], told["visitor_id"], told["consent"]) == ("consent_update", visitor, NONE)
    open_item(page, "lamp-1", LAMP)
    assert shop.events[-1] == told
    assert stored(page) == {"consent": NONE}
    assert shop.asked[-1][1]["visitor_id"] != visitor
    assert "min_fresh" not in shop.asked[-1][1]


def test_a_withdrawal_that_could_not_be_told_is_told_after_a_load(page: Page, shop: FakeShop, watch: Watch) -> None:
    watch.expected = ("503",)
    enter(page, shop, choice="accept")
    settled(page)
    visitor = stored(page)["visitor"]
    shop.events_away = True
    page.click("#withdraw")
    settled(page)
    assert "visitor" not in stored(page)
    [waiting] = stored(page)["withdrawals"]
    assert waiting["visitor_id"] == visitor
    page.goto("about:blank")
    shop.events_away = False
    enter(page, shop)
    page.wait_for_function("() => !localStorage.getItem('liveshelf.withdrawals')")
    assert shop.events[-1]["event_id"] == waiting["event_id"]
    assert shop.events[-1]["consent"] == NONE


def test_counting_alone_is_told_but_shelves_stay_impersonal(page: Page, shop: FakeShop) -> None:
    enter(page, shop)
    page.check("#allow-analytics")
    page.click("#accept-chosen")
    expect(page.locator("#choices")).to_contain_text("You allow analytics.")
    open_item(page, "pan-1", PAN)
    assert shop.named("view_item")[-1]["consent"] == {**NONE, "analytics": True}
    assert shop.asked[-1][1]["profiling"] == "off"
    expect(home(page).locator(".shelf-state")).to_contain_text("Not personal")


def test_a_choice_can_be_changed_from_anywhere(page: Page, shop: FakeShop) -> None:
    enter(page, shop, choice="decline")
    page.locator("#more").scroll_into_view_if_needed()
    page.click("#to-choices")
    expect(page.locator("#accept")).to_be_in_viewport()
    page.click("#accept")
    expect(page.locator("#withdraw")).to_be_visible()
    settled(page)
    assert shop.events[-1]["consent"] == ALL


def test_a_choice_in_one_tab_counts_in_the_other(page: Page, shop: FakeShop, context: BrowserContext) -> None:
    enter(page, shop, choice="accept")
    settled(page)
    other = context.new_page()
    enter(other, shop)
    other.click("#withdraw")
    expect(page.locator("#choices")).to_contain_text("You allow nothing")
