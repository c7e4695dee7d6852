"""Which key opens which route."""

import pytest

from tests.serving.deployment import PUBLISHABLE, SECRET, Deployment, item

OPEN = [("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/openapi.json")]
PAGES = [("POST", "/v1/events"), ("GET", "/v1/recommendations/trending"), ("POST", "/v1/recommendations/trending")]
SERVERS = [
    ("PUT", "/v1/catalog/items"),
    ("GET", "/v1/catalog/items/a"),
    ("DELETE", "/v1/catalog/items/a"),
    ("GET", "/v1/ops/lag"),
    ("GET", "/metrics"),
]


async def status(shop: Deployment, method: str, path: str, key: str | None) -> int:
    body = shop.event("view_item", "me", "a") if path == "/v1/events" else None
    if path == "/v1/catalog/items":
        body = {"items": [item("a")]}
    code: int = (await shop._following(shop.call(method, path, body, key=key))).status_code
    return code


@pytest.mark.parametrize(("method", "path"), OPEN)
async def test_health_needs_no_key(shop: Deployment, method: str, path: str) -> None:
    assert await status(shop, method, path, None) == 200


@pytest.mark.parametrize(("method", "path"), PAGES + SERVERS)
@pytest.mark.parametrize("key", [None, "", "pk_other", "pk_tes", SECRET + "x"])
async def test_without_a_key_of_the_shop_nothing_is_answered(
    shop: Deployment, method: str, path: str, key: str | None
) -> None:
    answer = await shop.call(method, path, {}, key=key)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["detail"]


@pytest.mark.parametrize(("method", "path"), PAGES)
@pytest.mark.parametrize("key", [PUBLISHABLE, SECRET])
async def test_pages_may_send_events_and_ask_for_shelves(shop: Deployment, method: str, path: str, key: str) -> None:
    assert await status(shop, method, path, key) in {200, 202}


@pytest.mark.parametrize(("method", "path"), SERVERS)
async def test_the_rest_is_for_servers(shop: Deployment, method: str, path: str) -> None:
    await shop.stock(item("a"))
    assert await status(shop, method, path, PUBLISHABLE) == 403
    assert await status(shop, method, path, SECRET) in {200, 204}


async def test_a_deployment_without_keys_has_no_default_ones() -> None:
    bare = Deployment(publishable_key="", secret_key="")
    for key in ("", "pk_", "sk_", None):
        answer = await bare.call("POST", "/v1/events", {}, key=key)
        assert answer.status_code == 401
    assert "LIVESHELF_SECRET_KEY" in (await bare.call("POST", "/v1/events", {}, key=None)).json()["detail"]


async def test_a_page_of_another_origin_may_ask_the_browser_for_leave(shop: Deployment) -> None:
    for path in ("/v1/events", "/v1/recommendations/trending"):
        answer = await shop.call("OPTIONS", path, key=None, headers={"origin": "https://shop.example"})
        assert answer.status_code == 204
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "authorization" in answer.headers["access-control-allow-headers"]
        assert "POST" in answer.headers["access-control-allow-methods"]
