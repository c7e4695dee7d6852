"""The privacy page: what is known in plain words, and every right with a button."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.web.browsing import ALL, NONE, PAN, enter, settled, stored
from tests.web.conftest import Watch
from tests.web.fake_shop import FakeShop


@pytest.fixture
def known(page: Page, shop: FakeShop) -> Page:
    """A visitor who allowed everything and came to the page from the shop."""
    enter(page, shop, choice="accept")
    settled(page)
    page.click("#to-privacy")
    expect(page.locator(".facts")).to_be_visible()
    return page


def test_who_allowed_nothing_is_told_that_nothing_is_known(page: Page, shop: FakeShop) -> None:
    page.goto(shop.url + "/privacy")
    expect(page.locator("#known")).to_contain_text("Nothing.")
    expect(page.locator("#choices")).to_contain_text("You have not said anything yet.")
    page.click("#download")
    expect(page.locator("#rights")).to_contain_text("this browser keeps no id")
    assert stored(page) == {}
    assert shop.rights == []


def test_what_is_known_is_told_in_words(known: Page) -> None:
    facts = known.locator(".facts")
    expect(facts).to_contain_text(PAN)
    expect(facts).to_contain_text("The items you looked at last.")
    expect(facts).to_contain_text("Kitchen > Pans")
    expect(facts).to_contain_text("Raw records")
    expect(known.locator("#choices")).to_contain_text("Allowed since")


def test_a_switch_changes_one_purpose_and_tells_it(known: Page, shop: FakeShop) -> None:
    box = known.get_by_role("switch", name="Marketing")
    expect(box).to_be_checked()
    box.focus()
    known.keyboard.press("Space")
    expect(known.locator("#said")).to_have_text("Marketing is off now.")
    expect(known.get_by_role("switch", name="Marketing")).not_to_be_checked()
    assert known.evaluate("document.activeElement.id") == "allow-marketing"
    assert stored(known)["consent"] == {**ALL, "marketing": False}
    assert ("PUT", "consent", {"marketing": False}) in shop.rights


def test_withdrawn_altogether_the_browser_forgets_its_id_and_the_page_can_still_erase(
    known: Page, shop: FakeShop
) -> None:
    visitor = stored(known)["visitor"]
    for purpose in ("Analytics", "Personalization", "Marketing"):
        known.get_by_role("switch", name=purpose).click()
        expect(known.locator("#said")).to_have_text(f"{purpose} is off now.")
    assert "visitor" not in stored(known)
    known.click("#erase")
    known.click("#erase-yes")
    expect(known.locator("#receipt")).to_be_visible()
    assert shop.named_visitors == {visitor}


def test_a_choice_that_is_not_taken_is_taken_back_on_the_page(known: Page, shop: FakeShop, watch: Watch) -> None:
    watch.expected = ("503",)
    shop.rights_away = True
    known.get_by_role("switch", name="Analytics").click()
    expect(known.locator("#notice")).to_contain_text("Nothing was changed")
    expect(known.get_by_role("switch", name="Analytics")).to_be_checked()
    assert stored(known)["consent"] == ALL


def test_an_objection_is_kept_in_the_browser_and_sent_along(known: Page, shop: FakeShop) -> None:
    known.get_by_role("switch", name="No profiling").click()
    expect(known.locator("#said")).to_have_text("Shelves use nothing of you now.")
    enter(known, shop)
    assert shop.asked[-1][1]["profiling"] == "off"
    known.goto(shop.url + "/privacy")
    known.get_by_role("switch", name="No profiling").click()
    enter(known, shop)
    settled(known)
    assert shop.asked[-1][1]["profiling"] == "on"


def test_the_download_is_the_export_as_it_came(known: Page) -> None:
    with known.expect_download() as download:
        known.click("#download")
    assert download.value.suggested_filename == "liveshelf-export.json"
    assert json.loads(Path(download.value.path()).read_text())["incomplete"] is None


def test_started_anew(known: Page, shop: FakeShop) -> None:
    known.click("#reset")
    expect(known.locator("#rights")).to_contain_text("Forgotten. You start anew.")
    assert ("POST", "reset", None) in shop.rights


def test_erased_after_a_second_thought_with_the_receipt(known: Page, shop: FakeShop) -> None:
    known.click("#erase")
    assert known.evaluate("document.activeElement.id") == "erase-yes"
    known.get_by_role("button", name="Keep it").click()
    assert known.evaluate("document.activeElement.id") == "erase"
    assert not [one for one in shop.rights if one[0] == "DELETE"]
    known.click("#erase")
    known.click("#erase-yes")
    expect(known.locator("#erasing")).to_be_visible()
    receipt = known.locator("#receipt")
    expect(receipt).to_contain_text("signed-receipt")
    expect(receipt).to_contain_text("Raw records of the log end on Dec 24, 2026")
    assert known.evaluate("document.activeElement.id") == "receipt"
    kept = stored(known)
    assert ("visitor" in kept, kept["consent"]) == (False, NONE)
    expect(known.locator("#known")).to_contain_text("Nothing any more.")


def test_without_a_token_the_page_says_who_gives_it(page: Page, shop: FakeShop, watch: Watch) -> None:
    shop.gives_tokens = False
    watch.expected = ("404",)
    enter(page, shop, choice="accept")
    page.click("#to-privacy")
    expect(page.locator("#known")).to_contain_text("cannot be read now")
    expect(page.locator("#how")).to_be_visible()


def test_how_it_works_is_the_shops_notice(page: Page, shop: FakeShop) -> None:
    page.goto(shop.url + "/privacy")
    for summary in page.locator("#how summary").all():
        summary.click()
    how = page.locator("#how")
    expect(how).to_contain_text("Nobody else: the system sends nothing of you to third parties")
    expect(how).to_contain_text("Shoppers who looked at this went on to that.")
    expect(how).to_contain_text("After 30 days.")


def test_a_shop_that_is_away_is_asked_again(page: Page, shop: FakeShop, watch: Watch) -> None:
    watch.expected = ("503",)
    shop.rights_away = True
    page.goto(shop.url + "/privacy")
    expect(page.locator("#notice")).to_contain_text("can't be reached")
    shop.rights_away = False
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#how")).to_be_visible()


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_is_wider_than_the_page(known: Page, width: int) -> None:
    known.set_viewport_size({"width": width, "height": 800})
    for summary in known.locator("summary").all():
        summary.click()
    assert known.evaluate("document.documentElement.scrollWidth") <= width


def test_everything_has_a_name_and_can_be_reached_by_keyboard(known: Page) -> None:
    for box in known.get_by_role("switch").all():
        assert known.evaluate("id => document.querySelector(`label[for=${id}]`).textContent", box.get_attribute("id"))
    reached = set()
    for _ in range(40):
        known.keyboard.press("Tab")
        reached.add(known.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert {"allow-analytics", "object", "download", "reset", "erase", "SUMMARY"} <= reached
    assert known.locator("h1").count() == 1
