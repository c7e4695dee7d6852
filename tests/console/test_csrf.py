"""Nothing is changed by a form that did not come from a page of the very session it arrives in."""

from __future__ import annotations

import pytest

from tests.console.desk import ORIGIN, PASSWORD, Desk

POSTS = ("/console/logout", "/console/password", "/console/accounts/add", "/console/accounts/remove")


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("token", [None, "", "0" * 40, "ä"])
async def test_without_its_token_a_form_does_nothing(desk: Desk, path: str, token: str | None) -> None:
    browser = await desk.signed_in("owner")
    before = desk.path.read_bytes()
    fields = {"name": "mark"} | ({} if token is None else {"csrf": token})
    answer = await browser.post(path, **fields)
    assert answer.status_code == 403
    assert "This form is too old" in answer.text
    assert desk.path.read_bytes() == before
    assert await browser.inside()


@pytest.mark.parametrize("path", POSTS)
async def test_the_token_of_another_session_does_nothing(desk: Desk, path: str) -> None:
    first, second = await desk.signed_in("owner"), await desk.signed_in("owner")
    answer = await second.post(path, csrf=await first.csrf(), name="mark")
    assert answer.status_code == 403
    assert desk.accounts.named("mark")


@pytest.mark.parametrize("path", POSTS)
async def test_get_changes_nothing(desk: Desk, path: str) -> None:
    browser = await desk.signed_in("owner")
    assert (await browser.get(path)).status_code == 404
    assert await browser.inside()


@pytest.mark.parametrize("path", POSTS)
async def test_a_form_without_a_session_leads_to_the_sign_in_page(desk: Desk, path: str) -> None:
    answer = await desk.browser().post(path, csrf="x", name="mark")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/login")
    assert desk.accounts.named("mark")


async def test_a_script_of_ours_may_send_the_token_as_a_header(desk: Desk) -> None:
    browser = await desk.signed_in("owner")
    headers = {"x-csrf-token": await browser.csrf()}
    answer = await browser.client.post("/console/accounts/remove", data={"name": "mark"}, headers=headers)
    assert answer.status_code == 303
    assert desk.accounts.named("mark") is None


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "same-origin"}, 303),
        ({"sec-fetch-site": "none"}, 303),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": ORIGIN}, 403),
        ({"origin": ORIGIN}, 303),
        ({"origin": "https://localhost:8080"}, 303),
        ({"origin": "http://localhost:8081"}, 403),
        ({"origin": "https://shop.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": ""}, 403),
        ({}, 303),
    ],
)
async def test_where_a_form_comes_from_is_checked_as_well(desk: Desk, headers: dict[str, str], status: int) -> None:
    browser = await desk.signed_in("owner")
    data = {"csrf": await browser.csrf()}
    assert (await browser.client.post("/console/logout", data=data, headers=headers)).status_code == status
    new = desk.browser()
    data = {"csrf": await new.csrf("/console/login"), "name": "vera", "password": PASSWORD}
    assert (await new.client.post("/console/login", data=data, headers=headers)).status_code == status


async def test_a_sign_in_form_belongs_to_the_browser_that_loaded_it(desk: Desk) -> None:
    attacker, victim = desk.browser(), desk.browser()
    await victim.get("/console/login")
    taken = await attacker.csrf("/console/login")
    answer = await victim.post("/console/login", csrf=taken, name="vera", password=PASSWORD)
    assert answer.status_code == 403
    assert not await victim.inside()


async def test_forms_are_bounded_and_are_forms(desk: Desk) -> None:
    browser = await desk.signed_in("owner")
    csrf = await browser.csrf()
    post = browser.client.post
    assert (await post("/console/logout", json={"csrf": csrf})).status_code == 415
    assert (await post("/console/logout", data={"csrf": csrf, "x": "y" * 20_000})).status_code == 413
    assert (await post("/console/logout", data={f"f{n}": "" for n in range(99)})).status_code == 400
    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert (await post("/console/logout", content=b"csrf=%ff\xff", headers=kind)).status_code == 400
    assert await browser.inside()
