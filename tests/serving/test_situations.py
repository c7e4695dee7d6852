"""Who asks and what there is: the table of `serving/docs/statuses.md`, row by row."""

from __future__ import annotations

import pytest

from tests.serving.deployment import DENIED, Deployment, ids, item


@pytest.fixture
async def stocked(shop: Deployment) -> Deployment:
    await shop.stock(*[item(f"i{n}", category="Pans" if n % 2 else "Lamps") for n in range(8)])
    for visitor in ("u", "v"):
        await shop.view(visitor, "i1", "i3", "i5", "i2", settle=False)
    await shop.settle()
    return shop


async def test_after_one_event_of_a_new_visitor_the_shelf_is_about_that_visit(stocked: Deployment) -> None:
    verdicts = await stocked.view("new", "i1")
    shelf = await stocked.shelf("home_for_you", "new", n=3)
    assert shelf["status"] == "ok"
    assert {"i3", "i5"} <= set(ids(shelf))
    assert {because["event_id"] for one in shelf["items"] for because in one["because"]} == {verdicts[0]["event_id"]}


@pytest.mark.parametrize(
    ("placement", "status"), [("home_for_you", "fallback"), ("recently_viewed", "insufficient_data")]
)
async def test_a_new_visitor_who_has_agreed_and_done_nothing(stocked: Deployment, placement: str, status: str) -> None:
    await stocked.view("new", "i1", event="view_cart")
    shelf = await stocked.shelf(placement, "new", n=3)
    assert shelf["status"] == status
    assert len(shelf["items"]) == (3 if status == "fallback" else 0)
    assert all(one["evidence"] == 0 for one in shelf["items"])


async def test_who_has_not_agreed_gets_nothing_personal(stocked: Deployment) -> None:
    await stocked.view("me", "i1")
    await stocked.view("me", "i1", event="consent_update", consent=DENIED)
    for who in ("me", "never seen"):
        shelf = await stocked.shelf("home_for_you", who, n=3)
        assert shelf["status"] == "no_consent"
        assert len(shelf["items"]) == 3
        assert all(one["evidence"] == 0 and one["because"] == [] for one in shelf["items"])


async def test_nobody_is_named(stocked: Deployment) -> None:
    assert (await stocked.shelf("home_for_you", n=3))["status"] == "fallback"
    assert (await stocked.shelf("pdp_also_bought", item_ids=["i1"], n=3))["status"] == "ok"


async def test_an_item_that_nobody_has_looked_at_has_a_shelf_on_its_page(stocked: Deployment) -> None:
    await stocked.stock(item("new", title="Title i3", category="Pans"))
    await stocked.settle()
    for placement in ("pdp_similar", "pdp_also_bought"):
        shelf = await stocked.shelf(placement, item_ids=["new"], n=3)
        assert shelf["status"] == "ok"
        assert len(shelf["items"]) == 3


@pytest.mark.parametrize(("evidence", "status"), [("popular", "fallback"), ("hide", "insufficient_data")])
async def test_everything_is_below_the_floor(stocked: Deployment, evidence: str, status: str) -> None:
    here = {"explain": "Here.", "recommenders": ["session_table"], "evidence": evidence, "evidence_floor": 1}
    await stocked.place("home_for_you", **here)  # type: ignore[arg-type]
    await stocked.view("me", "i1")
    shelf = await stocked.shelf("home_for_you", "me")
    assert shelf["status"] == status
    assert bool(shelf["items"]) == (status == "fallback")


async def test_an_empty_catalogue_has_nothing(shop: Deployment) -> None:
    for who in ("me", None):
        shelf = await shop.shelf("trending", who)
        assert shelf["items"] == []
        assert shelf["next"] is None
        assert shelf["status"] == ("no_consent" if who else "insufficient_data")


async def test_a_shop_of_one_item_has_nothing_beside_it(shop: Deployment) -> None:
    await shop.stock(item("only"))
    await shop.view("u", "only")
    for placement in ("pdp_also_bought", "pdp_similar"):
        shelf = await shop.shelf(placement, item_ids=["only"])
        assert (shelf["status"], shelf["items"]) == ("insufficient_data", [])
    assert ids(await shop.shelf("trending")) == ["only"]


async def test_a_page_after_the_last_is_empty(stocked: Deployment) -> None:
    whole = await stocked.shelf("trending", n=8)
    assert len(whole["items"]) == 8
    after = await stocked.shelf("trending", n=8, after=whole["next"])
    assert (after["status"], after["items"], after["next"]) == ("insufficient_data", [], None)
