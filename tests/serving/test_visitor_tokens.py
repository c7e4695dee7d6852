"""Visitor tokens: who gets one, what it proves, and that nothing else passes for one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from stream.tokens import DecisionToken, VisitorToken, decision_id, read_visitor_token, visitor_token
from tests.serving.deployment import DENIED, NOW, PUBLISHABLE, SECRET, Deployment, ids, item

DAY_S = 86_400
SHELF = "/v1/recommendations/recently_viewed"
HEADER = "Liveshelf-Visitor-Token"


async def mint(shop: Deployment, visitor_id: str, **body: Any) -> Any:
    return await shop.call("POST", f"/v1/visitors/{visitor_id}/token", body, key=SECRET)


async def token(shop: Deployment, visitor_id: str, **body: Any) -> str:
    found: str = (await mint(shop, visitor_id, **body)).json()["visitor_token"]
    return found


async def send(shop: Deployment, *events: dict[str, Any], key: str = PUBLISHABLE, **more: Any) -> Any:
    return await shop.call("POST", "/v1/events", {"events": events, **more.pop("beside", {})}, key=key, **more)


async def test_a_token_holds_a_day_unless_told_otherwise(shop: Deployment) -> None:
    for body, lasts_s in (({}, DAY_S), ({"ttl_s": 60}, 60), ({"ttl_s": 30 * DAY_S}, 30 * DAY_S)):
        answer = (await mint(shop, "me", **body)).json()
        assert answer["expires_at"] == NOW + lasts_s * 1000
        read = read_visitor_token(b"signatures", answer["visitor_token"])
        assert read == VisitorToken(shop.pid("me"), "", (NOW // 1000) + lasts_s)


async def test_a_token_tells_nobody_the_ids(shop: Deployment) -> None:
    made = await token(shop, "visitor-of-mine", customer_id="customer-of-mine")
    assert "of-mine" not in made
    assert len(made) <= 256


async def test_an_id_may_have_any_characters(shop: Deployment) -> None:
    made = await token(shop, "a%2Fb%2Btoken%2F%C3%A9")
    assert read_visitor_token(b"signatures", made).pid == shop.pid("a/b+token/é")


@pytest.mark.parametrize(
    "body",
    [{"ttl_s": 0}, {"ttl_s": 30 * DAY_S + 1}, {"ttl_s": "60"}, {"customer_id": ""}, {"customer_id": 5}, {"ttl": 60}],
)
async def test_what_cannot_be_asked_for_is_said(shop: Deployment, body: dict[str, Any]) -> None:
    answer = await mint(shop, "me", **body)
    assert (answer.status_code, "$" in answer.json()["detail"] or "unknown field" in answer.json()["detail"]) == (
        400,
        True,
    )


async def test_a_visitor_id_has_its_bounds(shop: Deployment) -> None:
    assert (await mint(shop, "v" * 128)).status_code == 200
    assert (await mint(shop, "v" * 129)).status_code == 400
    assert (await mint(shop, "%20")).status_code == 400


async def test_without_a_body_the_usual_token_comes(shop: Deployment) -> None:
    answer = await shop.call("POST", "/v1/visitors/me/token", b"", key=SECRET)
    assert answer.status_code == 200
    assert (await shop.call("POST", "/v1/visitors/me/token", b"[", key=SECRET)).status_code == 400


def changed(made: str) -> str:
    """A token with one character changed in its middle, where it carries the pseudonym."""
    place = len(made) // 2
    return made[:place] + ("A" if made[place] != "A" else "B") + made[place + 1 :]


BAD: dict[str, Callable[[Deployment, str], str]] = {
    "forged": lambda shop, made: visitor_token(b"another key", VisitorToken(shop.pid("me"), "", NOW)),
    "changed": lambda shop, made: changed(made),
    "cut off": lambda shop, made: made[:-1],
    "no token": lambda shop, made: "é",
    "blank": lambda shop, made: "",
    "too long": lambda shop, made: made * 100,
    "of another kind": lambda shop, made: decision_id(
        b"signatures", DecisionToken("p", "v", NOW, shop.pid("me"), 1, 1, 1, b"n")
    ),
    "ended": lambda shop, made: visitor_token(b"signatures", VisitorToken(shop.pid("me"), "", NOW // 1000)),
}
RIGHTS: list[tuple[str, str, Any]] = [
    ("PUT", "/v1/visitors/me/consent", {"personalization": False}),
    ("GET", "/v1/visitors/me/export", None),
    ("POST", "/v1/visitors/me/reset", None),
    ("DELETE", "/v1/visitors/me", None),
]
ROUTES: list[tuple[str, str, Any]] = [
    ("POST", "/v1/events", None),
    ("GET", f"{SHELF}?visitor_id=me", None),
    ("POST", SHELF, {"visitor_id": "me"}),
    *RIGHTS,
]


@pytest.mark.parametrize("key", [PUBLISHABLE, SECRET])
@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
@pytest.mark.parametrize("kind", BAD)
async def test_a_bad_token_is_an_error_on_every_route(
    shop: Deployment, kind: str, method: str, path: str, body: Any, key: str
) -> None:
    bad = BAD[kind](shop, await token(shop, "me"))
    content = body if path != "/v1/events" else shop.event("view_item", "me", "a")
    headers = {HEADER: bad.encode("utf-8")} if not bad.isascii() else {HEADER: bad}
    answer = await shop.call(method, path, content, key=key, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:liveshelf:problem:bad_token")
    assert "invalid_token" in answer.headers["www-authenticate"]
    assert shop.broker.values("events") == shop.broker.values("privacy") == []


@pytest.mark.parametrize("key", [PUBLISHABLE, SECRET])
@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
async def test_another_visitors_token_is_an_error_on_every_route(
    shop: Deployment, method: str, path: str, body: Any, key: str
) -> None:
    content = body if path != "/v1/events" else shop.event("view_item", "me", "a")
    headers = {HEADER: await token(shop, "you")}
    answer = await shop.call(method, path, content, key=key, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:liveshelf:problem:wrong_visitor")
    assert shop.broker.values("events") == []


async def test_a_token_ends_on_the_second(shop: Deployment) -> None:
    headers = {HEADER: await token(shop, "me", ttl_s=60)}
    shop.now += 59_999
    assert (await shop.call("GET", f"{SHELF}?visitor_id=me", headers=headers)).status_code == 200
    shop.now += 1
    assert (await shop.call("GET", f"{SHELF}?visitor_id=me", headers=headers)).status_code == 401


async def test_a_beacon_brings_the_token_in_its_body(shop: Deployment) -> None:
    event = shop.event("view_item", "me", "a")
    path = f"/v1/events?key={PUBLISHABLE}"
    body = {"events": [event], "visitor_token": await token(shop, "me")}
    assert (await shop.call("POST", path, body, key=None)).status_code == 202
    assert shop.broker.values("events")[0]["edge"]["signed"] is True
    assert "visitor_token" not in shop.broker.values("events")[0]
    for wrong, status in ((await token(shop, "you"), 403), ("x", 401), (5, 400)):
        assert (await shop.call("POST", path, body | {"visitor_token": wrong}, key=None)).status_code == status
    assert len(shop.broker.values("events")) == 1


@pytest.mark.parametrize(
    ("key", "token_of", "customer_id", "signed"),
    [
        (SECRET, None, "c", True),
        (SECRET, None, None, True),
        (PUBLISHABLE, None, "c", False),
        (PUBLISHABLE, None, None, False),
        (PUBLISHABLE, {}, None, True),
        (PUBLISHABLE, {}, "c", False),
        (PUBLISHABLE, {"customer_id": "c"}, "c", True),
        (PUBLISHABLE, {"customer_id": "c"}, None, True),
        (PUBLISHABLE, {"customer_id": "c"}, "d", False),
    ],
)
async def test_a_customer_counts_only_if_proven(
    shop: Deployment, key: str, token_of: dict[str, str] | None, customer_id: str | None, *, signed: bool
) -> None:
    headers = {} if token_of is None else {HEADER: await token(shop, "me", **token_of)}
    event = shop.event("view_item", "me", "a") | ({} if customer_id is None else {"customer_id": customer_id})
    assert (await send(shop, event, key=key, headers=headers)).status_code == 202
    assert shop.broker.values("events")[0]["edge"]["signed"] is signed


@pytest.mark.parametrize(
    ("key", "token_of", "taken"),
    [
        (SECRET, None, True),
        (PUBLISHABLE, None, False),
        (PUBLISHABLE, {}, False),
        (PUBLISHABLE, {"customer_id": "d"}, False),
        (PUBLISHABLE, {"customer_id": "c"}, True),
    ],
)
async def test_who_says_that_they_are_a_customer_proves_it(
    shop: Deployment, key: str, token_of: dict[str, str] | None, *, taken: bool
) -> None:
    headers = {} if token_of is None else {HEADER: await token(shop, "me", **token_of)}
    events = [shop.event("view_item", "me", "a"), shop.event("identify", "me", customer_id="c", items=[])]
    verdicts = (await send(shop, *events, key=key, headers=headers)).json()["verdicts"]
    assert verdicts[0]["status"] == "accepted"
    if taken:
        assert verdicts[1]["status"] == "accepted"
    else:
        assert (verdicts[1]["status"], verdicts[1]["reason"]) == ("rejected", "schema")
        assert "secret key" in verdicts[1]["detail"]
    assert len(shop.broker.values("events")) == 1 + taken


@pytest.mark.parametrize(
    ("key", "token_of", "status"),
    [
        (SECRET, None, 200),
        (PUBLISHABLE, None, 403),
        (PUBLISHABLE, {}, 403),
        (PUBLISHABLE, {"customer_id": "d"}, 403),
        (PUBLISHABLE, {"customer_id": "c"}, 200),
    ],
)
async def test_a_shelf_for_a_customer_needs_the_proof(
    shop: Deployment, key: str, token_of: dict[str, str] | None, status: int
) -> None:
    headers = {} if token_of is None else {HEADER: await token(shop, "me", **token_of)}
    for ask in ({"visitor_id": "me", "customer_id": "c"}, {"customer_id": "c"}):
        assert (await shop.call("POST", SHELF, ask, key=key, headers=headers)).status_code == status
        assert (await shop.call("GET", SHELF, params=ask, key=key, headers=headers)).status_code == status


async def test_a_shelf_for_nobody_may_come_with_a_token(shop: Deployment) -> None:
    answer = await shop.call("GET", SHELF, headers={HEADER: await token(shop, "me")})
    assert answer.status_code == 200


async def demanding() -> Deployment:
    """A shop whose ids can be guessed, and a visitor with a history."""
    shop = Deployment(require_visitor_token=True)
    await shop.stock(*[item(f"i{n}") for n in range(4)])
    await shop.view("me", "i1", "i2", key=SECRET)
    return shop


def without_times(shelf: dict[str, Any]) -> dict[str, Any]:
    """A shelf without what differs between any two answers."""
    return {name: value for name, value in shelf.items() if name not in {"decision_id", "took_ms"}}


@pytest.mark.parametrize("placement", ["recently_viewed", "home_for_you"])
async def test_where_tokens_are_required_a_stranger_learns_nothing_of_a_visitor(placement: str) -> None:
    shop = await demanding()
    told, unknown = await shop.shelf(placement, "me"), await shop.shelf(placement, "never-seen")
    assert told["status"] == "no_consent"
    assert without_times(told) == without_times(unknown)
    assert shop.broker.values("decisions") == []


async def test_where_tokens_are_required_the_visitor_and_the_server_get_their_own() -> None:
    shop = await demanding()
    headers = {HEADER: await token(shop, "me")}
    for key, more in ((PUBLISHABLE, headers), (SECRET, {})):
        answer = await shop.call("GET", f"{SHELF}?visitor_id=me", key=key, headers=more)
        assert ids(answer.json()) == ["i2", "i1"]


@pytest.mark.parametrize(
    "event",
    [
        {"event": "view_item", "items": [{"item_id": "i3"}]},
        {"event": "consent_update", "consent": DENIED},
        {"event": "purchase", "items": [{"item_id": "i1"}]},
    ],
    ids=lambda event: event["event"],
)
async def test_where_tokens_are_required_a_stranger_writes_nothing_of_a_visitor(event: dict[str, Any]) -> None:
    shop = await demanding()
    before = shop.broker.values("events"), shop.broker.values("privacy")
    answer = await send(shop, {**shop.event("view_item", "me"), **event})
    verdict = answer.json()["verdicts"][0]
    assert (verdict["status"], "token" in verdict["detail"]) == ("rejected", True)
    assert (shop.broker.values("events"), shop.broker.values("privacy")) == before
    own = {HEADER: await token(shop, "me")}
    answer = await send(shop, {**shop.event("view_item", "me"), **event}, headers=own)
    assert answer.json()["verdicts"][0]["status"] == "accepted"


@pytest.mark.parametrize(("method", "path", "body"), RIGHTS)
async def test_where_tokens_are_required_a_strangers_rights_are_nobodys(method: str, path: str, body: Any) -> None:
    shop = await demanding()
    before = shop.broker.values("events"), shop.broker.values("privacy")
    answer = await shop.call(method, path, body)
    assert (answer.status_code, b"i1" in answer.content) == (403, False)
    assert (shop.broker.values("events"), shop.broker.values("privacy")) == before


async def test_a_page_may_send_the_header(shop: Deployment) -> None:
    answer = await shop.call("OPTIONS", SHELF, key=None, headers={"origin": "https://shop.example"})
    assert HEADER.lower() in answer.headers["access-control-allow-headers"]
