"""Signing in: what is let in, what is not, and what an answer tells."""

from __future__ import annotations

import asyncio

import pytest

from serving.console.passwords import AT_ONCE, WAITING
from serving.console.sessions import IDLE_MS
from serving.console.throttle import MOST_FAILURES, Throttle, network_of
from tests.console.desk import NAMES, PASSWORD, Browser, Desk


async def failures(browser: Browser, name: str, count: int) -> list[int]:
    return [(await browser.sign_in(name, "wrong")).status_code for _ in range(count)]


async def test_a_right_password_opens_the_start_page(desk: Desk) -> None:
    browser = await desk.signed_in("viewer")
    page = await browser.get("/console")
    assert page.status_code == 200
    assert "Signed in as <b>vera</b>, role <b>viewer</b>" in page.text


async def test_a_name_is_taken_as_people_type_it(desk: Desk) -> None:
    assert (await desk.browser().sign_in("  Vera ")).status_code == 303


async def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(desk: Desk) -> None:
    wrong = await desk.browser().sign_in("vera", "wrong")
    unknown = await desk.browser().sign_in("nobody", "wrong")
    assert wrong.status_code == unknown.status_code == 403
    assert "do not belong together" in wrong.text

    def same(page: str, name: str) -> str:
        return page.replace(f'value="{name}"', "").partition('name="csrf"')[2][60:]

    assert same(wrong.text, "vera") == same(unknown.text, "nobody")


