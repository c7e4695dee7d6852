"""Reference prices on shelves and in results: from the ledger, or none."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import structs

from serving.prices import Prices
from serving.shop import Shop
from stream.fold import Record
from stream.ledger import Offer, after
from stream.prices import DAY_MS, Reduction
from tests.serving.deployment import Deployment
from tests.stream.test_catalogue import read, record

PAN: dict[str, Any] = {"item_id": "pan", "title": "Enamel pan", "price": "100.00", "currency": "EUR"}
POT: dict[str, Any] = {"item_id": "pot", "title": "Stock pot", "price": "60.00", "currency": "EUR"}


async def shown(shop: Deployment, item_id: str = "pan") -> dict[str, Any]:
    shelf = await shop.shelf("trending", "v")
    found: dict[str, Any] = next(item for item in shelf["items"] if item["item_id"] == item_id)
    return found


async def reduced(shop: Deployment, *, after_days: float = 31, **more: Any) -> Deployment:
    await shop.stock(PAN, POT)
    await shop.settle()
    shop.now += after_days * DAY_MS
    await shop.stock({"item_id": "pan", "sale_price": "80.00"} | more)
    await shop.settle()
    return shop


async def test_a_reduction_with_thirty_days_of_history_has_its_reference_price() -> None:
    item = await shown(await reduced(Deployment()))
    assert (item["price"], item["reference_price"]) == ("80.00", "100.00")


async def test_without_the_history_the_shelf_says_the_price_alone() -> None:
    item = await shown(await reduced(Deployment(), after_days=29))
    assert item["price"] == "80.00"
    assert "reference_price" not in item


async def test_new_goods_have_one_where_the_setting_says_so() -> None:
    item = await shown(await reduced(Deployment(reduce_new_items=True), after_days=29))
    assert item["reference_price"] == "100.00"


async def test_a_progressive_reduction_keeps_its_first_reference_where_the_setting_says_so() -> None:
    for progressive, expected in ((False, "80.00"), (True, "100.00")):
        shop = await reduced(Deployment(reduce_progressively=progressive))
        shop.now += DAY_MS
        await shop.stock({"item_id": "pan", "sale_price": "50.00"})
        await shop.settle()
        assert (await shown(shop))["reference_price"] == expected


async def test_an_item_that_is_not_reduced_has_none() -> None:
    shop = await reduced(Deployment())
    assert "reference_price" not in await shown(shop, "pot")
    await shop.stock({"item_id": "pan", "sale_price": None})
    await shop.settle()
    item = await shown(shop)
    assert item["price"] == "100.00"
    assert "reference_price" not in item


async def test_until_the_ledger_says_the_same_the_price_stands_alone() -> None:
    shop = await reduced(Deployment())
    await shop.stock({"item_id": "pan", "sale_price": "70.00"})
    item = await shown(shop)
    assert item["price"] == "70.00"
    assert "reference_price" not in item
    await shop.settle()
    assert (await shown(shop))["reference_price"] == "80.00"


async def test_results_say_the_same_as_shelves() -> None:
    shop = await reduced(Deployment())
    answer = await shop.call("GET", "/v1/search?q=pan&visitor_id=v")
    item = answer.json()["items"][0]
    assert (item["item_id"], item["price"], item["reference_price"]) == ("pan", "80.00", "100.00")


async def test_what_offers_can_say_of_an_item() -> None:
    shop = await reduced(Deployment())
    now = int(shop.now)
    assert shop.prices.reduction("pan", now) == Reduction("80.00", "EUR", now, reference_price="100.00", began_ms=now)
    assert shop.prices.reduction("pot", now) == Reduction("60.00", "EUR", now - 31 * DAY_MS, why="no_reduction")
    assert shop.prices.reduction("nothing", now) is None


def written(offset: int, sale_price: str | None) -> Record:
    """A record of the truth: 40 days at 5, then reduced."""
    offer = Offer(listed=True, price="5")
    known = after(None, offer, 0, 0)
    if sale_price:
        known = after(known, structs.replace(offer, sale_price=sale_price), 40 * DAY_MS, 1)
    return Record("prices", 0, offset, 0, b"a", msgspec.msgpack.encode(known))


def test_a_new_reading_of_the_ledger_replaces_the_old_one() -> None:
    prices, heard = Prices(), list[str]()
    prices.watch(heard.append)
    shop = Shop(read(record("a", 0, title="A", price="5", sale_price="4")), prices=prices)
    prices.restart()
    prices.apply([written(0, None), written(1, "4")])
    assert "reference_price" not in shop.fragments("a").shelf
    prices.caught_up()
    assert '"reference_price":"5"' in shop.fragments("a").shelf
    prices.restart()
    prices.apply([written(0, None)])
    assert '"reference_price":"5"' in shop.fragments("a").shelf
    prices.caught_up()
    assert "reference_price" not in shop.fragments("a").shelf
    assert heard == ["a", "a"]


def test_an_older_history_that_comes_late_changes_nothing() -> None:
    prices = Prices()
    shop = Shop(read(record("a", 0, title="A", price="5", sale_price="4")), prices=prices)
    prices.apply([written(0, "4"), written(1, None)])
    assert '"reference_price":"5"' in shop.fragments("a").shelf


def test_a_fragment_stays_while_the_ledger_says_nothing_new() -> None:
    prices = Prices()
    shop = Shop(read(record("a", 0, title="A", price="5", sale_price="4")), prices=prices)
    first = shop.fragments("a")
    prices.apply([Record("prices", 0, 0, 0, b"a", b"broken")])
    assert shop.fragments("a") is first
    prices.apply([written(1, "4")])
    assert '"reference_price":"5"' in shop.fragments("a").shelf
