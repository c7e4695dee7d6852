"""The page of the guide, in a real browser against the running system."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from tests.docs.reading import blocks
from tests.docs.shell import Shell, until
from tests.e2e.system import Running
from tests.web.fake_shop import listening

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def address(running: Running, reader: Shell) -> Iterator[str]:
    """The page on an origin of its own, as a shop would serve it; the catalogue knows its item."""
    reader.follow(blocks("http", "run")[0])
    html = blocks("page", "page")[0].text
    for placeholder, value in (
        ("http://localhost:8080", running.info["api"]),
        ("pk_…", running.info["publishable_key"]),
    ):
        assert html.count(placeholder) == 1
        html = html.replace(placeholder, value)
    with listening(Starlette(routes=[Route("/", lambda _: HTMLResponse(html))])) as url:
        yield url


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert [text for text in complaints if "favicon" not in text and "404" not in text] == []


def told(running: Running, visitor: str) -> list[dict[str, Any]]:
    """The visitor's events, as the export has them."""
    status, export = running.call("GET", f"/v1/visitors/{visitor}/export", key="secret_key")
    assert status == 200, export
    return [record["value"] for record in export["records"]["events"]]


def stored(page: Page, name: str) -> Any:
    return page.evaluate("(name) => localStorage.getItem(name)", name)


def test_before_a_choice_nothing_is_told_and_no_id_is_kept(page: Page, address: str) -> None:
    posted: list[str] = []
    page.on("request", lambda request: posted.append(request.url) if "/v1/events" in request.url else None)
    page.goto(address)
    expect(page.locator("#shelf li").first).to_be_visible()
    page.wait_for_timeout(1_300)
    assert (posted, stored(page, "visitor")) == ([], None)
    page.click("text=No")
    expect(page.locator("#ask")).to_be_hidden()
    page.locator("#shelf a").first.click()
    assert (posted, stored(page, "visitor")) == ([], None)


def test_from_a_yes_to_an_order_of_attributed_events(page: Page, address: str, running: Running) -> None:
    page.goto(address)
    page.click("text=Yes")
    expect(page.locator("#mind")).to_be_visible()
    visitor = until(lambda: stored(page, "visitor"))
    assert len(bytes.fromhex(visitor)) == 16
    expect(page.locator("#shelf li").first).to_be_visible()
    page.wait_for_timeout(1_500)  # somebody looks at it
    seen = until(lambda: [event for event in told(running, visitor) if event["event"] == "view_item_list"])
    assert all(event["placement"] == "pdp_also_bought" and event["decision_id"] for event in seen)
    page.locator("#shelf a").first.click()
    clicked = until(lambda: [event for event in told(running, visitor) if event["event"] == "select_item"])
    assert clicked[0]["items"][0]["index"] == 0
    assert clicked[0]["decision_id"] in {event["decision_id"] for event in seen}
    names = [event["event"] for event in told(running, visitor)]
    assert names[0] == "view_item"


def test_a_later_no_is_told_and_the_id_is_forgotten(page: Page, address: str, running: Running) -> None:
    page.goto(address)
    page.click("text=Yes")
    visitor = until(lambda: stored(page, "visitor"))
    page.click("text=Forget me")
    expect(page.locator("#mind")).to_be_hidden()
    assert (stored(page, "visitor"), stored(page, "agreed")) == (None, "no")
    assert running.shelf("home_for_you", visitor)["status"] == "no_consent"
    page.reload()
    expect(page.locator("#shelf li").first).to_be_visible()
    expect(page.locator("#ask")).to_be_hidden()
    assert stored(page, "visitor") is None


def test_it_is_short() -> None:
    assert len(blocks("page", "page")[0].text.splitlines()) <= 80
