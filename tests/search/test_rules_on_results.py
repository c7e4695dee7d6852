"""Marketers' rules among the results of a search: what each kind does, and where it does nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.search.street import found, searched, stocked
from tests.serving.deployment import SECRET, Deployment, item

PATH = "/v1/admin/rules/"


@pytest.fixture
async def shop() -> Deployment:
    return await stocked(
        item("a", title="Steel pan", brand="Acme", price="20.00", tags=["old"], gtin="4006381333931"),
        item("b", title="Steel pan, large", brand="Acme", price="30.00"),
        item("c", title="Steel pan with a lid of glass", brand="Orrin", price="40.00"),
        item("d", title="Glass lid", brand="Orrin", price="9.00"),
    )


async def put(shop: Deployment, name: str, then: Any, *, status: int = 200, **more: Any) -> Any:
    document = {"explain": f"What {name} is for.", "then": then, **more}
    answer = await shop._following(shop.call("PUT", PATH + name, document, key=SECRET))
    assert answer.status_code == status, answer.text
    return answer.json()


def by_if(**condition: Any) -> dict[str, Any]:
    return {"if": condition}


@pytest.mark.parametrize("where", [{}, {"placements": ["search"]}, {"placements": ["trending", "search"]}])
async def test_a_filter_takes_items_out_of_results_counts_and_numbers(shop: Deployment, where: dict[str, Any]) -> None:
    await put(shop, "no_old", {"filter": "never"}, **by_if(tags="old"), **where)
    answer = await searched(shop, "steel pan")
    assert set(found(answer)) == {"b", "c"}
    assert answer["total"] == 2
    assert "a" not in {one["item_id"] for one in (await searched(shop, "4006381333931"))["items"]}
    assert set(found(await searched(shop, "steel pan", sort="price_asc"))) == {"b", "c"}


async def test_a_rule_for_a_shelf_leaves_results_alone(shop: Deployment) -> None:
    await put(shop, "no_old", {"filter": "never"}, **by_if(tags="old"), placements=["trending"])
    assert set(found(await searched(shop, "steel pan"))) == {"a", "b", "c"}


async def test_a_boost_lifts_and_a_bury_lowers_and_both_say_so(shop: Deployment) -> None:
    assert found(await searched(shop, "pan steel")) == ["a", "b", "c"]
    await put(shop, "orrin", {"boost": 10}, **by_if(brand="Orrin"))
    await put(shop, "not_a", {"bury": 10}, **by_if(item_id="a"))
    answer = await searched(shop, "pan steel")
    assert found(answer) == ["c", "b", "a"]
    assert [one["rules"] for one in answer["items"][:3]] == [["orrin"], [], ["not_a"]]


@pytest.mark.parametrize("query", ["4006381333931", "Steel pan"])
async def test_what_is_asked_for_by_its_number_or_whole_title_no_boost_moves(shop: Deployment, query: str) -> None:
    await put(shop, "orrin", {"boost": 10}, **by_if(brand="Orrin"))
    assert found(await searched(shop, query))[0] == "a"


async def test_what_is_sorted_by_price_no_boost_moves(shop: Deployment) -> None:
    await put(shop, "orrin", {"boost": 10}, **by_if(brand="Orrin"))
    assert found(await searched(shop, "steel pan", sort="price_asc")) == ["a", "b", "c"]


async def test_what_is_over_a_cap_comes_last_and_on_the_next_page(shop: Deployment) -> None:
    await put(shop, "mixed", {"cap": {"by": "brand", "most": 1}}, placements=["search"])
    assert found(await searched(shop, "pan steel")) == ["a", "c", "b"]
    first = await searched(shop, "pan steel", n=2)
    assert found(first) == ["a", "c"]
    assert found(await searched(shop, "pan steel", n=2, after=first["next"])) == ["b"]


async def test_a_cap_that_names_no_placement_is_for_shelves(shop: Deployment) -> None:
    await put(shop, "mixed", {"cap": {"by": "brand", "most": 1}})
    assert found(await searched(shop, "pan steel")) == ["a", "b", "c"]


async def test_a_pin_belongs_to_a_query(shop: Deployment) -> None:
    pin = {"pin": [{"item_id": "d", "position": 0}]}
    refused = await put(shop, "lid", pin, status=422, placements=["trending", "search"])
    assert refused["errors"][0]["pointer"] == "/placements/1"
    assert "/v1/admin/searches" in refused["detail"]
    await put(shop, "lid", pin)
    assert "d" not in found(await searched(shop, "steel pan"))


async def test_the_record_names_the_rules_that_acted_and_no_others(shop: Deployment) -> None:
    await put(shop, "no_old", {"filter": "never"}, **by_if(tags="old"))
    await put(shop, "orrin", {"boost": 2}, **by_if(brand="Orrin"), placements=["search"])
    await put(shop, "later", {"boost": 2}, **by_if(brand="Acme"), when={"from": "2030-01-01T00:00:00Z"})
    await put(shop, "elsewhere", {"boost": 2}, **by_if(brand="Acme"), placements=["trending"])
    await put(shop, "mixed", {"cap": {"by": "brand", "most": 1}})
    await shop.view("me", "b")
    await searched(shop, "pan", visitor_id="me")
    assert sorted(shop.broker.values("decisions")[-1]["rules"]) == ["no_old", "orrin"]


async def test_a_rule_for_a_segment_needs_somebody_who_is_in_it(shop: Deployment) -> None:
    await put(shop, "for_cart", {"filter": "never"}, **by_if(tags="old"), when={"segment": {"cart": True}})
    assert "a" in found(await searched(shop, "steel pan", visitor_id="me"))
    await shop.view("me", "d", event="add_to_cart")
    assert "a" not in found(await searched(shop, "steel pan", visitor_id="me"))


async def test_a_rule_holds_for_what_a_curation_pins(shop: Deployment) -> None:
    document = {"explain": "First.", "queries": ["pan"], "pin": [{"item_id": "d", "position": 0}]}
    await shop._following(shop.call("PUT", "/v1/admin/searches/pans", document, key=SECRET))
    assert found(await searched(shop, "pan"))[0] == "d"
    await put(shop, "no_lids", {"filter": "never"}, **by_if(item_id="d"))
    assert "d" not in found(await searched(shop, "pan"))


async def test_a_query_that_is_only_a_price_shows_the_popular_first_and_is_boosted(shop: Deployment) -> None:
    await shop.view("u", "c")
    await shop.view("v", "c")
    await shop.view("u", "b")
    assert found(await searched(shop, "over 15 EUR")) == ["c", "b", "a"]
    await put(shop, "acme", {"bury": 10}, **by_if(brand="Orrin"))
    assert found(await searched(shop, "over 15 EUR")) == ["b", "a", "c"]


async def test_no_shelf_takes_the_name_of_searches(shop: Deployment) -> None:
    refused = await shop.place("search", status=422, explain="Mine.", recommenders=["popular"])
    assert refused["errors"][0]["pointer"] == "/name"


async def test_what_a_rule_lets_nobody_find_is_not_suggested(shop: Deployment) -> None:
    async def suggested() -> set[str]:
        told = (await shop.call("GET", "/v1/suggest?q=large")).json()
        return {one["text"] for one in told["suggestions"]}

    await shop.stock(item("e", title="Steel pan, large"))
    assert await suggested()
    await put(shop, "no_large", {"filter": "never"}, **by_if(item_id=["b", "e"]))
    shop.now += 3_000
    assert await suggested() == set()
