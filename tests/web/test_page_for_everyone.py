"""The page by keyboard, on small screens, in the dark, without motion, and with hostile text."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.web.browsing import LAMP, PAN, TENT, enter, home, open_item, settled, tile
from tests.web.fake_shop import FakeShop


def test_back_and_forward_and_an_address_open_what_they_say(page: Page, shop: FakeShop) -> None:
    enter(page, shop, choice="accept", path="/?item=pan-1")
    expect(page.locator("#item-title")).to_have_text(PAN)
    open_item(page, "lamp-1", LAMP)
    page.go_back()
    expect(page.locator("#item-title")).to_have_text(PAN)
    page.click("#close-item")
    expect(page.locator("#item")).to_be_hidden()
    page.go_back()
    expect(page.locator("#item-title")).to_have_text(PAN)


def test_it_works_with_the_keyboard_alone(page: Page, shop: FakeShop) -> None:
    enter(page, shop)
    page.locator("#decline").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#withdraw")).to_be_visible()
    assert page.evaluate("document.activeElement.id") == "choices"
    tile(page, "pan-1").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#item-title")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#add")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#to-cart")).to_have_text("Cart 1")
    page.locator("#close-item").focus()
    page.keyboard.press("Enter")
    expect(tile(page, "pan-1")).to_be_focused()


def test_a_category_shows_its_items_and_more_shows_more(page: Page, shop: FakeShop) -> None:
    enter(page, shop)
    expect(page.locator(".tile")).to_have_count(24)
    page.click("#more")
    expect(page.locator(".tile")).to_have_count(48)
    page.get_by_role("button", name="Books").click()
    expect(page.locator(".tile")).to_have_count(12)
    expect(page.locator("#more")).to_be_hidden()


def test_what_is_sold_out_says_so_and_cannot_be_carted(page: Page, shop: FakeShop) -> None:
    enter(page, shop, path="/?item=tent-4")
    expect(page.locator("#item")).to_contain_text("Sold out")
    expect(page.locator("#add")).to_have_count(0)


def test_text_from_the_catalogue_stays_text(page: Page, shop: FakeShop) -> None:
    shop.catalogue[0] |= {
        "title": "<img src=x onerror=alert(1)><b>Pan</b>",
        "description": "<script>alert(2)</script>",
        "image_url": "javascript:alert(3)",
    }
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    enter(page, shop, choice="accept", path="/?item=pan-1")
    expect(page.locator("#item-title")).to_have_text(shop.catalogue[0]["title"])
    expect(page.locator("#item-card .description")).to_have_text("<script>alert(2)</script>")
    expect(page.locator("#item-card .picture-none")).to_have_text("<")
    assert page.locator("#item-card img").count() == 0
    expect(home(page).locator(".why b").first).to_have_text(shop.catalogue[0]["title"])


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/%3E",
        "//[",
        "",
    ],
)
def test_a_picture_comes_from_a_web_address_or_is_a_letter(page: Page, shop: FakeShop, address: str) -> None:
    shop.catalogue[0]["image_url"] = address
    enter(page, shop)
    expect(page.locator('.tile[data-item="pan-1"] .picture-none')).to_have_text(PAN[0])


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_sticks_out_sideways(page: Page, shop: FakeShop, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    enter(page, shop, choice="accept")
    open_item(page, "pan-1", PAN)
    page.click("#add")
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


CONTRAST = """(selectors) => {
  const numbers = (colour) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
    const draw = canvas.getContext("2d");
    draw.fillStyle = colour;
    draw.fillRect(0, 0, 1, 1);
    return [...draw.getImageData(0, 0, 1, 1).data];
  };
  const light = (colour) => {
    const linear = (part) => (part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4);
    const [r, g, b] = numbers(colour).slice(0, 3).map((part) => linear(part / 255));
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (numbers(colour)[3] > 250) return colour;
    }
    return "white";
  };
  const ratio = (element) => {
    const [high, low] = [light(getComputedStyle(element).color), light(ground(element))].sort((a, b) => b - a);
    return (high + .05) / (low + .05);
  };
  const shown = (selector) => [...document.querySelectorAll(selector)].filter((element) => element.offsetParent);
  return selectors.flatMap((selector) => shown(selector).map((element) => [selector, ratio(element)]));
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_can_be_read_in_light_and_dark(page: Page, shop: FakeShop, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    enter(page, shop, choice="accept")
    open_item(page, "pan-1", PAN)
    page.click("#add")
    settled(page)
    page.click("#change")
    words = [
        "p", "h1", "h2", "h3", "button", "summary", "small", ".why", ".why b", ".ago", ".pick-title", ".pick-price",
        ".tile-title", ".tile-price", ".shelf-fresh", ".shelf-state", ".marks dt", ".marks dd", "label b", "label span",
        ".crumbs",
    ]  # fmt: skip
    ratios = page.evaluate(CONTRAST, words)
    assert {selector for selector, _ in ratios} == set(words)
    assert [pair for pair in ratios if pair[1] < 4.5] == []


def test_whoever_wants_no_motion_gets_none(page: Page, shop: FakeShop) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.add_init_script(
        "window.moved = 0; const was = Element.prototype.animate;"
        "Element.prototype.animate = function (...a) { window.moved += 1; return was.apply(this, a) }"
    )
    enter(page, shop, choice="accept")
    open_item(page, "pan-1", PAN)
    assert page.evaluate("window.moved") == 0
    page.emulate_media(reduced_motion="no-preference")
    open_item(page, "tent-1", TENT)
    assert page.evaluate("window.moved") > 0
