"""What shoppers do for a query is in its next answer and in the shop's report, and nobody's floods are."""

from __future__ import annotations

from typing import Any

import pytest

from stream.query_counts import VISITORS
from tests.search.street import found, searched, stocked
from tests.serving.deployment import DENIED, SECRET, Deployment, item

SHOP = tuple(item(f"pan-{n}", title=f"Frying pan {n}", category="Kitchen > Pans", price="20.00") for n in range(6))
LAST = "pan-5"


@pytest.fixture
async def shop() -> Deployment:
    return await stocked(*SHOP)


async def sends(shop: Deployment, name: str, visitor: str, *items: str, **more: Any) -> None:
    """One event with these items."""
    shop.now += 1_000
    answer = await shop.call("POST", "/v1/events", shop.event(name, visitor, *items, **more), key=SECRET)
    assert answer.status_code == 202, answer.text


async def looks_and_takes(shop: Deployment, visitor: str, item_id: str, query: str = "frying pan", **more: Any) -> None:
    """One visitor searches, sees the answer and takes an item from it."""
    answer = await searched(shop, query, visitor_id=visitor)
    decided = {"decision_id": answer["decision_id"], **more}
    await sends(shop, "search", visitor, search_term=query, results=answer["total"], **decided)
    await sends(shop, "view_item_list", visitor, *[one["item_id"] for one in answer["items"]], **decided)
    await sends(shop, "select_item", visitor, item_id, **decided)


async def later(shop: Deployment) -> None:
    await shop.settle()
    shop.now += 1_100
    await shop.api.behaviour.refresh()


async def reported(shop: Deployment, **more: Any) -> dict[str, Any]:
    answer = await shop.call("GET", "/v1/ops/searches", key=SECRET, params=more)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_what_shoppers_take_comes_first_for_this_query_alone(shop: Deployment) -> None:
    before = found(await searched(shop, "frying pan"))
    assert before[-1] == LAST
    for n in range(4):
        await looks_and_takes(shop, f"visitor-{n}", LAST)
    await later(shop)
    assert found(await searched(shop, "FRYING pan"))[0] == LAST
    assert (await shop.api.behaviour.of("pan")).item_ids == ()


async def test_one_visitor_alone_moves_no_more_than_once(shop: Deployment) -> None:
    await looks_and_takes(shop, "visitor-1", LAST)
    await later(shop)
    once = await shop.api.behaviour.of("frying pan")
    for n in range(40):
        await looks_and_takes(shop, "visitor-1", LAST, session_id=f"s{n}")
    await later(shop)
    again = await shop.api.behaviour.of("frying pan")
    assert again.item_ids == once.item_ids == (LAST,)
    assert again.boosts[0] == pytest.approx(once.boosts[0], rel=1e-3)


async def test_without_consent_nothing_is_learnt(shop: Deployment) -> None:
    for n in range(6):
        await looks_and_takes(shop, f"visitor-{n}", LAST, consent=DENIED)
    await later(shop)
    assert (await shop.api.behaviour.of("frying pan")).item_ids == ()
    assert (await reported(shop))["whole"]["searches"] == 0


async def test_an_exact_item_is_left_alone(shop: Deployment) -> None:
    for n in range(4):
        await looks_and_takes(shop, f"visitor-{n}", LAST, query="frying pan 1")
    await later(shop)
    assert found(await searched(shop, "frying pan 1"))[0] == "pan-1"


async def test_without_redis_a_search_still_answers(shop: Deployment) -> None:
    shop.redis.away = True
    assert found(await searched(shop, "frying pan"))


async def test_a_query_is_suggested_and_named_once_enough_visitors_asked(shop: Deployment) -> None:
    for n in range(VISITORS - 1):
        await looks_and_takes(shop, f"visitor-{n}", LAST)
    await later(shop)
    assert ((await reported(shop))["queries"], shop.api.behaviour.popular) == (0, ())
    await looks_and_takes(shop, "one-more", LAST)
    await later(shop)
    assert [one["query"] for one in (await reported(shop))["top"]] == ["frying pan"]
    answer = await shop.call("GET", "/v1/suggest?q=fry")
    assert answer.json()["suggestions"][0] == {"text": "frying pan", "kind": "popular"}


async def test_the_report_says_how_searches_went(shop: Deployment) -> None:
    for n in range(6):
        await looks_and_takes(shop, f"visitor-{n}", "pan-0" if n < 3 else LAST)
        await sends(shop, "search", f"visitor-{n}", search_term="tent", results=0)
    await later(shop)
    report = await reported(shop, days=1, n=5)
    whole = report["whole"]
    assert (whole["searches"], whole["results_known"], whole["zero_results"], whole["no_click"]) == (12, 12, 6, 6)
    pan = next(one for one in report["top"] if one["query"] == "frying pan")
    assert pan["ctr"]["1"] <= pan["ctr"]["3"] <= pan["ctr"]["10"] == 1.0
    assert [one["query"] for one in report["zero_results"]] == ["tent"]
    assert [one["query"] for one in report["no_click"]] == ["tent"]
    assert report["least_visitors"] == VISITORS


async def test_nobody_searched_yet(shop: Deployment) -> None:
    report = await reported(shop)
    assert report["whole"]["ctr"] == {"1": None, "3": None, "10": None}
    assert report["top"] == report["zero_results"] == report["no_click"] == []


@pytest.mark.parametrize("asked", ["days=0", "days=31", "n=0", "n=101", "n=many"])
async def test_what_cannot_be_reported_is_refused(shop: Deployment, asked: str) -> None:
    assert (await shop.call("GET", f"/v1/ops/searches?{asked}", key=SECRET)).status_code == 400


async def test_a_report_that_cannot_be_made_says_when_to_come_back(shop: Deployment) -> None:
    shop.known = False
    answer = await shop.call("GET", "/v1/ops/searches", key=SECRET)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


async def test_a_flood_is_not_learnt_from(shop: Deployment) -> None:
    for _ in range(121):
        shop.now += 1
        await shop.call("POST", "/v1/events", shop.event("view_item", "bot", "pan-0"), key=SECRET)
    await looks_and_takes(shop, "bot", LAST)
    await later(shop)
    assert (await shop.api.behaviour.of("frying pan")).item_ids == ()
