"""A cookie opens the console only while everything that it says still holds."""

from __future__ import annotations

import msgspec
import pytest

from serving.console.accounts import Account, added, change, removed
from serving.console.passwords import hash_of
from serving.console.sessions import ABSOLUTE_MS, RENEW_EVERY_MS, Sessions
from stream.tokens import sign
from tests.console.desk import CHEAP, HASH, KEY, Browser, Desk

NAME = "liveshelf_console"


def cookie(browser: Browser) -> str:
    found = browser.client.cookies.get(NAME)
    assert found
    return found


async def with_cookie(desk: Desk, value: str) -> bool:
    browser = desk.browser()
    browser.client.headers["cookie"] = f"{NAME}={value}"
    return await browser.inside()


async def test_the_cookie_is_all_that_it_takes(desk: Desk) -> None:
    assert await with_cookie(desk, cookie(await desk.signed_in("viewer")))


async def test_no_byte_of_it_can_be_changed(desk: Desk) -> None:
    good = cookie(await desk.signed_in("viewer"))
    for n in range(0, len(good), 3):
        forged = good[:n] + ("A" if good[n] != "A" else "B") + good[n + 1 :]
        assert not await with_cookie(desk, forged)


@pytest.mark.parametrize("value", ["", "x", "a.b.c", "ä", '"' * 9, "A" * 4096])
async def test_nonsense_is_no_session(desk: Desk, value: str) -> None:
    request = {b"cookie": f"{NAME}={value}".encode()}
    answer = await desk.browser().client.get("/console", headers=request)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/login")


async def test_another_shops_key_signs_nothing_here(desk: Desk) -> None:
    foreign = Sessions(b"another key", desk.accounts, lambda: desk.shop.now)
    account = desk.accounts.named("otto")
    assert account
    assert not await with_cookie(desk, foreign.token(foreign.begin(account)))


async def test_another_kind_of_our_tokens_is_none(desk: Desk) -> None:
    own = Sessions(KEY, desk.accounts, lambda: desk.shop.now)
    account = desk.accounts.named("otto")
    assert account
    session = own.begin(account)
    assert await with_cookie(desk, sign(KEY, "console", session))
    assert not await with_cookie(desk, sign(KEY, "visitor", session))
    assert not await with_cookie(desk, sign(KEY, "console", session[:-1]))
    assert not await with_cookie(desk, sign(KEY, "console", session._replace(role="root")))  # type: ignore[arg-type]


async def test_a_longer_end_than_twelve_hours_is_not_believed(desk: Desk) -> None:
    own = Sessions(KEY, desk.accounts, lambda: desk.shop.now)
    account = desk.accounts.named("otto")
    assert account
    for_ever = sign(KEY, "console", own.begin(account)._replace(expires_at=2**53))
    desk.shop.now += ABSOLUTE_MS - 1
    assert await with_cookie(desk, for_ever)
    desk.shop.now += 1
    assert not await with_cookie(desk, for_ever)


async def test_a_removed_account_is_out_at_once_and_stays_out_when_its_name_comes_back(desk: Desk) -> None:
    browser = await desk.signed_in("marketer")
    kept = cookie(browser)
    change(desk.path, lambda known: removed(known, "mark"))
    assert not await browser.inside()
    desk.add("mark", "marketer", hash_of("another horse battery", CHEAP))
    assert not await with_cookie(desk, kept)


async def test_another_role_ends_the_session(desk: Desk) -> None:
    browser = await desk.signed_in("owner")
    change(desk.path, lambda known: added(removed(known, "otto"), Account("otto", "viewer", HASH)))
    assert not await browser.inside()


async def test_a_changed_password_ends_all_other_sessions(desk: Desk) -> None:
    here, there = await desk.signed_in("viewer"), await desk.signed_in("viewer")
    new = {"new": "a new and longer phrase", "again": "a new and longer phrase"}
    answer = await here.submit("/console/password", password="correct horse battery staple", **new)
    assert answer.headers["location"] == "/console?password-changed"
    assert "Your password is changed." in (await here.get(answer.headers["location"])).text
    assert not await there.inside()
    assert (await desk.browser().sign_in("vera")).status_code == 403
    assert (await desk.browser().sign_in("vera", "a new and longer phrase")).status_code == 303


async def test_the_cookie_is_renewed_now_and_then_and_keeps_its_forms_valid(desk: Desk) -> None:
    browser = await desk.signed_in("viewer")
    first, csrf = cookie(browser), await browser.csrf()
    assert cookie(browser) == first
    desk.shop.now += RENEW_EVERY_MS
    answer = await browser.get("/console")
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert cookie(browser) != first
    assert (await browser.post("/console/logout", csrf=csrf)).headers["location"] == "/console/login?signed-out"


async def test_a_file_that_cannot_be_trusted_lets_nobody_in(desk: Desk) -> None:
    browser = await desk.signed_in("owner")
    whole = desk.path.read_bytes()
    desk.path.write_bytes(whole[:-5])
    assert not await browser.inside()
    desk.path.write_bytes(whole)
    assert await browser.inside()
    desk.path.unlink()
    assert not await browser.inside()


def test_the_fingerprint_tells_nothing_of_the_hash(desk: Desk) -> None:
    own = Sessions(KEY, desk.accounts, lambda: desk.shop.now)
    account = desk.accounts.named("otto")
    assert account
    session = own.begin(account)
    other = own.begin(msgspec.structs.replace(account, name="olga"))
    assert session.nonce != other.nonce
    assert session.fingerprint not in account.password.encode()
