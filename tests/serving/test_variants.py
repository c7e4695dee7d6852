"""Variants of one item: one of them in a shelf, and none of the page's own."""

from __future__ import annotations

import pytest

from serving.placements import placements
from tests.serving.deployment import Deployment, ids, item

EVERYWHERE = sorted(placements())


@pytest.fixture
async def dressed(shop: Deployment) -> Deployment:
    """Ten shirts in three sizes, and a cap without any."""
    await shop.stock(
        *[
            item(f"s{n}{size}", title=f"Shirt {n}", category="Shirts", item_group_id=f"s{n}")
            for n in range(10)
            for size in "SML"
        ],
        item("cap", title="Shirt cap", category="Caps"),
    )
    for visitor in ("u", "v", "w"):
        await shop.view(visitor, *[f"s{n}{size}" for n in range(5) for size in "SML"], "cap", settle=False)
    await shop.view("me", "s0S", "s1M", "s1L", "cap")
    return shop


def groups(shown: list[str]) -> list[str]:
    return [item_id[:2] for item_id in shown if item_id != "cap"]


@pytest.mark.parametrize("placement", EVERYWHERE)
@pytest.mark.parametrize("n", [3, 50])
async def test_one_of_each_group_is_in_a_shelf(dressed: Deployment, placement: str, n: int) -> None:
    page = ["s0S"] if "pdp" in placement else []
    shown = groups(ids(await dressed.shelf(placement, "me", item_ids=page, n=n)))
    assert len(set(shown)) == len(shown) > 0


@pytest.mark.parametrize("placement", EVERYWHERE)
async def test_the_pages_own_group_is_not_on_its_shelves(dressed: Deployment, placement: str) -> None:
    assert "s1" not in groups(ids(await dressed.shelf(placement, "me", item_ids=["s1S"], n=50)))


async def test_the_best_variant_that_is_in_stock_is_the_one(dressed: Deployment) -> None:
    first = next(one for one in ids(await dressed.shelf("trending", n=50)) if one.startswith("s0"))
    await dressed.stock({"item_id": first, "quantity": 0})
    second = [one for one in ids(await dressed.shelf("trending", n=50)) if one.startswith("s0")]
    assert len(second) == 1
    assert second != [first]


async def test_a_shelf_is_full_although_most_neighbours_are_variants(dressed: Deployment) -> None:
    assert len(ids(await dressed.shelf("pdp_also_bought", "me", item_ids=["cap"], n=5))) == 5


async def test_who_sends_no_groups_sees_all(shop: Deployment) -> None:
    await shop.stock(item("a"), item("b"))
    await shop.settle()
    assert len(ids(await shop.shelf("trending"))) == 2
    assert not shop.api.shop.grouped
