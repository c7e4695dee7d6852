"""The pages of the documentation in a real browser: under the policy, from this machine alone, at every width."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from serving.docs.guides import NAMES, PATH
from tests.e2e.system import Running
from tests.web.conftest import WATCH_POLICY, Watch

pytestmark = pytest.mark.timeout(300)
WIDTHS = (1280, 390)


@pytest.fixture
def watch(running: Running) -> Watch:
    return Watch(running.info["api"])


@pytest.fixture
def context(browser: Browser, watch: Watch) -> Iterator[BrowserContext]:
    """Whatever a page complains about or asks of another host fails the test."""
    context = browser.new_context()
    context.set_default_timeout(15_000)
    context.on("request", watch.asked)
    yield context
    context.close()
    assert watch.complaints == []
    assert watch.outside == []


@pytest.fixture
def page(context: BrowserContext, watch: Watch) -> Page:
    page = context.new_page()
    page.add_init_script(WATCH_POLICY)
    page.on("console", watch.heard)
    page.on("pageerror", lambda error: watch.complaints.append(str(error)))
    return page


def test_the_reference_has_every_route_and_can_be_tried_out(page: Page, running: Running) -> None:
    page.goto(f"{running.info['api']}/docs")
    expect(page.locator(".opblock")).to_have_count(_routes(running))
    authorize(page, running.info["secret_key"])
    lag = page.locator("#operations-operations-get_lag")
    lag.locator(".opblock-summary-control").click()
    try_out(lag)
    expect(lag.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
    expect(lag.locator(".live-responses-table")).to_contain_text("freshness")


def _routes(running: Running) -> int:
    paths = running.call("GET", "/openapi.json", key=None)[1]["paths"]
    return sum(len(of_path) for of_path in paths.values())


def test_routes_and_models_open(page: Page, running: Running) -> None:
    page.goto(f"{running.info['api']}/docs")
    events = page.locator("#operations-storefront-post_events")
    events.locator(".opblock-summary-control").click()
    expect(events.locator(".responses-table").first).to_contain_text("Verdicts.")
    page.locator(".models h4 button").click()
    page.locator(".models article button").first.click()


def test_the_event_to_try_out_is_accepted(page: Page, running: Running) -> None:
    page.goto(f"{running.info['api']}/docs")
    authorize(page, running.info["publishable_key"])
    events = page.locator("#operations-storefront-post_events")
    events.locator(".opblock-summary-control").click()
    try_out(events)
    expect(events.locator(".live-responses-table .response-col_status").last).to_contain_text("202")
    expect(events.locator(".live-responses-table")).to_contain_text('"status": "accepted"')


def authorize(page: Page, key: str) -> None:
    page.locator(".auth-wrapper .authorize").click()
    page.locator("input[aria-label='auth-bearer-value']").fill(key)
    page.locator(".auth-btn-wrapper .authorize").first.click()
    page.locator(".auth-btn-wrapper .btn-done").first.click()


def try_out(operation: Locator) -> None:
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()


def test_its_secrets_are_not_kept(page: Page, running: Running) -> None:
    page.goto(f"{running.info['api']}/docs")
    expect(page.locator(".opblock").first).to_be_visible()
    assert page.evaluate("() => Object.keys(localStorage).length") == 0


@pytest.mark.parametrize(("path", "width"), list(product(["/docs", *(PATH + name for name in NAMES)], WIDTHS)))
def test_no_page_is_wider_than_the_screen(path: str, width: int, page: Page, running: Running) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(running.info["api"] + path)
    expect(page.locator("#contents a[aria-current=page]")).to_have_count(1)
    if path == "/docs":
        expect(page.locator(".opblock").first).to_be_visible()
    assert page.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0


def test_from_the_reference_to_a_guide_and_on(page: Page, running: Running) -> None:
    page.goto(f"{running.info['api']}/docs")
    page.click("#contents >> text=Quick start: HTTP")
    page.click("article >> text=Statuses")
    expect(page.locator("h1")).to_have_text("Statuses and what to do")
    page.click("article >> text=Operating")
    expect(page.locator("#lag")).to_be_in_viewport()
