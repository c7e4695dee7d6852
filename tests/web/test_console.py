"""The console in a real browser: in, look around, out; with the keyboard alone, and without scripts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from serving.web.routes import routes
from tests.console.desk import PASSWORD, Desk
from tests.web.conftest import WATCH_POLICY, Watch
from tests.web.fake_shop import listening


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def url(desk: Desk) -> Iterator[str]:
    desk.app.serve((), desk.shop.api.access.origins, routes(publishable_key="pk", items=list))
    with listening(desk.app) as url:
        yield url


@pytest.fixture(params=["scripts", "no scripts"])
def page(browser: Browser, url: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=request.param == "scripts")
    context.set_default_timeout(8000)
    watch = Watch(url, expected=("403",))
    page = context.new_page()
    page.add_init_script(WATCH_POLICY)
    page.on("console", watch.heard)
    context.on("request", watch.asked)
    yield page
    context.close()
    assert watch.complaints == []
    assert watch.outside == []


def sign_in(page: Page, url: str, name: str, password: str) -> None:
    page.goto(f"{url}/console")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_in_look_around_and_out(page: Page, url: str) -> None:
    sign_in(page, url, "otto", "not the password")
    expect(page.get_by_role("alert")).to_contain_text("do not belong together")
    expect(page.get_by_label("Name")).to_have_value("otto")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    expect(page.locator("#you + p")).to_have_text("Signed in as otto, role owner. You may:")
    expect(page.locator("tbody tr").first).to_contain_text("sign in")
    cookie = next(one for one in page.context.cookies() if one["name"] == "liveshelf_console")
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/console")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status")).to_have_text("You are signed out.")
    page.goto(f"{url}/console")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_an_owner_adds_and_removes_an_account(page: Page, url: str, desk: Desk) -> None:
    sign_in(page, url, "otto", PASSWORD)
    page.get_by_role("link", name="Accounts").click()
    page.get_by_label("Name").fill("nina")
    page.get_by_label("Role").select_option("marketer")
    page.get_by_label("First password").fill("a long enough phrase")
    page.get_by_role("button", name="Add the account").click()
    row = page.locator("tr", has_text="nina")
    expect(row).to_contain_text("marketer")
    expect(page.get_by_role("button", name="Yes, remove nina")).not_to_be_visible()
    row.locator("summary").click()
    page.get_by_role("button", name="Yes, remove nina").click()
    expect(row).to_have_count(0)
    assert "nina" not in desk.accounts.known()


def test_the_keyboard_is_enough_and_a_phone_is_wide_enough(page: Page, url: str) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(f"{url}/console")
    while not page.locator("#name:focus").count():  # without scripts Chromium ignores `autofocus`
        page.keyboard.press("Tab")
    page.keyboard.type("otto")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    expect(page.locator(".skip")).to_be_in_viewport()
    for path in ("", "/accounts"):
        page.goto(f"{url}/console{path}")
        widest = page.locator("main").bounding_box()
        assert widest
        assert widest["width"] <= 320
        for part in page.locator(".card").all():
            box = part.bounding_box()
            assert box
            assert box["x"] + box["width"] <= 320
