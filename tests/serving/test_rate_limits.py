"""How much one key and one address may send, and how much of that is remembered."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from serving.http.crowd import address_of
from serving.http.rate import Rate
from tests.serving.deployment import PUBLISHABLE, SECRET, Deployment

SHELF = "/v1/recommendations/trending"
AT_ONCE = 1_000


@pytest.fixture
def shop() -> Deployment:
    """One request a second for each address, 1,000 at once."""
    return Deployment(requests_an_address=1)


async def called(
    shop: Deployment, address: str, path: str = SHELF, body: Any = None, key: str = PUBLISHABLE
) -> httpx.Response:
    transport = httpx.ASGITransport(shop.app, client=(address, 40_000))
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://shop", headers=headers) as client:
        return await client.post(path, json=body or {})


def batch(shop: Deployment, events: int) -> dict[str, Any]:
    one = shop.event("view_item", "me", "a")
    return {"events": [{**one, "event_id": f"e{n}"} for n in range(events)]}


async def spend(shop: Deployment, address: str) -> None:
    """All that an address may send at once, as events."""
    for _ in range(AT_ONCE // 500):
        assert (await called(shop, address, "/v1/events", batch(shop, 500))).status_code == 202


async def test_an_address_that_floods_is_told_when_to_come_back(shop: Deployment) -> None:
    await spend(shop, "203.0.113.9")
    for path, body in ((SHELF, None), ("/v1/events", batch(shop, 1))):
        answer = await called(shop, "203.0.113.9", path, body)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
        assert "203.0.113.9" not in answer.text
    shop.now += 1_000
    answer = await called(shop, "203.0.113.9", "/v1/events", batch(shop, 61))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    shop.now += 1_000
    assert (await called(shop, "203.0.113.9")).status_code == 200


async def test_other_addresses_are_not_held_up(shop: Deployment) -> None:
    await spend(shop, "203.0.113.9")
    assert (await called(shop, "203.0.113.10")).status_code == 200


async def test_a_household_is_one_address_and_its_neighbours_are_not(shop: Deployment) -> None:
    await spend(shop, "2001:db8:1:2::1")
    assert (await called(shop, "2001:db8:1:2:ffff:ffff:ffff:ffff")).status_code == 429
    assert (await called(shop, "2001:db8:1:3::1")).status_code == 200


async def test_an_address_is_the_same_in_either_notation(shop: Deployment) -> None:
    await spend(shop, "203.0.113.9")
    assert (await called(shop, "::ffff:203.0.113.9")).status_code == 429


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
async def test_a_proxy_on_this_host_is_not_taken_for_a_person(shop: Deployment, address: str) -> None:
    await spend(shop, address)
    assert (await called(shop, address)).status_code == 200


async def test_a_server_of_the_shop_is_not_limited_by_its_address(shop: Deployment) -> None:
    await spend(shop, "203.0.113.9")
    assert (await called(shop, "203.0.113.9", key=SECRET)).status_code == 200


async def test_without_a_limit_an_address_sends_what_it_wants() -> None:
    shop = Deployment(requests_an_address=0)
    await spend(shop, "203.0.113.9")
    await spend(shop, "203.0.113.9")


async def test_health_is_never_limited(shop: Deployment) -> None:
    await spend(shop, "203.0.113.9")
    transport = httpx.ASGITransport(shop.app, client=("203.0.113.9", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        assert (await client.get("/healthz")).status_code == 200


@pytest.mark.parametrize("client", [("unknown", 1), ("x" * 10_000, 1), ("", 1), ("1.2.3.4, 5.6.7.8", 1)])
def test_whatever_is_no_address_counts_as_one(client: tuple[str, int]) -> None:
    assert address_of({"client": client}) == address_of({"client": ("nonsense", 2)})
    assert address_of({"client": client}) is not None


def test_a_socket_file_has_no_address() -> None:
    assert address_of({"client": None}) is None
    assert address_of({}) is None


def test_who_asked_least_recently_is_forgotten_first() -> None:
    rate = Rate(1, 1, lambda: 0.0, most=2)
    assert [rate.wait_s(name, 1) for name in ("a", "b", "a")] == [0, 0, 1]
    assert rate.wait_s("c", 1) == 0  # `b` goes
    assert [rate.wait_s(name, 1) for name in ("a", "c")] == [1, 1]
    assert rate.wait_s("b", 1) == 0
    assert len(rate._buckets) == 2
