"""From which pages a key may be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.serving.deployment import PUBLISHABLE, SECRET, Deployment
from tests.serving.keys import OTHER, SHOP, written

SHELF = "/v1/recommendations/trending"
OWN = "http://shop"
ALLOW = "access-control-allow-origin"
SECOND = "pk_second_0123456789"
IN_A_BACK_OFFICE = "sk_office_0123456789"


@pytest.fixture
def named(tmp_path: Path) -> Deployment:
    """Every key is for pages of some origins only."""
    second = {"name": "second", "key": SECOND, "scopes": ["decisions"], "origins": [OTHER]}
    office = {"name": "office", "key": IN_A_BACK_OFFICE, "scopes": ["decisions"], "origins": [OTHER]}
    return Deployment(
        allowed_origins=f"{SHOP}, https://www.shop.example", api_keys_file=written(tmp_path, second, office)
    )


async def test_without_origins_any_page_may_use_the_publishable_key(shop: Deployment) -> None:
    for origin in (SHOP, OTHER, OWN, "null"):
        answer = await shop.call("GET", SHELF, headers={"origin": origin})
        assert (answer.status_code, answer.headers[ALLOW]) == (200, "*")


@pytest.mark.parametrize("origin", [SHOP, "https://www.shop.example"])
async def test_an_allowed_page_is_named(named: Deployment, origin: str) -> None:
    answer = await named.call("GET", SHELF, headers={"origin": origin})
    assert (answer.status_code, answer.headers[ALLOW], answer.headers["vary"]) == (200, origin, "origin")


@pytest.mark.parametrize("origin", [OTHER, "null", "http://shop.example", f"{SHOP}.evil.example", f"{SHOP}:8443"])
async def test_another_page_is_refused_and_may_not_read_why(named: Deployment, origin: str) -> None:
    answer = await named.call("GET", SHELF, headers={"origin": origin})
    assert (answer.status_code, answer.headers["vary"]) == (403, "origin")
    assert ALLOW not in answer.headers
    assert "origins" in answer.json()["detail"]


async def test_a_refused_pages_events_are_not_stored(named: Deployment) -> None:
    event = named.event("view_item", "me", "a")
    assert (await named.call("POST", "/v1/events", event, headers={"origin": OTHER})).status_code == 403
    assert named.broker.values("events") == []


async def test_each_key_has_its_own_origins(named: Deployment) -> None:
    assert (await named.call("GET", SHELF, key=SECOND, headers={"origin": OTHER})).headers[ALLOW] == OTHER
    assert (await named.call("GET", SHELF, key=SECOND, headers={"origin": SHOP})).status_code == 403


@pytest.mark.parametrize("key", [PUBLISHABLE, SECRET, SECOND])
async def test_the_apis_own_page_and_what_is_no_page_may_use_any_key(named: Deployment, key: str) -> None:
    for headers in ({"origin": OWN}, {}):
        answer = await named.call("GET", SHELF, key=key, headers=headers)
        assert answer.status_code == 200
        assert ALLOW not in answer.headers


@pytest.mark.parametrize("origin", [SHOP, "null"])
async def test_a_secret_key_in_a_page_is_refused(shop: Deployment, origin: str) -> None:
    answer = await shop.call("GET", SHELF, key=SECRET, headers={"origin": origin})
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:liveshelf:problem:wrong_origin")
    assert "Make a new key" in answer.json()["detail"]
    assert ALLOW not in answer.headers


async def test_a_secret_key_is_for_the_pages_that_its_owner_names(named: Deployment) -> None:
    answer = await named.call("GET", SHELF, key=IN_A_BACK_OFFICE, headers={"origin": OTHER})
    assert (answer.status_code, answer.headers[ALLOW]) == (200, OTHER)


@pytest.mark.parametrize(("origin", "told"), [(SHOP, SHOP), (OTHER, OTHER), ("https://third.example", None)])
async def test_before_the_key_is_known_a_browser_is_told_what_any_key_allows(
    named: Deployment, origin: str, told: str | None
) -> None:
    asked = await named.call("OPTIONS", SHELF, key=None, headers={"origin": origin})
    refused = await named.call("GET", SHELF, key="pk_unknown", headers={"origin": origin})
    assert (asked.status_code, refused.status_code) == (204, 401)
    for answer in (asked, refused):
        assert (answer.headers.get(ALLOW), answer.headers["vary"]) == (told, "origin")


async def test_one_key_for_any_page_is_enough_for_a_preflight(tmp_path: Path) -> None:
    anywhere = {"name": "anywhere", "key": SECOND, "scopes": ["events"]}
    shop = Deployment(allowed_origins=SHOP, api_keys_file=written(tmp_path, anywhere))
    answer = await shop.call("OPTIONS", SHELF, key=None, headers={"origin": OTHER})
    assert answer.headers[ALLOW] == "*"
    assert (await shop.call("GET", SHELF, headers={"origin": OTHER})).status_code == 403
