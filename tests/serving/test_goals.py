"""Three placements alike but for their goal, and one log: each orders by what it is for."""

from __future__ import annotations

from typing import Any

import pytest

from stream.live import FIRST_AFTER
from tests.serving.deployment import SECRET, Deployment, ids, item

ALIKE: dict[str, Any] = {
    "explain": "For a test.",
    "recommenders": ["session_table", "category_popular"],
    "repeats": False,
    "page": True,
    "n": 8,
}
GOALS = ("clicks", "conversions", "revenue")
PRICES = {"r1": "4.00", "r2": "4.00", "r3": "4.00", "n1": "5.00", "n2": "5.00", "n3": "80.00"}


@pytest.fixture
async def shop_of_habits(shop: Deployment) -> Deployment:
    """Around a red item shoppers look at more red ones, and what they order in the end is something new in blue."""
    await shop.stock(
        item("red", category="Red"),
        *[item(one, category="Red" if one[0] == "r" else "Blue", price=price) for one, price in PRICES.items()],
    )
    for n, one in enumerate(PRICES):
        for again in range(3):
            await shop.view(f"before{n}{again}", "red", one, settle=False)
    await shop.settle()
    for goal in GOALS:
        await shop.place(f"by_{goal}", goal=goal, **ALIKE)
    for n in range(2 * FIRST_AFTER):
        await visits(shop, f"shopper{n}", f"r{1 + n % 3}", f"n{1 + n % 3}")
    await shop.api.models.refresh()
    return shop


async def visits(shop: Deployment, visitor: str, clicked: str, ordered: str) -> None:
    await shop.view(visitor, "red")
    shelf = await shop.shelf("by_clicks", visitor, item_ids=["red"])
    shop.now += 1_000
    told = {"decision_id": shelf["decision_id"]}
    seen = shop.event("view_item_list", visitor, *ids(shelf), **told)
    assert (await shop.call("POST", "/v1/events", seen)).status_code == 202
    await shop.view(visitor, clicked, event="select_item", settle=False, **told)
    await shop.view(visitor, ordered, event="purchase", transaction_id=f"t-{visitor}", key=SECRET)


async def test_each_goal_orders_by_what_it_is_for(shop_of_habits: Deployment) -> None:
    shop = shop_of_habits
    await shop.view("me", "red")
    clicks, conversions, revenue = [await shop.shelf(f"by_{goal}", "me", item_ids=["red"]) for goal in GOALS]
    assert {shelf["status"] for shelf in (clicks, conversions, revenue)} == {"ok"}
    assert {one[0] for one in ids(clicks)[:3]} == {"r"}
    assert {one[0] for one in ids(conversions)[:3]} == {"n"}
    probability = {one["item_id"]: one["score"] for one in conversions["items"]}
    for one in revenue["items"]:
        assert one["score"] == pytest.approx(probability[one["item_id"]] * float(one["price"]), rel=1e-3)
    assert ids(revenue)[0] == "n3"
    assert ids(revenue) == sorted(ids(revenue), key=lambda one: -probability[one] * float(PRICES[one]))


async def test_what_each_was_ordered_by_is_on_record(shop_of_habits: Deployment) -> None:
    await shop_of_habits.view("me", "red")
    for goal in GOALS:
        await shop_of_habits.shelf(f"by_{goal}", "me", item_ids=["red"])
    models = [record["choices"]["model"] for record in shop_of_habits.broker.values("decisions") if record["pid"]]
    assert set(models) == {"clicks", "conversions"}
