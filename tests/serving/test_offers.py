"""What is said of items: flags that follow events and stock, the same for everybody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest

from stream.demand.counts import DAY_MS
from tests.serving.deployment import DENIED, SECRET, Deployment, item

Validator = Callable[[str], jsonschema_rs.Draft202012Validator]


async def offers(shop: Deployment, *item_ids: str, secret: bool = False, **more: str) -> dict[str, Any]:
    params = {"item_id": ",".join(item_ids), **more}
    answer = await shop.call("GET", "/v1/offers", params=params, **({"key": SECRET} if secret else {}))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def said(answer: dict[str, Any], place: int = 0) -> list[str]:
    return [one["flag"] for one in answer["items"][place]["flags"]]


async def order(shop: Deployment, visitor_id: str, item_id: str, **more: Any) -> None:
    made = shop.event("purchase", visitor_id, item_id, transaction_id=f"{visitor_id}-{int(shop.now)}", **more)
    answer = await shop.call("POST", "/v1/events", made, key=SECRET)
    assert answer.status_code == 202, answer.text


async def a_rush(shop: Deployment, *, visitors: int = 14) -> None:
    """An item that is bought once a day for ten days, and then by so many visitors within a quarter of an hour."""
    await shop.stock(item("a", quantity=500), item("b"))
    for day in range(10):
        await order(shop, f"day {day}", "a")
        shop.now += DAY_MS
    for n in range(visitors):
        shop.now += 60_000
        await order(shop, f"v{n}", "a")
    await shop.settle()


async def test_a_rush_is_told_with_its_numbers(shop: Deployment, validator: Validator) -> None:
    await a_rush(shop)
    answer = await offers(shop, "a", "b", visitor_id="me")
    validator("offers").validate(answer)
    assert answer["placement"] == "offers"
    assert (answer["items"][0]["known"], said(answer), said(answer, 1)) == (True, ["selling_fast"], [])
    flag = answer["items"][0]["flags"][0]
    assert (flag["orders"], flag["in_hours"]) == (14, 24)
    assert flag["usually"] == pytest.approx(1, abs=0.2)


async def test_the_same_flag_stands_on_a_shelf(shop: Deployment, validator: Validator) -> None:
    await a_rush(shop)
    for n in range(3):
        await shop.view(f"w{n}", "b", "a")
    shelf = await shop.shelf("trending")
    validator("shelf").validate(shelf)
    shown = {one["item_id"]: one.get("flags") for one in shelf["items"]}
    assert shown["a"] == (await offers(shop, "a"))["items"][0]["flags"]
    assert shown["b"] is None


async def test_one_visitor_makes_no_flag_whatever_it_buys(shop: Deployment) -> None:
    await a_rush(shop, visitors=0)
    for n in range(60):
        shop.now += 60_000
        await order(shop, "bot", "a", session_id=f"s{n}", items=[{"item_id": "a", "quantity": 50}])
        await shop.view("bot", "a", session_id=f"s{n}", settle=False)
    await shop.settle()
    assert said(await offers(shop, "a")) == []


async def test_an_order_that_only_a_browser_tells_of_is_none(shop: Deployment) -> None:
    await a_rush(shop, visitors=0)
    for n in range(30):
        await shop.view(f"v{n}", "a", event="purchase", transaction_id=f"t{n}", settle=False)
    await shop.settle()
    assert said(await offers(shop, "a")) == []


async def test_flags_do_not_ask_who_looks(shop: Deployment) -> None:
    await a_rush(shop)
    await shop.view("me", "a", event="consent_update", consent=DENIED)
    nobody, me = await offers(shop, "a"), await offers(shop, "a", visitor_id="me")
    assert nobody["items"] == me["items"]
    assert me["status"] == "no_consent"
    assert me["fresh_to"]["occurred_at"] is None


async def test_stock_is_the_live_catalogues(shop: Deployment) -> None:
    await shop.stock(item("a", quantity=500))
    for day in range(40):
        for n in range(3):
            await order(shop, f"v{day}-{n}", "a")
            shop.now += DAY_MS // 3
    await shop.settle()
    assert said(await offers(shop, "a")) == []
    await shop.stock({"item_id": "a", "quantity": 4})
    assert (await offers(shop, "a"))["items"][0]["flags"][0]["says"] == "Only 4 left, bought 3 times a day."
    await shop.stock({"item_id": "a", "quantity": 0})
    assert said(await offers(shop, "a")) == []
    await shop.stock({"item_id": "a", "quantity": 5_000})
    assert said(await offers(shop, "a")) == []
    assert said(await offers(shop, "a", secret=True)) == ["overstocked"]


async def test_only_a_secret_key_is_told_how_an_item_sells(shop: Deployment, validator: Validator) -> None:
    await shop.stock(item("a", category="Pans"), item("new", category="Pans"))
    for day in range(21):
        await order(shop, f"v{day}", "a", items=[{"item_id": "a", "quantity": 2}])
        await shop.work()
        shop.now += DAY_MS
    await shop.settle()
    assert "demand" not in (await offers(shop, "a"))["items"][0]
    answer = await offers(shop, "a", "new", secret=True)
    validator("offers").validate(answer)
    demand = answer["items"][0]["demand"]
    assert demand["units_a_day"] == pytest.approx(2, rel=0.5)
    assert demand["forecast"]["of"] == "item"
    assert demand["forecast"]["units"] == pytest.approx([2] * 7, rel=0.1)
    assert answer["items"][1]["demand"]["forecast"] is None  # one other item makes no category


async def test_a_new_item_is_expected_to_sell_as_its_category(shop: Deployment) -> None:
    await shop.stock(*[item(f"p{n}", category="Pans") for n in range(6)], item("new", category="Pans"))
    for day in range(21):
        for n in range(6):
            await order(shop, f"v{day}-{n}", f"p{n}", items=[{"item_id": f"p{n}", "quantity": 4}])
        await shop.work()
        shop.now += DAY_MS
    await shop.settle()
    forecast = (await offers(shop, "new", secret=True))["items"][0]["demand"]["forecast"]
    assert forecast["of"] == "category"
    assert forecast["units"] == pytest.approx([4] * 7, rel=0.1)


async def test_an_unknown_item_is_told_and_the_others_are_answered(shop: Deployment, validator: Validator) -> None:
    await shop.stock(item("a"), item("hidden", hidden=True))
    answer = await offers(shop, "nonesuch", "a", "hidden", "a")
    validator("offers").validate(answer)
    assert [(one["item_id"], one["known"]) for one in answer["items"]] == [
        ("nonesuch", False), ("a", True), ("hidden", False),
    ]  # fmt: skip
    assert "check the id" in answer["items"][0]["says"]
    assert (await offers(shop, "nonesuch"))["status"] == "insufficient_data"


async def test_a_shop_without_a_catalogue_knows_what_was_seen(shop: Deployment) -> None:
    await shop.view("me", "a")
    answer = await offers(shop, "a", "b")
    assert [one["known"] for one in answer["items"]] == [True, False]


@pytest.mark.parametrize("query", ["", "item_id=", "item_id=,", "item_id=" + ",".join(map(str, range(101)))])
async def test_a_request_about_nothing_or_too_much_is_refused(shop: Deployment, query: str) -> None:
    answer = await shop.call("GET", f"/v1/offers?{query}")
    assert answer.status_code == 400
    assert "item_id" in answer.json()["detail"]


async def test_without_redis_it_answers_what_it_holds(shop: Deployment) -> None:
    await a_rush(shop)
    await offers(shop, "a")
    shop.redis.away = True
    answer = await offers(shop, "a", "b", visitor_id="me")
    assert (answer["status"], answer["rung"]) == ("degraded", "local")
    assert said(answer) == ["selling_fast"]


@pytest.mark.parametrize("broken", [b"", b"\xc1", b"\x81\xa6demand\x05"])
async def test_a_broken_row_is_no_reason_for_a_flag(shop: Deployment, broken: bytes) -> None:
    await a_rush(shop)
    for values in shop.store.values.values():
        for key in values:
            if key == "item:a":
                values[key] = broken
    await shop.settle()
    answer = await offers(shop, "a", secret=True)
    assert (said(answer), answer["items"][0]["known"]) == ([], True)


async def test_a_flag_that_was_shown_follows_its_events_at_the_next_look(shop: Deployment) -> None:
    await a_rush(shop, visitors=0)
    for n in range(3):
        await shop.view(f"w{n}", "b", "a")
    assert said(await offers(shop, "a")) == []
    assert (await shop.shelf("trending"))["items"]
    for n in range(14):
        await order(shop, f"v{n}", "a")
    await shop.work()
    for partition in range(2):
        await shop.api.rows._look(partition)
    shown = {one["item_id"]: one.get("flags") for one in (await shop.shelf("trending"))["items"]}
    assert [one["flag"] for one in shown["a"] or ()] == ["selling_fast"]
