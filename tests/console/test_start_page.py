"""The start page: what runs, what was done last, who you are."""

from __future__ import annotations

import doctest
import re

import pytest
from starlette.routing import Route

from serving.console import markup, words
from serving.console.layout import HEADERS
from serving.console.markup import tag
from serving.console.pages import refusal
from stream.cluster import BrokerAway
from stream.lag import Row
from tests.console.desk import PASSWORD, Desk
from tests.serving.deployment import item

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def told(page: str) -> dict[str, str]:
    """What the page says of each thing that runs."""
    return dict(re.findall(r"<dt>(.*?)</dt><dd[^>]*>(.*?)</dd>", page))


async def test_it_says_what_runs(desk: Desk) -> None:
    browser = await desk.signed_in("viewer")
    assert told((await browser.get("/console")).text) == {
        "Kafka": "answers",
        "Redis": "answers",
        "Workers": "a little behind, 2 waiting",
        "Catalogue": "no items yet",
    }


async def test_it_says_what_does_not(desk: Desk) -> None:
    await desk.shop.stock(item("a"))
    browser = await desk.signed_in("viewer")
    desk.shop.redis.away, desk.shop.live = True, False
    page = (await browser.get("/console")).text
    assert told(page) == {
        "Kafka": "does not answer",
        "Redis": "does not answer",
        "Workers": "not known right now",
        "Catalogue": "1 item",
    }
    assert "The audit log does not answer right now." in page


async def test_the_log_is_read_at_most_twice_a_second(desk: Desk) -> None:
    browser = await desk.signed_in("owner")
    assert "sign in" in (await browser.get("/console")).text
    await desk.audit.write("mark", "marketer", "rule.edit", "rule:12", "ok")
    assert "rule:12" not in (await browser.get("/console")).text
    desk.shop.now += 500
    page = (await browser.get("/console")).text
    assert "rule:12" in page
    assert "<td>rule.edit</td>" in page, "what has no words is shown by its own name"


async def test_an_empty_log_says_so(desk: Desk) -> None:
    browser = await desk.signed_in("owner")
    desk.shop.broker.logs.clear()
    assert "Nothing in the last 30 days." in (await browser.get("/console")).text


async def test_whatever_a_record_holds_is_text(desk: Desk) -> None:
    await desk.audit.write("mark", "marketer", "rule.edit", "<img src=x onerror=alert(1)>", "ok")
    page = (await (await desk.signed_in("owner")).get("/console")).text
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "<img" not in page


@pytest.mark.parametrize("path", ["/console", "/console/login", "/console/accounts", "/console/accounts/remove"])
async def test_every_page_is_strict_and_whole_without_scripts(desk: Desk, path: str) -> None:
    browser = desk.browser() if path.endswith("login") else await desk.signed_in("owner")
    answer = await (browser.submit(path, name="nobody") if path.endswith("remove") else browser.get(path))
    assert answer.headers["content-security-policy"] == POLICY
    assert {name: answer.headers[name] for name in HEADERS} == dict(HEADERS)
    assert "access-control-allow-origin" not in answer.headers
    assert not re.search(r"<script|<style|style=|\son\w+=|https?://", answer.text)
    assert answer.text.count("<h1>") == 1
    assert answer.text.startswith('<!doctype html>\n<html lang="en">')


async def test_every_input_has_a_label(desk: Desk) -> None:
    browser = await desk.signed_in("owner")
    for page in ("/console", "/console/accounts"):
        text = (await browser.get(page)).text
        named = set(re.findall(r'<label for="(\w+)"', text))
        assert named == set(re.findall(r'<(?:input|select) id="(\w+)"', text))
        hints = set(re.findall(r'aria-describedby="([\w-]+)"', text))
        assert hints <= set(re.findall(r'id="([\w-]+)"', text))