async def test_an_unknown_name_costs_a_hash_as_well(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = []
    verify = type(desk.passwords._hasher).verify

    def counted(hasher: object, hashed: str, password: str) -> bool:
        checked.append(hashed)
        return verify(hasher, hashed, password)  # type: ignore[arg-type]

    monkeypatch.setattr(type(desk.passwords._hasher), "verify", counted)
    await desk.browser().sign_in("nobody")
    await desk.browser().sign_in("vera")
    assert len(checked) == 2
    assert checked[0].rpartition("$")[0].rpartition("$")[0] == checked[1].rpartition("$")[0].rpartition("$")[0]


async def test_what_was_typed_is_escaped(desk: Desk) -> None:
    answer = await desk.browser().sign_in('"><script>alert(1)</script>')
    assert "<script" not in answer.text
    assert "&quot;&gt;&lt;script&gt;" in answer.text


async def test_cookies_are_for_this_server_alone(desk: Desk) -> None:
    for origin, secure in (("http://localhost:8080", False), ("http://127.0.0.1", False), ("http://[::1]:8080", False)):
        answer = await desk.browser(origin).sign_in("vera")
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("liveshelf_console=")
        assert {"HttpOnly", "Path=/console", "SameSite=strict"} <= set(cookie.split("; "))
        assert ("Secure" in cookie.split("; ")) == secure
    form = await desk.browser("https://console.shop.example").get("/console/login")
    assert {"HttpOnly", "Path=/console", "SameSite=strict", "Secure"} <= set(form.headers["set-cookie"].split("; "))
    away = await desk.browser("https://console.shop.example").sign_in("vera")
    assert {"HttpOnly", "Path=/console", "SameSite=strict", "Secure"} <= set(away.headers["set-cookie"].split("; "))


async def test_without_cookies_the_page_says_what_to_do(desk: Desk) -> None:
    browser = desk.browser()
    csrf = await browser.csrf("/console/login")
    browser.client.cookies.clear()
    answer = await browser.post("/console/login", csrf=csrf, name="vera", password=PASSWORD)
    assert answer.status_code == 403
    assert "sent no cookie back" in answer.text


async def test_five_failures_of_a_name_make_it_wait_from_anywhere(desk: Desk) -> None:
    assert await failures(desk.browser(), "vera", MOST_FAILURES) == [403] * MOST_FAILURES
    elsewhere = desk.browser(address="198.51.100.7")
    blocked = await elsewhere.sign_in("vera")
    assert blocked.status_code == 429
    assert "Please wait 60 seconds" in blocked.text
    assert blocked.headers["retry-after"] == "60"
    assert (await desk.browser(address="198.51.100.7").sign_in("mark")).status_code == 303
    desk.shop.now += 59_000
    assert (await elsewhere.sign_in("vera")).status_code == 429
    desk.shop.now += 1_000
    assert (await elsewhere.sign_in("vera")).status_code == 303


async def test_five_failures_from_an_address_make_it_wait_for_any_name(desk: Desk) -> None:
    browser = desk.browser()
    for n in range(MOST_FAILURES):
        assert (await browser.sign_in(f"guess-{n}", "wrong")).status_code == 403
    assert (await browser.sign_in("vera")).status_code == 429
    assert (await desk.browser(address="198.51.100.7").sign_in("vera")).status_code == 303


async def test_tries_at_once_are_no_way_around(desk: Desk) -> None:
    browser = desk.browser()
    csrf = await browser.csrf("/console/login")
    fields = {"csrf": csrf, "name": "vera", "password": "wrong"}
    answers = await asyncio.gather(*[browser.post("/console/login", **fields) for _ in range(12)])
    assert sorted(answer.status_code for answer in answers) == [403] * MOST_FAILURES + [429] * (12 - MOST_FAILURES)


async def test_good_sign_ins_do_not_count(desk: Desk) -> None:
    for _ in range(MOST_FAILURES + 1):
        assert (await desk.browser().sign_in("vera")).status_code == 303


async def test_more_passwords_than_there_is_room_for_are_turned_away(desk: Desk) -> None:
    for _ in range(AT_ONCE):
        await desk.passwords._room.acquire()
    waiting = [asyncio.create_task(desk.passwords.fits("x", None)) for _ in range(AT_ONCE + WAITING)]
    await asyncio.sleep(0)
    for _ in range(MOST_FAILURES + 1):
        answer = await desk.browser().sign_in("vera")
        assert answer.status_code == 503, "nobody is told to wait for it"
        assert answer.headers["retry-after"] == "2"
    for _ in range(AT_ONCE):
        desk.passwords._room.release()
    assert await asyncio.gather(*waiting) == [False] * len(waiting)
    assert (await desk.browser().sign_in("vera")).status_code == 303


async def test_who_is_in_is_sent_on_from_the_sign_in_page(desk: Desk) -> None:
    browser = await desk.signed_in("viewer")
    assert (await browser.get("/console/login")).headers["location"] == "/console"


async def test_signing_out_takes_the_session_away(desk: Desk) -> None:
    browser = await desk.signed_in("viewer")
    answer = await browser.submit("/console/logout")
    assert answer.headers["location"] == "/console/login?signed-out"
    assert not await browser.inside()
    assert "You are signed out." in (await browser.get(answer.headers["location"])).text


async def test_an_hour_without_a_click_ends_it_and_clicks_keep_it_for_twelve(desk: Desk) -> None:
    idle, busy = await desk.signed_in("viewer"), await desk.signed_in("viewer")
    for _ in range(23):
        desk.shop.now += IDLE_MS / 2
        assert await busy.inside()
    assert not await idle.inside()
    desk.shop.now += IDLE_MS / 2
    assert not await busy.inside()


def test_a_window_slides_and_forgets() -> None:
    now = 0.0
    throttle = Throttle(lambda: now)
    for now in range(MOST_FAILURES):  # the clock reads it
        assert throttle.take("a", f"b{now}") == 0
    assert throttle.take("a") == 56
    now = 60
    assert throttle.take("a") == 0
    assert throttle.take("a") == 1
    now = 500
    assert throttle.take("c") == 0
    assert set(throttle._tries) == {"c"}


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("unix", "unix"),
    ],
)
def test_one_line_counts_as_one_address(address: str, network: str) -> None:
    assert network_of(address) == network


def test_every_role_has_somebody() -> None:
    assert len(set(NAMES.values())) == len(NAMES)
