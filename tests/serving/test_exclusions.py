"""What is never shown, on live values, whichever generator proposes it."""

import pytest

from serving.placements import placements
from tests.serving.deployment import DENIED, NOW, SECRET, Deployment, ids, item

DAY_MS = 86_400_000


@pytest.fixture
async def walked(shop: Deployment) -> Deployment:
    """Everybody goes a → b → c, and so did `me`, lately; d is only in the catalogue."""
    await shop.stock(*[item(i, category="Pans") for i in "abcd"])
    for visitor in ("u", "v", "w"):
        await shop.view(visitor, "a", "b", "c")
    await shop.view("me", "a")
    return shop


EVERYWHERE = sorted(placements())


async def everything(shop: Deployment, placement: str, **more: object) -> list[str]:
    return ids(await shop.shelf(placement, "me", item_ids=["a"] if "pdp" in placement else [], n=50, **more))


@pytest.mark.parametrize("placement", EVERYWHERE)
@pytest.mark.parametrize(
    "change",
    [{"availability": "out_of_stock"}, {"quantity": 0}, {"hidden": True}, {"published_at": NOW + 10 * DAY_MS}],
    ids=lambda change: next(iter(change)),
)
async def test_what_is_not_sold_now_is_not_shown(walked: Deployment, placement: str, change: dict[str, object]) -> None:
    await walked.view("me", "b")
    assert "b" in await everything(walked, placement)
    await walked.stock({"item_id": "b", **change})
    assert "b" not in await everything(walked, placement)


@pytest.mark.parametrize("placement", EVERYWHERE)
async def test_a_preorder_without_stock_is_shown(walked: Deployment, placement: str) -> None:
    await walked.view("me", "b")
    await walked.stock({"item_id": "b", "quantity": 0, "availability": "preorder"})
    assert "b" in await everything(walked, placement)


@pytest.mark.parametrize("placement", EVERYWHERE)
async def test_a_deleted_item_is_not_shown(walked: Deployment, placement: str) -> None:
    await walked.view("me", "b")
    answer = await walked._following(walked.call("DELETE", "/v1/catalog/items/b", key=SECRET))
    assert answer.status_code == 204
    assert "b" not in await everything(walked, placement)


@pytest.mark.parametrize("placement", EVERYWHERE)
@pytest.mark.parametrize("event", ["add_to_cart", "purchase", "dismiss"])
async def test_what_the_visitor_has_or_does_not_want_is_not_shown(
    walked: Deployment, placement: str, event: str
) -> None:
    await walked.view("me", "b")
    assert "b" in await everything(walked, placement)
    await walked.view("me", "b", event=event)
    assert "b" not in await everything(walked, placement)


async def test_what_left_the_cart_is_shown_again(walked: Deployment) -> None:
    await walked.view("me", "b", event="add_to_cart")
    await walked.view("me", "b", event="remove_from_cart")
    assert "b" in await everything(walked, "home_for_you")


async def test_what_was_bought_is_shown_again_after_the_placements_days(walked: Deployment) -> None:
    await walked.view("me", "b", event="purchase")
    walked.now += 29 * DAY_MS
    assert "b" not in await everything(walked, "home_for_you")
    walked.now += 2 * DAY_MS
    assert "b" in await everything(walked, "home_for_you")


@pytest.mark.parametrize("placement", EVERYWHERE)
async def test_what_the_request_excludes_is_not_shown(walked: Deployment, placement: str) -> None:
    await walked.view("me", "b")
    assert "b" not in await everything(walked, placement, exclude=["b"])


async def test_the_items_of_the_page_are_not_on_their_own_shelf(walked: Deployment) -> None:
    for placement in EVERYWHERE:
        assert "a" not in ids(await walked.shelf(placement, "me", item_ids=["a"], n=50))


async def test_a_stranger_to_the_catalogue_is_not_shown(walked: Deployment) -> None:
    for visitor in ("u", "v", "w"):
        await walked.view(visitor, "a", "unknown")
    assert "unknown" not in await everything(walked, "pdp_also_bought")


async def test_without_any_catalogue_items_with_events_are_shown_by_their_id(shop: Deployment) -> None:
    for visitor in ("u", "v", "w"):
        await shop.view(visitor, "a", "b")
    shelf = await shop.shelf("pdp_also_bought", item_ids=["a"])
    assert ids(shelf) == ["b"]
    assert shelf["items"][0]["title"] == "b"
    assert shelf["items"][0]["price"] is None


async def test_rules_hold_for_what_fills_up(shop: Deployment) -> None:
    await shop.stock(*[item(i) for i in "abc"], item("gone", quantity=0))
    await shop.view("me", "a", event="dismiss")
    shelf = await shop.shelf("home_for_you", "me", exclude=["b"])
    assert ids(shelf) == ["c"]


async def test_without_consent_nothing_is_hidden_for_what_the_visitor_did(walked: Deployment) -> None:
    """Hiding the cart's items would tell that there is a cart."""
    await walked.view("me", "b", event="add_to_cart")
    await walked.view("me", "c", event="consent_update", consent=DENIED)
    assert "b" in await everything(walked, "trending")
