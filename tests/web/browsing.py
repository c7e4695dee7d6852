"""What a test does on the first page: enter, choose, open, look."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Locator, Page, expect

from serving.demo.catalogue import by_id
from tests.web.fake_shop import FakeShop

ALL = {"analytics": True, "personalization": True, "marketing": True}
NONE = {"analytics": False, "personalization": False, "marketing": False}
PAN, LAMP, TENT = (by_id()[item_id].title for item_id in ("pan-1", "lamp-1", "tent-1"))


def enter(page: Page, shop: FakeShop, *, choice: str | None = None, path: str = "/") -> None:
    page.goto(shop.url + path)
    expect(home(page).locator(".pick")).to_have_count(8)
    if choice:
        page.click(f"#{choice}")
        expect(page.locator("#change")).to_be_visible()


def home(page: Page) -> Locator:
    return page.locator("#home-shelf")


def also(page: Page) -> Locator:
    return page.locator("#item-shelf")


def tile(page: Page, item_id: str) -> Locator:
    return page.locator(f'.tile[data-item="{item_id}"] a')


def stored(page: Page) -> dict[str, Any]:
    kept: dict[str, str] = page.evaluate("() => ({...localStorage})")
    return {name.removeprefix("liveshelf."): json.loads(value) for name, value in kept.items()}


def settled(page: Page) -> None:
    """Until no shelf waits for its answer any more."""
    expect(page.locator("[aria-busy]")).to_have_count(0)


def open_item(page: Page, item_id: str, title: str) -> None:
    tile(page, item_id).click()
    expect(page.locator("#item-title")).to_have_text(title)
    settled(page)


def search(page: Page, query: str) -> None:
    page.fill("#q", query)
    page.press("#q", "Enter")
    expect(page.locator("#results-title")).to_contain_text(query)
    settled(page)
