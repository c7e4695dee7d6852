"""What a search answers: the ladder and its sentences, facets, order, pages, what is marked, and what is on record."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest

from tests.search.street import found, searched, stocked
from tests.serving.deployment import DENIED, Deployment, item

Validator = Callable[[str], jsonschema_rs.Draft202012Validator]

PANS = "Kitchen > Pans"
SHOP = (
    item("steel", title="Steel frying pan", category=PANS, brand="Acme", price="20.00"),
    item("red", title="Red frying pan", category=PANS, brand="Acme", price="30.00"),
    item("copper", title="Copper saucepan", category=PANS, brand="Orrin", price="90.00"),
    item("lid", title="Glass lid for a frying pan", category="Kitchen > Lids", brand="Orrin", price="9.00"),
    item("headset", title="Wireless headset", category="Audio > Headsets", price="50.00", gtin="4006381333931"),
    item("tent", title="Family tent", category="Outdoor > Tents", price="300.00", availability="out_of_stock"),
    item("shirt-s", title="Linen shirt, S", category="Clothing > Shirts", item_group_id="shirt", price="40.00"),
    item("shirt-m", title="Linen shirt, M", category="Clothing > Shirts", item_group_id="shirt", price="40.00"),
)


@pytest.fixture
async def shop() -> Deployment:
    return await stocked(*SHOP)


def steps(answer: dict[str, Any]) -> list[tuple[str, int]]:
    return [(one["step"], one["found"]) for one in answer["steps"]]


def facet(answer: dict[str, Any], field: str) -> dict[str, int]:
    return {one["value"]: one["count"] for each in answer["facets"] if each["field"] == field for one in each["values"]}


# the ladder


async def test_what_has_all_words_is_found(shop: Deployment) -> None:
    answer = await searched(shop, "frying pan")
    assert set(found(answer)) == {"steel", "red", "lid"}
    assert (answer["placement"], answer["total"]) == ("search", 3)
    assert steps(answer)[0] == ("all_words", 3)


async def test_a_lid_for_a_pan_is_no_pan(shop: Deployment) -> None:
    assert found(await searched(shop, "frying pan"))[-1] == "lid"


async def test_a_typo_is_corrected_and_said(shop: Deployment) -> None:
    answer = await searched(shop, "fryng pan")
    assert set(found(answer)) == {"steel", "red", "lid"}
    assert answer["understood"]["corrections"] == [{"from": "fryng", "to": "frying"}]
    assert answer["steps"][0]["says"] == "Results for “frying pan”: nothing here is called “fryng pan”."


async def test_words_are_joined_as_the_catalogue_writes_them(shop: Deployment) -> None:
    assert found(await searched(shop, "head set")) == ["headset"]


async def test_what_has_fewer_of_the_words_comes_only_where_nothing_has_all(shop: Deployment) -> None:
    answer = await searched(shop, "copper saucepan glass")
    assert answer["items"][0]["item_id"] == "copper"
    assert steps(answer)[:2] == [("all_words", 0), ("fewer_words", 1)]


async def test_a_price_that_nothing_has_is_left_out_and_said(shop: Deployment) -> None:
    answer = await searched(shop, "copper saucepan under 10")
    assert [one["item_id"] for one in answer["items"]] == ["copper"]
    assert steps(answer) == [("all_words", 0), ("unfiltered", 1)]


@pytest.mark.parametrize("query", ["zzyzx", "xyzzy"])
async def test_what_is_not_sold_here_is_said_and_nothing_pretends_to_be_it(shop: Deployment, query: str) -> None:
    answer = await searched(shop, query)
    assert answer["steps"][0]["says"] == f"“{query}” is not sold here."
    assert answer["understood"]["unknown"] == [query]
    assert (answer["total"], answer["facets"], answer["price"]) == (0, [], None)
    assert answer["items"]
    assert {one["step"] for one in answer["items"]} == {"for_you"}


async def test_an_item_is_found_by_its_number_alone(shop: Deployment) -> None:
    answer = await searched(shop, "4006381333931")
    assert found(answer) == ["headset"]
    assert answer["items"][0]["step"] == "exact"
    assert (answer["total"], answer["next"]) == (1, None)


async def test_a_sold_out_item_is_said_to_be_and_not_shown(shop: Deployment) -> None:
    answer = await searched(shop, "tent")
    assert "tent" not in {one["item_id"] for one in answer["items"]}
    await shop.stock(item("tent", title="Family tent", availability="out_of_stock", gtin="4006381333900"))
    assert (await searched(shop, "4006381333900"))["steps"][0] == {
        "step": "sold_out",
        "found": 0,
        "says": "“Family tent” is sold out at the moment.",
    }


# order, filters, facets, pages


async def test_the_orders(shop: Deployment) -> None:
    assert found(await searched(shop, "pan", sort="price_asc")) == ["lid", "steel", "red", "copper"]
    assert found(await searched(shop, "pan", sort="price_desc")) == ["copper", "red", "steel", "lid"]
    await shop.stock(item("old", title="Old pan", published_at="2026-09-01T00:00:00Z"))
    assert found(await searched(shop, "pan", sort="newest"))[-1] == "old"


async def test_what_can_be_sent_now_comes_first(shop: Deployment) -> None:
    await shop.stock(item("steel", title="Steel frying pan", category=PANS, availability="backorder"))
    assert found(await searched(shop, "steel frying pan")) == ["steel"]
    assert found(await searched(shop, "frying pan"))[-1] == "steel"


async def test_a_filter_narrows_and_its_own_facet_still_says_what_else_there_is(shop: Deployment) -> None:
    answer = await searched(shop, "pan", filter={"brand": "Acme"})
    assert set(found(answer)) == {"steel", "red"}
    assert facet(answer, "brand") == {"Acme": 2, "Orrin": 2}
    assert answer["price"] == {"min": "20.00", "max": "30.00"}
    assert answer["total"] == 2


async def test_facets_count_all_that_matches_and_not_only_the_page(shop: Deployment) -> None:
    answer = await searched(shop, "pan", n=1)
    assert len(answer["items"]) == 1
    assert facet(answer, "category") == {"Kitchen": 4, PANS: 3, "Kitchen > Lids": 1}


async def test_a_facets_value_is_a_filter(shop: Deployment) -> None:
    whole = await searched(shop, "pan")
    for each in whole["facets"]:
        for one in each.get("values", ()):
            narrowed = await searched(shop, "pan", filter={each["field"]: one["value"]})
            assert narrowed["total"] == one["count"], (each["field"], one)


async def test_variants_are_one_result_and_count_as_one(shop: Deployment) -> None:
    answer = await searched(shop, "linen shirt")
    assert len(found(answer)) == answer["total"] == 1
    assert facet(answer, "category") == {}


async def test_pages_go_through_all_that_matches_and_repeat_nothing(shop: Deployment) -> None:
    await shop.stock(*[item(f"mug{n:02}", title=f"Mug number {n}") for n in range(30)])
    seen: list[str] = []
    after: str | None = None
    for _ in range(10):
        answer = await searched(shop, "mug", n=7, after=after)
        seen += found(answer)
        after = answer["next"]
        if after is None:
            break
    assert len(seen) == len(set(seen)) == 30


async def test_the_same_question_has_the_same_answer(shop: Deployment) -> None:
    one, other = [await searched(shop, "pan") for _ in range(2)]
    assert one["items"] == other["items"]


# what is marked, who asks, what is on record


async def test_the_words_that_were_searched_for_are_marked(shop: Deployment) -> None:
    items = (await searched(shop, "frying pans"))["items"]
    assert items[0]["highlights"]["title"][1] == "frying pan"
    assert all("".join(one["highlights"]["title"]) == one["title"] for one in items if "highlights" in one)


@pytest.mark.parametrize("query", ["frying pan", "zzyzx", "pan under 25", "4006381333931"])
async def test_answers_are_as_the_schema_says(shop: Deployment, query: str, validator: Validator) -> None:
    answer = await searched(shop, query, visitor_id="me")
    assert [error.message for error in validator("search_results").iter_errors(answer)] == []


async def test_a_dismissed_item_is_not_found_and_one_in_the_cart_is(shop: Deployment) -> None:
    await shop.view("me", "steel", event="dismiss")
    await shop.view("me", "red", event="add_to_cart")
    assert set(found(await searched(shop, "frying pan", visitor_id="me"))) == {"red", "lid"}


async def test_excluded_items_are_not_found(shop: Deployment) -> None:
    assert set(found(await searched(shop, "frying pan", exclude="steel,lid"))) == {"red"}


async def test_a_search_is_on_record_with_its_query_and_what_it_found(shop: Deployment, validator: Validator) -> None:
    await shop.view("me", "steel")
    answer = await searched(shop, "zzyzx pan", visitor_id="me")
    record = shop.broker.values("decisions")[-1]
    assert record["decision_id"] == answer["decision_id"]
    assert record["kind"] == "search"
    assert record["search"] == {
        "query": "zzyzx pan",
        "sort": "relevance",
        "total": answer["total"],
        "steps": ["all_words", "fewer_words"],
    }
    assert [error.message for error in validator("decision_record").iter_errors(record)] == []


async def test_a_search_without_consent_is_not_on_record(shop: Deployment) -> None:
    await shop.view("me", "steel", consent=DENIED)
    assert (await searched(shop, "pan", visitor_id="me"))["status"] == "no_consent"
    assert shop.broker.values("decisions") == []


async def test_a_click_is_credited_to_the_search(shop: Deployment) -> None:
    await shop.view("me", "steel")
    answer = await searched(shop, "pan", visitor_id="me")
    token = answer["decision_id"]
    verdicts = await shop.view("me", "red", event="select_item", decision_id=token, placement="search")
    assert verdicts[0]["status"] == "accepted"


async def test_why_a_search_was_answered_so_can_be_asked(shop: Deployment) -> None:
    await shop.view("me", "steel")
    answer = await searched(shop, "pan", visitor_id="me")
    told = (await shop.call("GET", f"/v1/decisions/{answer['decision_id']}", key="sk_test")).json()
    assert told["record"]["search"]["query"] == "pan"
    assert set(told["sentences"]) == {one["item_id"] for one in answer["items"]}
    assert "not decided again" in told["recomputed"]["says"]


# the visit


async def test_a_visit_moves_what_is_near_to_it_up_and_can_be_switched_off(shop: Deployment) -> None:
    await shop.stock(*[item(f"lamp-{kind}", title=f"{kind} lamp") for kind in ("Kitchen", "Bedroom", "Garden", "Desk")])
    await shop.stock(item("grill", title="Garden grill"))
    await shop.settle()
    plain = found(await searched(shop, "lamp"))
    await shop.view("me", "grill")
    assert found(await searched(shop, "lamp", visitor_id="me"))[0] == "lamp-Garden"
    assert found(await searched(shop, "lamp", visitor_id="me", personalize=False)) == plain


async def test_what_was_asked_for_by_its_whole_title_no_visit_moves(shop: Deployment) -> None:
    await shop.view("me", "red")
    assert found(await searched(shop, "Steel frying pan", visitor_id="me"))[0] == "steel"


async def test_without_redis_a_search_still_answers(shop: Deployment) -> None:
    shop.redis.away = True
    answer = await searched(shop, "frying pan", visitor_id="me")
    assert answer["status"] == "degraded"
    assert set(found(answer)) == {"steel", "red", "lid"}


async def test_sold_out_and_back_again_is_seen_at_once(shop: Deployment) -> None:
    await shop.stock(item("steel", title="Steel frying pan", quantity=0))
    assert "steel" not in found(await searched(shop, "frying pan"))
    await shop.stock(item("steel", title="Steel frying pan", quantity=3))
    assert "steel" in found(await searched(shop, "frying pan"))


async def test_suggestions_find_something(shop: Deployment, validator: Validator) -> None:
    told = (await shop.call("GET", "/v1/suggest?q=fry")).json()
    assert any("frying pan" in one["text"] for one in told["suggestions"])
    assert validator("suggestions").is_valid(told), json.dumps(told)
    for one in told["suggestions"]:
        assert (await searched(shop, one["text"]))["total"]


async def test_what_is_sold_out_is_not_suggested(shop: Deployment) -> None:
    assert (await shop.call("GET", "/v1/suggest?q=ten")).json()["suggestions"] == []
