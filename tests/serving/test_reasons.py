"""Why an item is on the shelf: the visitor's own events, and nobody else's."""

import pytest

from tests.serving.deployment import Deployment, ids, item


@pytest.fixture
async def walked(shop: Deployment) -> Deployment:
    await shop.stock(*[item(f"i{n}") for n in range(6)], item("pot", title="Iron pot"), item("pan", title="Iron pan"))
    for visitor in ("u", "v"):
        await shop.view(visitor, "i0", "i1")
        await shop.view(visitor, "i2", "i3", session_id="another")
    return shop


async def test_the_item_that_says_most_is_the_reason(walked: Deployment) -> None:
    verdicts = await walked.view("me", "i0", "i2")
    walked.now += 4_000
    shelf = await walked.shelf("home_for_you", "me", n=6)
    because = {one["item_id"]: one["because"] for one in shelf["items"]}
    assert because["i1"] == [
        {
            "event_id": verdicts[0]["event_id"],
            "event": "view_item",
            "item_id": "i0",
            "seconds_ago": 5.0,
            "relation": "viewed_next",
        }
    ]
    assert [(one["event_id"], one["seconds_ago"]) for one in because["i3"]] == [(verdicts[1]["event_id"], 4.0)]


async def test_two_items_that_speak_for_one_are_both_named_the_one_that_says_more_first(walked: Deployment) -> None:
    await walked.view("w", "i0", "i4", session_id="one")
    await walked.view("w", "i2", "i4", session_id="other")
    await walked.view("me", "i0", "i2")
    shelf = await walked.shelf("home_for_you", "me", n=6)
    because = {one["item_id"]: one["because"] for one in shelf["items"]}
    assert [one["item_id"] for one in because["i4"]] == ["i2", "i0"]
    assert {one["relation"] for one in because["i4"]} == {"viewed_next"}
    assert [one["item_id"] for one in because["i1"]] == ["i0"]


async def test_the_newest_event_about_an_item_is_named(walked: Deployment) -> None:
    await walked.view("me", "i0")
    verdicts = await walked.view("me", "i0", event="add_to_cart")
    reason = (await walked.shelf("home_for_you", "me"))["items"][0]["because"][0]
    assert (reason["event"], reason["event_id"]) == ("add_to_cart", verdicts[0]["event_id"])


async def test_an_item_of_the_visit_is_its_own_reason(walked: Deployment) -> None:
    verdicts = await walked.view("me", "i4")
    shelf = await walked.shelf("recently_viewed", "me")
    assert [(one["item_id"], one["because"][0]["event_id"]) for one in shelf["items"]] == [
        ("i4", verdicts[0]["event_id"])
    ]


async def test_the_pages_item_is_no_reason_unless_the_visitor_looked_at_it(walked: Deployment) -> None:
    await walked.view("me", "i5")
    shelf = await walked.shelf("pdp_also_bought", "me", item_ids=["i0"], n=1)
    assert (ids(shelf), shelf["items"][0]["because"]) == (["i1"], [])


async def test_in_a_shop_without_history_one_view_already_speaks_for_items_like_it(walked: Deployment) -> None:
    await walked.view("me", "pot")
    shelf = await walked.shelf("home_for_you", "me", n=3)
    found = next(one for one in shelf["items"] if one["item_id"] == "pan")
    assert found["recommender"] == "undiscovered"
    assert [reason["item_id"] for reason in found["because"]] == ["pot"]
    assert shelf["status"] == "ok"


async def test_explain_names_candidates_signals_and_what_was_refused(walked: Deployment) -> None:
    await walked.view("me", "i0")
    await walked.view("me", "i1", event="dismiss")
    explain = (await walked.shelf("home_for_you", "me", explain=True))["explain"]
    refused = {one["item_id"]: one["refused"] for one in explain["candidates"]}
    assert refused["i1"] == "dismissed"
    assert refused["i0"] is None
    assert {"session", "viewed", "dismissed"} <= set(explain["signals"])
    assert explain["session"]["items"] == ["i0"]
    assert "explain" not in await walked.shelf("home_for_you", "me")
