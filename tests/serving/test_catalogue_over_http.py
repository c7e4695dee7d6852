"""The catalogue's routes: what is stored, what is refused, and that the topic always holds whole items."""

import json
from typing import Any

import pytest

from tests.serving.deployment import FULL, NOT_ACKNOWLEDGED, SECRET, Deployment, item


async def put(shop: Deployment, *items: Any) -> Any:
    return await shop._following(shop.call("PUT", "/v1/catalog/items", {"items": list(items)}, key=SECRET))


async def shown(shop: Deployment, item_id: str) -> Any:
    answer = await shop.call("GET", f"/v1/catalog/items/{item_id}", key=SECRET)
    return answer.json() if answer.status_code == 200 else answer.status_code


async def test_an_item_is_stored_and_shown_at_once(shop: Deployment) -> None:
    answer = await put(shop, item("a", price=4.5, x_own=[1]))
    assert answer.json() == {"stored": 1, "rejected": 0, "errors": []}
    assert await shown(shop, "a") == {
        "item_id": "a", "title": "Title a", "price": "4.5", "currency": "EUR", "x_own": [1],
    }  # fmt: skip


async def test_a_change_of_stock_keeps_the_rest_and_is_produced_whole(shop: Deployment) -> None:
    await put(shop, item("a", brand="B", x_own=1))
    await put(shop, {"item_id": "a", "quantity": 3})
    assert shop.broker.values("catalog")[-1] == {**item("a"), "brand": "B", "x_own": 1, "quantity": 3}


async def test_two_changes_of_one_item_in_one_request_add_up(shop: Deployment) -> None:
    await put(shop, item("a"), {"item_id": "a", "quantity": 3}, {"item_id": "a", "brand": "B"})
    assert [record["item_id"] for record in shop.broker.values("catalog")] == ["a"]
    assert {"quantity": 3, "brand": "B"}.items() <= (await shown(shop, "a")).items()


async def test_null_takes_a_field_away_for_every_reader_of_the_topic(shop: Deployment) -> None:
    await put(shop, item("a", brand="B"))
    await put(shop, {"item_id": "a", "brand": None})
    assert "brand" not in await shown(shop, "a")
    assert shop.broker.values("catalog")[-1]["brand"] is None


async def test_items_that_are_not_valid_are_named_and_leave_the_others_alone(shop: Deployment) -> None:
    answer = await put(
        shop, item("a"), {"item_id": "b"}, item("c", price=-1), 5, item("d", url="javascript:1"), item("e")
    )
    found = answer.json()
    assert answer.status_code == 200
    assert (found["stored"], found["rejected"]) == (2, 4)
    assert [(one["pointer"], one["item_id"], one["reason"]) for one in found["errors"]] == [
        ("/items/1", "b", "schema"),
        ("/items/2", "c", "range"),
        ("/items/3", "", "schema"),
        ("/items/4", "d", "schema"),
    ]
    assert await shown(shop, "c") == 404


async def test_if_none_is_valid_it_is_a_problem(shop: Deployment) -> None:
    answer = await put(shop, {"item_id": "b"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [one["item_id"] for one in answer.json()["errors"]] == ["b"]


async def test_a_deleted_item_is_gone_and_deleting_again_is_no_error(shop: Deployment) -> None:
    await put(shop, item("a/b c"))
    for _ in range(2):
        answer = await shop._following(shop.call("DELETE", "/v1/catalog/items/a/b%20c", key=SECRET))
        assert (answer.status_code, answer.content) == (204, b"")
    assert await shown(shop, "a/b%20c") == 404
    records = [record for (noun, _), log in shop.broker.logs.items() if noun == "catalog" for record in log]
    assert records[-1].value is None


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"items": 1}', b"[" * 9_999])
async def test_a_body_without_items_is_refused(shop: Deployment, body: bytes) -> None:
    assert (await shop.call("PUT", "/v1/catalog/items", body, key=SECRET)).status_code == 400


async def test_a_thousand_items_at_a_time(shop: Deployment) -> None:
    assert (await put(shop, *[item(f"i{n}") for n in range(1_000)])).status_code == 200
    assert len(shop.catalogue) == 1_000
    assert (await put(shop, *[item("a")] * 1_001)).status_code == 413


@pytest.mark.parametrize("failure", [FULL, NOT_ACKNOWLEDGED], ids=["full", "not acknowledged"])
async def test_what_the_broker_does_not_acknowledge_is_not_stored(shop: Deployment, failure: Exception) -> None:
    shop.broker.failure = failure
    answer = await put(shop, item("a"))
    assert answer.status_code == 503
    assert "retry-after" in answer.headers


async def test_while_the_catalogue_is_being_read_nothing_is_folded_into_it(shop: Deployment) -> None:
    shop.catalogue.ready.clear()
    assert (await put(shop, item("a"))).status_code == 503
    assert shop.broker.values("catalog") == []


async def test_costs_are_for_the_shop_only(shop: Deployment) -> None:
    await put(shop, item("a", cost="1.00"))
    assert (await shown(shop, "a"))["cost"] == "1.00"
    assert (await shop.call("GET", "/v1/catalog/items/a")).status_code == 403
    await shop.settle()
    assert "cost" not in json.dumps(await shop.shelf("trending"))
