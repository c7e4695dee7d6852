"""``POST /v1/events?format=``: other systems' documents through the same gate, with a verdict for each message."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stream.adapters import adapters
from tests.adapters.golden_files import documents
from tests.serving.deployment import DENIED, GRANTED, NOT_ACKNOWLEDGED, NOW, PUBLISHABLE, SECRET, Deployment

GOLDEN = [pytest.param(name, path, id=f"{name}-{path.stem}") for name, path in documents()]


def view(item_id: Any = "a", **more: Any) -> dict[str, Any]:
    return {"event": "view_item", "ecommerce": {"currency": "EUR", "items": [{"item_id": item_id, **more}]}}


def pushed(*data: Any, **more: Any) -> dict[str, Any]:
    return {"visitor_id": "me", "pushed_at": NOW, "consent": GRANTED, "data": list(data), **more}


async def send(shop: Deployment, body: Any, format_: str = "ga4", query: str = "", **more: Any) -> list[dict[str, Any]]:
    answer = await shop.call("POST", f"/v1/events?format={format_}{query}", body, **more)
    assert answer.status_code == 202, answer.text
    verdicts: list[dict[str, Any]] = answer.json()["verdicts"]
    return verdicts


async def test_each_message_has_a_verdict_in_the_order_sent(shop: Deployment) -> None:
    verdicts = await send(shop, pushed(view("a"), {"event": "gtm.js"}, view(None), view("b")))
    assert [(one["status"], one.get("reason"), one["source"]) for one in verdicts] == [
        ("accepted", None, "data[0]"),
        ("not_stored", "ignored", "data[1]"),
        ("rejected", "schema", "data[2]"),
        ("accepted", None, "data[3]"),
    ]
    assert "`data[2].ecommerce.items[0].item_id` is missing" in verdicts[2]["detail"]
    assert [event["items"][0]["item_id"] for event in shop.broker.values("events")] == ["a", "b"]


async def test_what_the_gate_refuses_is_named_where_it_stood(shop: Deployment) -> None:
    wrong = [view(price="-1"), view(quantity=0), view(price="1.299,00 €"), view(index=[])]
    verdicts = await send(shop, pushed(view(), *wrong))
    assert [one.get("reason") for one in verdicts] == [None, "range", "range", "schema", "schema"]
    for number, field in enumerate(("price", "quantity", "price", "index"), 1):
        assert f"that is `data[{number}].ecommerce.items[0].{field}`" in verdicts[number]["detail"]
    assert "1.299" not in json.dumps(verdicts)


async def test_a_time_that_is_none_is_named_where_it_stood(shop: Deployment) -> None:
    verdicts = await send(shop, pushed(view(), pushed_at="yesterday"))
    assert "that is `pushed_at`" in verdicts[0]["detail"]


async def test_the_same_delivery_twice_is_a_duplicate(shop: Deployment) -> None:
    first, again = pushed(view(), view(), sent_at=NOW + 5), pushed(view(), view(), sent_at=NOW + 9_000)
    assert [one["status"] for one in await send(shop, first)] == ["accepted", "accepted"]
    await shop.settle()
    assert [one["status"] for one in await send(shop, again)] == ["duplicate", "duplicate"]


async def test_pushes_cut_into_other_requests_keep_their_ids(shop: Deployment) -> None:
    await send(shop, pushed(view("a"), view("a")))
    await shop.settle()
    assert [one["status"] for one in await send(shop, pushed(view("a"), sequence=1))] == ["duplicate"]
    assert [one["status"] for one in await send(shop, pushed(view("a"), sequence=2))] == ["accepted"]


async def test_a_thank_you_page_that_is_loaded_again_buys_nothing_twice(shop: Deployment) -> None:
    order = {"event": "purchase", "ecommerce": {"transaction_id": "1", "value": 5, "items": [{"item_id": "a"}]}}
    await send(shop, pushed(order))
    await shop.settle()
    assert [one["status"] for one in await send(shop, pushed(order, pushed_at=NOW + 60_000))] == ["duplicate"]


async def test_a_beacon_needs_no_header(shop: Deployment) -> None:
    body = json.dumps(pushed(view())).encode()
    headers = {"content-type": "text/plain;charset=UTF-8"}
    verdicts = await send(shop, body, query=f"&key={PUBLISHABLE}", key=None, headers=headers)
    assert verdicts[0]["status"] == "accepted"


async def test_consent_decides_as_ever(shop: Deployment) -> None:
    verdicts = await send(shop, pushed(view(), consent=DENIED))
    assert (verdicts[0]["status"], verdicts[0].get("reason")) == ("not_stored", None)


async def test_a_consent_update_grants_and_a_default_does_not(shop: Deployment) -> None:
    default = ["consent", "default", {"analytics_storage": "granted", "personalization_storage": "granted"}]
    update = ["consent", "update", {"analytics_storage": "granted", "personalization_storage": "granted"}]
    verdicts = await send(shop, {"visitor_id": "me", "pushed_at": NOW, "data": [default, view()]})
    assert [one["status"] for one in verdicts] == ["not_stored", "not_stored"]
    verdicts = await send(shop, {"visitor_id": "me", "pushed_at": NOW, "data": [update]})
    assert verdicts[0]["status"] == "accepted"
    await shop.settle()
    verdicts = await send(shop, {"visitor_id": "me", "pushed_at": NOW + 1, "data": [view()]})
    assert verdicts[0]["status"] == "accepted"


async def test_who_a_customer_is_must_be_proven(shop: Deployment) -> None:
    message = {"type": "identify", "messageId": "m", "anonymousId": "me", "userId": "c", "timestamp": NOW}
    assert (await send(shop, message, "segment"))[0]["status"] == "rejected"
    consent = {"context": {"consent": {"categoryPreferences": {"Analytics": True, "Functional": True}}}}
    assert (await send(shop, {**message, **consent}, "segment", key=SECRET))[0]["status"] == "accepted"


async def test_the_token_of_another_visitor_is_refused(shop: Deployment) -> None:
    minted = (await shop.call("POST", "/v1/visitors/you/token", {}, key=SECRET)).json()["visitor_token"]
    answer = await shop.call("POST", "/v1/events?format=ga4", pushed(view(), visitor_token=minted))
    assert answer.status_code == 403


async def test_the_query_says_which_id_counts(shop: Deployment) -> None:
    variant = {"id": "432", "sku": "SKU-1", "price": {"amount": 1, "currencyCode": "EUR"}}
    event = {
        "id": "e",
        "clientId": "me",
        "name": "product_viewed",
        "timestamp": NOW,
        "data": {"productVariant": variant},
    }
    whole = {"events": [event], "customerPrivacy": {"analyticsProcessingAllowed": True}}
    await send(shop, whole, "shopify")
    await send(shop, {**whole, "events": [{**event, "id": "f"}]}, "shopify", "&item_id=id")
    assert [event["items"][0]["item_id"] for event in shop.broker.values("events")] == ["SKU-1", "432"]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("format=matomo", "Those known are liveshelf, ga4, segment, shopify."),
        ("format=ga4&item_id=ean", "neither `sku`"),
    ],
)
async def test_an_unknown_query_is_refused(shop: Deployment, query: str, says: str) -> None:
    answer = await shop.call("POST", f"/v1/events?{query}", pushed(view()))
    assert answer.status_code == 400
    assert says in answer.json()["detail"]


@pytest.mark.parametrize("name", adapters())
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"3", b'"\\ud800"', b"[" * 100_000, b'{"data": NaN}', b"\xff"])
async def test_a_body_without_messages_is_refused_whole(shop: Deployment, name: str, body: bytes) -> None:
    answer = await shop.call("POST", f"/v1/events?format={name}", body)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


async def test_no_more_than_five_hundred(shop: Deployment) -> None:
    answer = await shop.call("POST", "/v1/events?format=ga4", pushed(*[{"event": "gtm.js"}] * 501))
    assert answer.status_code == 413


async def test_without_a_broker_none_is_accepted(shop: Deployment) -> None:
    shop.broker.failure = NOT_ACKNOWLEDGED
    assert (await shop.call("POST", "/v1/events?format=ga4", pushed(view()))).status_code == 503


@pytest.mark.parametrize(("name", "path"), GOLDEN)
async def test_golden_documents_are_taken(name: str, path: Any) -> None:
    golden = json.loads(path.read_text(encoding="utf-8"))
    shop = Deployment(consent_default="granted")
    query = f"format={name}&item_id={golden.get('item_id', 'sku')}"
    answer = await shop.call("POST", f"/v1/events?{query}", golden["payload"], key=SECRET)
    if isinstance(golden["outcomes"], dict):
        assert answer.status_code == 400
        return
    expected = [
        "accepted" if "event" in one else "not_stored" if "ignored" in one else "rejected" for one in golden["outcomes"]
    ]
    assert [one["status"] for one in answer.json()["verdicts"]] == expected
