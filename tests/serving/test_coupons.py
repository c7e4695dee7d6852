"""Coupons of declared offers from the first ask to the purchase: who gets one, when, what is answered and recorded."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest

import schemas
from serving.config import BadDocument
from serving.coupons.decide import _share
from serving.coupons.offer import PERSONALISED, offer
from tests.serving.deployment import DENIED, SECRET, Deployment, item

Validator = Callable[[str], jsonschema_rs.Draft202012Validator]
PATH = "/v1/admin/offers/"
HOUR_MS = 3_600_000
STAY: dict[str, Any] = {
    "explain": "A little help for who hesitates.",
    "cart": {"least": "10", "currency": "EUR"},
    "coupon": {"code": "STAY5", "says": "5 % off", "percent": 5},
    "budget": {"coupons": 100},
    "holdout": 0.01,
}


class Foretold:
    """An intent model that says what it is told to."""

    def __init__(self, probability: float, *, proven: bool = True) -> None:
        self.probability, self.proven = probability, proven

    def predict(self, features: object) -> float:
        return self.probability


@pytest.fixture
async def stocked(shop: Deployment) -> Deployment:
    await shop.stock(item("pan", price="20.00", category="Kitchen > Pans"), item("lid", price="4.00"))
    return shop


async def put(shop: Deployment, name: str = "stay", status: int = 200, **more: Any) -> Any:
    answer = await shop._following(shop.call("PUT", PATH + name, STAY | more, key=SECRET))
    assert answer.status_code == status, answer.text
    return answer.json()


async def ask(shop: Deployment, visitor_id: str = "me", **more: str) -> dict[str, Any]:
    shop.now += 500
    answer = await shop.call("GET", "/v1/offers", params={"visitor_id": visitor_id, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def counted(shop: Deployment) -> None:
    """The workers catch up, and this process reads what the offers have given."""
    await shop.work()
    await shop.api.budgets.refresh()


async def coupons(shop: Deployment, visitor_id: str = "me") -> list[str]:
    """The codes that a visitor has, once what the first ask claims was counted."""
    await ask(shop, visitor_id)
    await counted(shop)
    return [one["code"] for one in (await ask(shop, visitor_id))["offers"]]


async def carts(shop: Deployment, *item_ids: str, visitor_id: str = "me", **more: Any) -> None:
    await shop.view(visitor_id, *item_ids, event="add_to_cart", **more)


def claims(shop: Deployment) -> list[Any]:
    return [one for one in shop.broker.values("events") if one["event"] == "due"]


def noted(shop: Deployment) -> list[Any]:
    return [one["offer"] for one in shop.broker.values("decisions") if one.get("kind") == "offer"]


async def test_a_coupon_is_there_once_it_was_counted(stocked: Deployment, validator: Validator) -> None:
    await put(stocked)
    await carts(stocked, "pan")
    assert (await ask(stocked))["offers"] == []
    await counted(stocked)
    answer = await ask(stocked, item_id="pan")
    validator("offers").validate(answer)
    [coupon] = answer["offers"]
    assert (coupon["name"], coupon["code"], coupon["says"]) == ("stay", "STAY5", "5 % off")
    assert (coupon["price_personalised"], coupon["text"]) == (True, PERSONALISED)
    assert (await stocked.call("GET", PATH + "stay", key=SECRET)).json()["given"] == 1


async def test_it_stays_the_same_and_is_claimed_once(stocked: Deployment) -> None:
    await put(stocked)
    await carts(stocked, "pan")
    assert await coupons(stocked) == ["STAY5"]
    await put(stocked, coupon={"code": "OTHER", "says": "9 % off", "percent": 9}, enabled=False)
    await put(stocked, "more", coupon={"code": "MORE", "says": "9 % off", "percent": 9})
    assert await coupons(stocked) == ["STAY5"]
    assert len(claims(stocked)) == 1


async def test_a_purchase_ends_it_and_nothing_follows_in_that_visit(stocked: Deployment) -> None:
    await put(stocked, per_visitor=2)
    await carts(stocked, "pan")
    assert await coupons(stocked) == ["STAY5"]
    await stocked.view("me", "lid", event="purchase", transaction_id="t")
    assert await coupons(stocked) == []


async def test_it_ends_with_its_time(stocked: Deployment) -> None:
    await put(stocked, coupon=STAY["coupon"] | {"hours": 1})
    await carts(stocked, "pan")
    assert await coupons(stocked) == ["STAY5"]
    stocked.now += HOUR_MS
    assert await coupons(stocked) == []


async def test_one_visitor_gets_as_many_as_the_offer_says(stocked: Deployment) -> None:
    await put(stocked, coupon=STAY["coupon"] | {"hours": 1}, per_visitor=2)
    found = []
    for _ in range(3):
        await carts(stocked, "pan")
        found.append(await coupons(stocked))
        stocked.now += HOUR_MS
    assert found == [["STAY5"], ["STAY5"], []]
    assert len(claims(stocked)) == 2


async def test_a_spent_budget_gives_none_and_asks_for_none(stocked: Deployment) -> None:
    await put(stocked, budget={"coupons": 1})
    await carts(stocked, "pan", visitor_id="first")
    assert await coupons(stocked, "first") == ["STAY5"]
    await carts(stocked, "pan")
    assert await coupons(stocked) == []
    assert len(claims(stocked)) == 1


async def test_however_many_ask_within_one_moment_the_budget_is_not_exceeded(stocked: Deployment) -> None:
    await put(stocked, budget={"coupons": 3})
    for n in range(20):
        await carts(stocked, "pan", visitor_id=f"v{n}", settle=False)
    await stocked.settle()
    for n in range(20):
        await ask(stocked, f"v{n}")
    await counted(stocked)
    assert sum([len((await ask(stocked, f"v{n}"))["offers"]) for n in range(20)]) == 3


async def test_who_was_refused_gets_one_once_the_budget_is_raised(stocked: Deployment) -> None:
    await put(stocked, budget={"coupons": 1})
    await carts(stocked, "pan", visitor_id="first")
    await carts(stocked, "pan")
    await ask(stocked, "first")
    assert await coupons(stocked) == []
    stocked.now += 1_000
    await put(stocked, budget={"coupons": 2})
    assert await coupons(stocked) == ["STAY5"]


async def test_without_consent_there_is_none_and_nothing_is_recorded(stocked: Deployment) -> None:
    await put(stocked)
    await carts(stocked, "pan", consent={"analytics": True, "personalization": False})
    assert (await ask(stocked))["offers"] == []
    assert claims(stocked) == []
    assert noted(stocked) == []


@pytest.mark.parametrize("objection", [{"params": {"profiling": "off"}}, {"headers": {"sec-gpc": "1"}}])
async def test_who_objects_to_profiling_gets_none(stocked: Deployment, objection: dict[str, Any]) -> None:
    await put(stocked)
    await carts(stocked, "pan")
    assert await coupons(stocked) == ["STAY5"]
    params = {"visitor_id": "me"} | objection.pop("params", {})
    answer = await stocked.call("GET", "/v1/offers", params=params, **objection)
    assert answer.json()["offers"] == []


async def test_a_withdrawal_takes_it_away_at_once(stocked: Deployment) -> None:
    await put(stocked)
    await carts(stocked, "pan")
    assert await coupons(stocked) == ["STAY5"]
    await stocked.call("PUT", "/v1/visitors/me/consent", DENIED)
    assert (await ask(stocked))["offers"] == []


@pytest.mark.parametrize(("probability", "codes"), [(0.01, []), (0.2, ["STAY5"]), (0.5, []), (0.9, [])])
async def test_only_who_wavers_gets_one(stocked: Deployment, probability: float, codes: list[str]) -> None:
    await put(stocked, intent={"from": 0.05, "until": 0.5})
    await carts(stocked, "pan")
    model: Any = Foretold(probability)
    stocked.api.models.intent = model
    assert await coupons(stocked) == codes


async def test_nobody_wavers_while_the_model_proves_nothing(stocked: Deployment) -> None:
    await put(stocked, intent={"from": 0.0, "until": 1.0})
    await carts(stocked, "pan")
    assert await coupons(stocked) == []
    model: Any = Foretold(0.5, proven=False)
    stocked.api.models.intent = model
    assert await coupons(stocked) == []


@pytest.mark.parametrize(
    ("cart", "codes"),
    [
        ({}, ["STAY5"]),
        ({"least": "24", "currency": "EUR"}, ["STAY5"]),
        ({"least": "24.01", "currency": "EUR"}, []),
        ({"least": "1", "currency": "USD"}, []),
        ({"items": {"category": "Kitchen > Pans"}}, ["STAY5"]),
        ({"items": {"category": "Kitchen > Pans"}, "least": "20.01", "currency": "EUR"}, []),
        ({"items": {"category": "Garden"}}, []),
    ],
)
async def test_only_for_carts_that_are_meant(stocked: Deployment, cart: dict[str, Any], codes: list[str]) -> None:
    await put(stocked, cart=cart)
    await carts(stocked, "pan", "lid")
    assert await coupons(stocked) == codes


async def test_only_for_shoppers_that_are_meant_and_at_its_time(stocked: Deployment) -> None:
    await carts(stocked, "pan")
    await put(stocked, when={"segment": {"visitor": "returning"}})
    assert await coupons(stocked) == []
    await put(stocked, when={"until": "2020-01-01T00:00:00Z"})
    assert await coupons(stocked) == []
    await put(stocked, when={"segment": {"visitor": "new"}})
    assert await coupons(stocked) == ["STAY5"]


async def test_a_share_is_held_out_always_the_same_and_on_record(stocked: Deployment, validator: Validator) -> None:
    await put(stocked, holdout=0.5)
    visitors = [f"v{n}" for n in range(24)]
    for visitor_id in visitors:
        await carts(stocked, "pan", visitor_id=visitor_id, settle=False)
    await stocked.settle()
    given = {visitor_id for visitor_id in visitors if await coupons(stocked, visitor_id)}
    assert given == {one for one in visitors if _share(stocked.pid(one), "stay") >= 0.5}
    assert 4 < len(given) < 20
    assert {visitor_id for visitor_id in visitors if await coupons(stocked, visitor_id)} == given
    told = noted(stocked)
    assert {one["reason"] for one in told} == {"asked", "given", "held_out"}
    assert {one["propensity"] for one in told if one["reason"] != "given"} == {0.5}
    for record in stocked.broker.values("decisions"):
        validator("decision_record").validate(record)


async def test_the_claim_is_an_event_of_the_contract(stocked: Deployment, validator: Validator) -> None:
    await put(stocked)
    await carts(stocked, "pan")
    await ask(stocked)
    [claim] = claims(stocked)
    validator("event").validate(claim)


async def test_redis_away_gives_none_and_asks_for_none(stocked: Deployment) -> None:
    await put(stocked)
    await carts(stocked, "pan")
    stocked.redis.away = True
    assert (await ask(stocked))["offers"] == []
    assert claims(stocked) == []


async def test_a_removed_offer_takes_its_coupons_along(stocked: Deployment) -> None:
    await put(stocked)
    await carts(stocked, "pan")
    assert await coupons(stocked) == ["STAY5"]
    await stocked._following(stocked.call("DELETE", PATH + "stay", key=SECRET))
    assert await coupons(stocked) == []


async def test_an_edit_of_an_older_revision_is_refused_and_edits_are_audited(stocked: Deployment) -> None:
    revision = (await put(stocked))["revision"]
    stale = {"if-match": f'"{revision - 1}"'}
    answer = await stocked._following(stocked.call("PUT", PATH + "stay", STAY, key=SECRET, headers=stale))
    assert answer.status_code == 412
    assert {one["action"] for one in stocked.broker.values("audit")} == {"offer.edit"}


@pytest.mark.parametrize("valid", [True, False])
def test_code_and_schema_agree_on_the_examples(valid: bool) -> None:
    for title, document in schemas.examples("offer", valid).items():
        assert taken(document) == valid, title


def taken(document: Any) -> bool:
    try:
        offer(json.loads(json.dumps(document)), document["name"])
    except BadDocument:
        return False
    return True


@pytest.mark.parametrize(
    ("more", "pointer", "word"),
    [
        ({"cart": None}, "/cart", "object"),
        ({"intent": {"from": 0.5, "until": 0.5}}, "/intent/until", "above"),
        ({"coupon": {"code": "A", "says": "b"}}, "/coupon", "percent"),
        ({"cart": {"least": "5"}}, "/cart/currency", "EUR"),
        ({"when": {"segment": {"age": 3}}}, "/when/segment/age", "visitor"),
        ({"cart": {"items": {"colour": 1}}}, "/cart/items/colour", "brand"),
    ],
)
async def test_what_is_wrong_is_said_where_it_stands(
    stocked: Deployment, more: dict[str, Any], pointer: str, word: str
) -> None:
    [error] = (await put(stocked, status=422, **more))["errors"]
    assert error["pointer"] == pointer
    assert word in error["detail"]
