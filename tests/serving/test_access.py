"""Every route, every kind of key: 401, 403, or an answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.http.access import NEEDS, Access, Need
from serving.http.answer import Answer
from serving.http.application import Application
from serving.http.exchange import Exchange
from serving.http.keys import ApiKeys
from serving.http.proofs import Proofs
from serving.http.rate import Limits
from serving.http.routes import Route, described
from stream.pseudonyms import Pseudonyms
from stream.tokens import DecisionToken, decision_id, sign
from tests.serving.deployment import PUBLISHABLE, SECRET, Deployment, item
from tests.serving.keys import PAGE_KEYS, SERVER_KEYS, of_each_scope

KINDS = {
    "none": None,
    "empty": "",
    "unknown": "sk_of_another_deployment",
    "publishable": PUBLISHABLE,
    "secret": SECRET,
    **PAGE_KEYS,
    **SERVER_KEYS,
}
EVERYBODY = set(KINDS)
ALLOWED = {
    ("POST", "/v1/events"): {"publishable", "secret", "pk_events", "sk_events"},
    ("GET", "/v1/recommendations/{placement}"): {"publishable", "secret", "pk_decisions", "sk_decisions"},
    ("POST", "/v1/recommendations/{placement}"): {"publishable", "secret", "pk_decisions", "sk_decisions"},
    ("POST", "/v1/page"): {"publishable", "secret", "pk_decisions", "sk_decisions"},
    ("GET", "/v1/banners/{slot}"): {"publishable", "secret", "pk_decisions", "sk_decisions"},
    ("GET", "/v1/search"): {"publishable", "secret", "pk_decisions", "sk_decisions"},
    ("GET", "/v1/suggest"): {"publishable", "secret", "pk_decisions", "sk_decisions"},
    ("GET", "/v1/offers"): {"publishable", "secret", "pk_decisions", "sk_decisions"},
    ("GET", "/v1/decisions/{decision_id}"): {"secret", "sk_decisions"},
    ("PUT", "/v1/catalog/items"): {"secret", "sk_catalog"},
    ("GET", "/v1/catalog/items/{item_id}"): {"secret", "sk_catalog"},
    ("DELETE", "/v1/catalog/items/{item_id}"): {"secret", "sk_catalog"},
    ("POST", "/v1/visitors/{visitor_id}/token"): {"secret", "sk_privacy"},
    ("PUT", "/v1/visitors/{visitor_id}/consent"): {"publishable", "secret", "pk_events", "sk_events"},
    ("GET", "/v1/visitors/{visitor_id}/export"): {"secret", "sk_privacy"},
    ("POST", "/v1/visitors/{visitor_id}/reset"): {"secret", "sk_privacy"},
    ("DELETE", "/v1/visitors/{visitor_id}"): {"secret", "sk_privacy"},
    ("GET", "/v1/erasures/{erasure}"): {"publishable", "secret", "pk_events", "sk_events"},
    ("GET", "/v1/privacy/notice"): EVERYBODY,
    ("GET", "/v1/admin/placements"): {"secret", "sk_admin"},
    ("GET", "/v1/admin/placements/{name}"): {"secret", "sk_admin"},
    ("PUT", "/v1/admin/placements/{name}"): {"secret", "sk_admin"},
    ("DELETE", "/v1/admin/placements/{name}"): {"secret", "sk_admin"},
    ("GET", "/v1/admin/rules"): {"secret", "sk_admin"},
    ("GET", "/v1/admin/rules/{name}"): {"secret", "sk_admin"},
    ("PUT", "/v1/admin/rules/{name}"): {"secret", "sk_admin"},
    ("DELETE", "/v1/admin/rules/{name}"): {"secret", "sk_admin"},
    ("POST", "/v1/admin/rules/preview"): {"secret", "sk_admin"},
    ("GET", "/v1/admin/offers"): {"secret", "sk_admin"},
    ("GET", "/v1/admin/offers/{name}"): {"secret", "sk_admin"},
    ("PUT", "/v1/admin/offers/{name}"): {"secret", "sk_admin"},
    ("DELETE", "/v1/admin/offers/{name}"): {"secret", "sk_admin"},
    ("GET", "/v1/admin/campaigns"): {"secret", "sk_admin"},
    ("GET", "/v1/admin/campaigns/{name}"): {"secret", "sk_admin"},
    ("PUT", "/v1/admin/campaigns/{name}"): {"secret", "sk_admin"},
    ("DELETE", "/v1/admin/campaigns/{name}"): {"secret", "sk_admin"},
    ("POST", "/v1/admin/campaigns/preview"): {"secret", "sk_admin"},
    ("POST", "/v1/admin/searches/preview"): {"secret", "sk_admin"},
    ("GET", "/v1/admin/searches"): {"secret", "sk_admin"},
    ("GET", "/v1/admin/searches/{name}"): {"secret", "sk_admin"},
    ("PUT", "/v1/admin/searches/{name}"): {"secret", "sk_admin"},
    ("DELETE", "/v1/admin/searches/{name}"): {"secret", "sk_admin"},
    ("GET", "/v1/ops/lag"): {"secret", "sk_ops"},
    ("GET", "/v1/ops/health-of-data"): {"secret", "sk_ops"},
    ("GET", "/v1/ops/searches"): {"secret", "sk_ops"},
    ("GET", "/metrics"): {"secret", "sk_ops"},
    ("GET", "/healthz"): EVERYBODY,
    ("GET", "/readyz"): EVERYBODY,
    ("GET", "/openapi.json"): EVERYBODY,
}
CELLS = [(route, kind) for route in ALLOWED for kind in KINDS]
RULE = {"explain": "Mixed.", "then": {"cap": {"by": "brand", "most": 2}}}
PINNED = {"explain": "First.", "queries": ["pan"], "pin": [{"item_id": "a", "position": 0}]}
WORTH = {"code": "A", "says": "5 %", "percent": 5}
COUPON = {"explain": "Stay.", "cart": {}, "coupon": WORTH, "budget": {"coupons": 9}}
CAMPAIGN = {"explain": "Pans.", "slots": ["home_hero"], "creatives": [{"name": "stew", "title": "Stews"}]}
QUERIES = {"/v1/search": "?q=pan", "/v1/suggest": "?q=pa", "/v1/offers": "?item_id=a"}
OWN_PATH = "/v1/visitors/me/export"


@pytest.fixture
async def keyed(tmp_path: Path) -> Deployment:
    """A deployment with a key of each kind, and an item."""
    shop = Deployment(api_keys_file=of_each_scope(tmp_path))
    await shop.stock(item("a"))
    await shop._following(shop.call("PUT", "/v1/admin/rules/trending", RULE, key=SECRET))
    await shop._following(shop.call("PUT", "/v1/admin/offers/trending", COUPON, key=SECRET))
    await shop._following(shop.call("PUT", "/v1/admin/searches/trending", PINNED, key=SECRET))
    await shop._following(shop.call("PUT", "/v1/admin/campaigns/trending", CAMPAIGN, key=SECRET))
    return shop


def test_the_table_has_every_route_and_no_other(keyed: Deployment) -> None:
    routes = {(route.method, described(route.path)) for route in keyed.api.routes}
    assert routes == NEEDS.keys() == ALLOWED.keys()


@pytest.mark.parametrize(("route", "kind"), CELLS, ids=[f"{m} {path} {kind}" for (m, path), kind in CELLS])
async def test_each_cell(keyed: Deployment, route: tuple[str, str], kind: str) -> None:
    answer = await called(keyed, route, KINDS[kind])
    if kind in ALLOWED[route]:
        assert answer.status_code in {200, 202, 204}, answer.text
    else:
        assert answer.status_code == (401 if kind in {"none", "empty", "unknown"} else 403), answer.text
        assert len(answer.json()["detail"]) > 40


async def called(shop: Deployment, route: tuple[str, str], key: str | None) -> httpx.Response:
    method, path = route
    erasure = sign(b"signatures", "erasure", ("pid", 0, 0, 1, 1))
    decided = decision_id(b"signatures", DecisionToken("trending", "", int(shop.now), "", 1, 1, 1, b"nonce"))
    names = {
        "{placement}": "trending",
        "{slot}": "home_hero",
        "{decision_id}": decided,
        "{item_id}": "a",
        "{visitor_id}": "me",
        "{erasure}": erasure,
        "{name}": "trending",
    }
    bodies: dict[str, Any] = {
        "/v1/events": shop.event("view_item", "me", "a"),
        "/v1/catalog/items": {"items": [item("a")]},
        "/v1/visitors/me/consent": {"personalization": True},
        "/v1/page": {"placements": [{"placement": "trending"}]},
        "/v1/admin/placements/trending": {"explain": "What sells.", "recommenders": ["popular"]},
        "/v1/admin/rules/trending": RULE,
        "/v1/admin/offers/trending": COUPON,
        "/v1/admin/searches/trending": PINNED,
        "/v1/admin/campaigns/trending": CAMPAIGN,
        "/v1/admin/campaigns/preview": {"slot": "home_hero", "campaign": CAMPAIGN},
        "/v1/admin/rules/preview": {"placement": "trending", "rule": RULE},
        "/v1/admin/searches/preview": {"q": "pan", "search": PINNED},
    }
    for name, value in names.items():
        path = path.replace(name, value)
    asked = path + QUERIES.get(path, "")
    answer: httpx.Response = await shop._following(shop.call(method, asked, bodies.get(path, {}), key=key))
    return answer


async def test_a_refused_event_is_not_stored(keyed: Deployment) -> None:
    before = len(keyed.broker.values("events"))
    for kind in EVERYBODY - ALLOWED["POST", "/v1/events"]:
        await called(keyed, ("POST", "/v1/events"), KINDS[kind])
    assert len(keyed.broker.values("events")) == before


async def test_asking_for_the_head_only_needs_the_key_as_well(keyed: Deployment) -> None:
    assert (await keyed.call("HEAD", "/v1/catalog/items/a", key=None)).status_code == 401
    assert (await keyed.call("HEAD", "/v1/catalog/items/a", key=SECRET)).status_code == 200


async def test_a_key_is_told_which_scope_it_lacks(keyed: Deployment) -> None:
    answer = await keyed.call("GET", "/v1/ops/lag", key=SERVER_KEYS["sk_catalog"])
    assert "scope `ops`; this key has catalog" in answer.json()["detail"]


def own(shop: Deployment) -> Application:
    """One route that is a visitor's own."""

    async def answer(_: Exchange) -> Answer:
        return Answer(b"{}")

    proofs = Proofs(b"signatures", Pseudonyms((b"pseudonyms",)), shop.pid, lambda: shop.now)
    access = Access(ApiKeys.of(shop.settings), proofs, Limits(0, lambda: shop.now))
    guarded = access.guards(Need("privacy", own=True), answer)
    app = Application()
    app.serve([Route("GET", "/v1/visitors/{visitor_id}/export", guarded)], access.origins)
    return app


async def minted(shop: Deployment, visitor_id: str, **more: Any) -> str:
    answer = await shop.call("POST", f"/v1/visitors/{visitor_id}/token", more, key=SECRET)
    token: str = answer.json()["visitor_token"]
    return token


@pytest.mark.parametrize(
    ("kind", "token_of", "status"),
    [
        ("none", "me", 401),
        ("unknown", "me", 401),
        ("publishable", None, 403),
        ("publishable", "you", 403),
        ("publishable", "me", 200),
        ("pk_events", None, 403),
        ("pk_events", "me", 200),
        ("secret", None, 200),
        ("secret", "you", 403),
        ("sk_privacy", None, 200),
        ("sk_decisions", None, 403),
        ("sk_decisions", "me", 403),
    ],
)
async def test_what_is_a_visitors_own(keyed: Deployment, kind: str, token_of: str | None, status: int) -> None:
    token = {} if token_of is None else {"liveshelf-visitor-token": await minted(keyed, token_of)}
    bearer = {} if KINDS[kind] is None else {"authorization": f"Bearer {KINDS[kind]}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(own(keyed)), base_url="http://shop") as client:
        assert (await client.get(OWN_PATH, headers={**bearer, **token})).status_code == status
