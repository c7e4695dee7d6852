"""A fake shop and a real browser.

What a page complains about on its console, a violation of its policy, a request outside its own origin and an event
that the gate refuses fail the test that it happened in.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

from stream.ingest import Accepted, validate
from tests.web.fake_shop import FakeShop, served

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip
WATCH_POLICY = "addEventListener('securitypolicyviolation', (e) => console.error('policy: ' + e.violatedDirective))"


@dataclass
class Watch:
    """What a page complained about, and whom it asked outside its own origin."""

    origin: str
    complaints: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()

    def heard(self, message: ConsoleMessage) -> None:
        expected = any(words in message.text for words in self.expected)
        if message.type in ("error", "warning") and not expected:
            self.complaints.append(message.text)

    def asked(self, request: Request) -> None:
        if not request.url.startswith((self.origin, "data:")):
            self.outside.append(request.url)


@pytest.fixture(scope="module")
def running_shop() -> Iterator[FakeShop]:
    with served(FakeShop()) as shop:
        yield shop


@pytest.fixture
def shop(running_shop: FakeShop) -> FakeShop:
    running_shop.reset()
    return running_shop


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(8000)
    yield context
    context.close()


@pytest.fixture
def watch(shop: FakeShop) -> Watch:
    return Watch(shop.url)


@pytest.fixture
def page(context: BrowserContext, shop: FakeShop, watch: Watch) -> Iterator[Page]:
    page = context.new_page()
    page.add_init_script(WATCH_POLICY)
    page.on("console", watch.heard)
    page.on("pageerror", lambda error: watch.complaints.append(str(error)))
    context.on("request", watch.asked)
    yield page
    assert watch.complaints == []
    assert watch.outside == []
    for event in shop.events:
        assert isinstance(validate(msgspec.json.encode(event), timestamp=event["sent_at"]), Accepted)
