"""A filter in a request and one of the placement: on live items, to the fill as well, and deeper than what is usual."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from serving.placements import placements
from tests.serving.deployment import SECRET, Deployment, ids, item

EVERYWHERE = sorted(placements())


@pytest.fixture
async def walked(shop: Deployment) -> Deployment:
    """Twenty items of two brands; everybody walks among them, and so does `me`."""
    await shop.stock(
        *[
            item(
                f"i{n}",
                title="Iron pan",
                brand="AB"[n % 2],
                price=f"{n}.50",
                category=f"Kitchen > {'Pans' if n < 15 else 'Lids'}",
            )
            for n in range(20)
        ]
    )
    for visitor in ("u", "v"):
        await shop.view(visitor, *[f"i{n}" for n in range(20)], settle=False)
    await shop.view("me", "i1", "i2", "i3", "i4")
    return shop


@pytest.mark.parametrize("placement", EVERYWHERE)
async def test_only_what_the_filter_lets_through_is_shown(walked: Deployment, placement: str) -> None:
    page = ["i0"] if "pdp" in placement else []
    document = {"brand": "B", "price": {"lte": "12.50"}}
    shelf = await walked.shelf(placement, "me", item_ids=page, n=20, filter=document)
    found = set(ids(shelf))
    assert found
    assert found <= {"i1", "i3", "i5", "i7", "i9", "i11"}


async def test_live_stock_and_price_decide(walked: Deployment) -> None:
    cheap = {"price": {"lt": "2"}}
    assert set(ids(await walked.shelf("trending", filter=cheap))) == {"i0", "i1"}
    await walked.stock({"item_id": "i9", "sale_price": "1.00"}, {"item_id": "i0", "quantity": 0})
    assert set(ids(await walked.shelf("trending", filter=cheap))) == {"i1", "i9"}


async def test_what_fills_up_is_filtered_too(walked: Deployment) -> None:
    shelf = await walked.shelf("home_for_you", filter={"category": "Kitchen > Lids"})
    assert shelf["status"] == "fallback"
    assert set(ids(shelf)) == {"i15", "i16", "i17", "i18", "i19"}


async def test_a_filter_that_leaves_nothing_is_an_empty_shelf(walked: Deployment) -> None:
    shelf = await walked.shelf("home_for_you", "me", filter={"brand": "C"})
    assert (shelf["status"], shelf["items"]) == ("insufficient_data", [])


async def test_few_of_many_are_found_behind_the_popular(shop: Deployment) -> None:
    await shop.stock(*[item(f"i{n}", brand="rare" if n >= 297 else "usual") for n in range(300)])
    await shop.settle()
    shelf = await shop.shelf("home_for_you", filter={"brand": "rare"})
    assert set(ids(shelf)) == {"i297", "i298", "i299"}


async def test_get_takes_the_filter_as_json(walked: Deployment) -> None:
    document = {"any": [{"brand": "A"}, {"item_id": ["i1"]}]}
    got = await walked.call("GET", f"/v1/recommendations/trending?n=20&filter={quote(json.dumps(document))}")
    assert ids(got.json()) == ids(await walked.shelf("trending", n=20, filter=document))
    assert len(ids(got.json())) == 11


@pytest.mark.parametrize(
    ("document", "pointer", "says"),
    [
        ({"colour": "red"}, "/filter/colour", "category"),
        ({"all": [{"price": {"below": 5}}]}, "/filter/all/0/price/below", "lt, lte, gt, gte"),
        ({}, "/filter", "leave it out"),
    ],
)
async def test_a_mistake_is_told_with_its_place_and_the_choices(
    shop: Deployment, document: object, pointer: str, says: str
) -> None:
    answer = await shop.call("POST", "/v1/recommendations/trending", {"filter": document})
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["pointer"]) == (400, pointer)
    assert says in error["detail"]


@pytest.mark.parametrize("text", ["{", "5", "%5B%5D", "{%22a%22:1}"])
async def test_a_query_that_is_no_filter_is_refused(shop: Deployment, text: str) -> None:
    assert (await shop.call("GET", f"/v1/recommendations/trending?filter={text}")).status_code == 400


async def test_the_placements_filter_and_the_requests_both_hold(walked: Deployment) -> None:
    document: dict[str, Any] = {"explain": "Lids.", "recommenders": ["popular"], "filter": {"category": "Kitchen>Lids"}}
    await walked.place("lids", **document)
    assert set(ids(await walked.shelf("lids"))) == {"i15", "i16", "i17", "i18", "i19"}
    assert set(ids(await walked.shelf("lids", filter={"brand": "A"}))) == {"i16", "i18"}


async def test_the_filter_is_on_record_and_the_refusal_is_explained(walked: Deployment) -> None:
    shelf = await walked.shelf("home_for_you", "me", filter={"brand": "B"}, exclude=["i5"], explain=True)
    assert walked.broker.values("decisions")[-1]["request"]["filter"] == {"brand": "B"}
    refused = {one["item_id"]: one["refused"] for one in shelf["explain"]["candidates"]}
    assert set(refused.values()) <= {None, "filtered", "exclude"}


async def test_how_many_are_left_is_no_business_of_pages(shop: Deployment) -> None:
    await shop.stock(item("a", quantity=3), item("b", quantity=9))
    document = {"filter": {"not": {"quantity": {"lt": 5}}}}
    answer = await shop.call("POST", "/v1/recommendations/trending", document)
    assert (answer.status_code, "secret" in answer.json()["detail"]) == (400, True)
    await shop.settle()
    answer = await shop.call("POST", "/v1/recommendations/trending", document, key=SECRET)
    assert ids(answer.json()) == ["b"]


async def test_without_a_catalogue_nothing_is_known_to_pass(shop: Deployment) -> None:
    await shop.view("u", "a", "b")
    assert ids(await shop.shelf("trending", filter={"brand": "A"})) == []