async def test_its_styles_are_a_file_with_a_tag(desk: Desk) -> None:
    browser = desk.browser()
    answer = await browser.get("/console/console.css")
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    again = await browser.client.get("/console/console.css", headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304


async def test_every_route_but_the_sign_in_and_the_styles_wants_a_session(desk: Desk) -> None:
    browser = desk.browser()
    routes = [route for route in desk.console.routes() if isinstance(route, Route)]
    assert len(routes) == 10
    for route in routes:
        for method in (route.methods or set()) - {"HEAD"}:
            answer = await browser.client.request(method, route.path)
            if route.path in {"/console/login", "/console/console.css"}:
                assert answer.headers.get("location") is None
            else:
                assert (answer.status_code, answer.headers["location"]) == (303, "/console/login")


async def test_own_account_and_strange_accounts_are_refused(desk: Desk) -> None:
    browser = await desk.signed_in("owner")
    phrase = "a long enough phrase"
    for path, fields, said in (
        ("accounts/remove", {"name": "otto"}, "This is your own account"),
        ("accounts/remove", {"name": "nobody"}, "There is no such account"),
        ("accounts/add", {"name": "mark", "role": "owner", "new": phrase}, "an account mark already"),
        ("accounts/add", {"name": "a@b", "role": "owner", "new": phrase}, "small letters"),
        ("accounts/add", {"name": "new", "role": "root", "new": phrase}, "There is no such role"),
        ("accounts/add", {"name": "new", "role": "viewer", "new": "short"}, "12 is the least"),
        ("password", {"password": PASSWORD, "new": phrase, "again": phrase + "!"}, "new passwords differ"),
        ("password", {"password": PASSWORD, "new": "short", "again": "short"}, "12 is the least"),
    ):
        answer = await browser.submit(f"/console/{path}", **fields)
        assert answer.status_code == 400, (path, fields)
        assert said in answer.text
    assert set(desk.accounts.known()) == {"vera", "mark", "olga", "otto"}
    assert await browser.inside()


async def test_guessing_ones_own_password_is_slowed_down_as_well(desk: Desk) -> None:
    browser = await desk.signed_in("viewer")
    phrase = "a long enough phrase"
    answers = [await browser.submit("/console/password", password="no", new=phrase, again=phrase) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [403] * 5 + [429]
    assert answers[-1].headers["retry-after"] == "60"


async def test_an_added_account_can_sign_in(desk: Desk) -> None:
    browser = await desk.signed_in("owner")
    await browser.submit("/console/accounts/add", name=" Nina ", role="marketer", new="a long enough phrase")
    assert "<td>nina</td><td>marketer</td>" in (await browser.get("/console/accounts")).text
    assert (await desk.browser().sign_in("nina", "a long enough phrase")).status_code == 303


def test_markup_escapes_all_that_is_not_markup() -> None:
    assert tag("p", "<", tag("b", '"'), ["&", None, ("x",)], title='"<', hidden=False) == (
        '<p title="&quot;&lt;">&lt;<b>&quot;</b>&amp;x</p>'
    )
    assert "Retry-After" not in refusal(400, "No", "Because.", None, "").headers


def test_the_examples_of_markup_hold() -> None:
    assert doctest.testmod(markup).attempted == 2
    assert doctest.testmod(markup).failed == 0


def test_what_people_read_has_words() -> None:
    assert words.moment(1_790_000_000_000) == "2026-09-21 14:13:20"
    assert set(words.VERDICTS) == {"ok", "behind", "late", None}


async def test_workers_that_keep_up_and_that_are_late(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = await desk.signed_in("viewer")
    for verdict, said in (("ok", "up to date"), ("late", "late, 12,345 waiting")):
        rows = [Row("visitor", "events", 0, 0, 0, 12_345 if verdict == "late" else 0, 0, verdict, 0, 0, 0, 0)]  # type: ignore[arg-type]

        async def lag(rows: list[Row] = rows) -> list[Row]:
            return rows

        monkeypatch.setattr(desk.shop.api.operations, "_lag", lag)
        desk.shop.now += 1_000
        assert told((await browser.get("/console")).text)["Workers"] == said


async def test_a_broker_that_is_away_is_asked_again(desk: Desk) -> None:
    browser = await desk.signed_in("owner")
    desk.shop.live = False
    with pytest.raises(BrokerAway):
        desk.newest()
    assert "does not answer right now" in (await browser.get("/console")).text
    desk.shop.live = True
    assert 'class="log"' in (await browser.get("/console")).text


async def test_an_address_that_is_none_has_a_page_too(desk: Desk) -> None:
    browser = await desk.signed_in("viewer")
    answer = await browser.get("/console/rules/12")
    assert answer.status_code == 404
    assert "There is no such page" in answer.text


@pytest.mark.parametrize("host", ["[", "[::1", "a:b:c", "", "x" * 300])
async def test_a_host_that_is_none_breaks_nothing(desk: Desk, host: str) -> None:
    browser = await desk.signed_in("viewer")
    headers = {"host": host, "origin": "http://["}
    for path in ("/console", "/console/login", "/console/accounts"):
        assert (await browser.client.get(path, headers=headers)).status_code in {200, 303, 403}
    assert (await browser.client.post("/console/login", headers=headers)).status_code in {403, 415}


@pytest.mark.parametrize("value", ["x", "a" * 23, '"', "\x7f" * 22, "é" * 22])
async def test_a_form_cookie_that_is_not_ours_is_replaced(desk: Desk, value: str) -> None:
    headers = {b"cookie": f"liveshelf_console_form={value}".encode("latin-1")}
    answer = await desk.browser().client.get("/console/login", headers=headers)
    assert answer.status_code == 200
    assert re.search(r"liveshelf_console_form=[\w-]{22};", answer.headers["set-cookie"], re.ASCII)
