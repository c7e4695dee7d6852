"""What the HTTP edge stores of visitors who allow little, and of those who change their mind."""

from typing import Any

from tests.serving.deployment import DENIED, GRANTED, Deployment, item


async def verdict(shop: Deployment, visitor: str, consent: Any, name: str = "view_item") -> str:
    shop.now += 1_000
    event = shop.event(name, visitor, "a")
    if consent is None:
        del event["consent"]
    else:
        event["consent"] = consent
    answer = await shop.call("POST", "/v1/events", event)
    status: str = answer.json()["verdicts"][0]["status"]
    return status


async def test_a_visitor_who_says_no_leaves_nothing(shop: Deployment) -> None:
    assert await verdict(shop, "me", DENIED) == "not_stored"
    assert shop.broker.logs == {}


async def test_silence_means_the_shops_default(shop: Deployment) -> None:
    assert await verdict(shop, "me", None) == "not_stored"
    trusting = Deployment(consent_default="granted")
    assert await verdict(trusting, "me", None) == "accepted"
    assert trusting.broker.values("events")[0]["consent_default"]["personalization"] is True


async def test_where_the_shop_assumes_a_yes_shelves_are_personal_until_a_no() -> None:
    trusting = Deployment(consent_default="granted")
    await trusting.stock(item("a"))
    await verdict(trusting, "other", GRANTED)
    assert await verdict(trusting, "me", None) == "accepted"
    await trusting.settle()
    shelf = await trusting.shelf("recently_viewed", "me")
    assert (shelf["status"], [one["item_id"] for one in shelf["items"]]) == ("ok", ["a"])
    await verdict(trusting, "me", DENIED)
    await trusting.settle()
    assert (await trusting.shelf("recently_viewed", "me"))["status"] == "no_consent"


async def test_analytics_alone_is_stored(shop: Deployment) -> None:
    assert await verdict(shop, "me", {"analytics": True, "personalization": False}) == "accepted"


async def test_after_a_yes_silence_is_enough(shop: Deployment) -> None:
    assert await verdict(shop, "me", GRANTED) == "accepted"
    assert await verdict(shop, "me", None) == "accepted"  # the worker does not know of the yes yet
    await shop.settle()
    assert await verdict(shop, "me", None) == "accepted"


async def test_a_withdrawal_is_recorded_and_nothing_else_of_its_event(shop: Deployment) -> None:
    await verdict(shop, "me", GRANTED)
    await shop.settle()
    assert await verdict(shop, "me", DENIED) == "not_stored"
    recorded = shop.broker.values("events")[-1]
    assert recorded["event"] == "consent_update"
    assert recorded["consent"] == DENIED
    assert "items" not in recorded
    await shop.settle()
    assert (await shop.shelf("home_for_you", "me"))["status"] == "no_consent"
    assert await verdict(shop, "me", None) == "not_stored"
    assert await verdict(shop, "me", GRANTED) == "not_stored"


async def test_a_withdrawal_right_after_the_yes_is_recorded_too(shop: Deployment) -> None:
    assert await verdict(shop, "me", GRANTED) == "accepted"
    assert await verdict(shop, "me", DENIED) == "not_stored"  # the worker does not know of the yes yet
    assert shop.broker.values("events")[-1]["consent"] == DENIED
    await shop.settle()
    assert (await shop.shelf("home_for_you", "me"))["status"] == "no_consent"
    assert await verdict(shop, "me", None) == "not_stored"


async def test_after_a_withdrawal_only_a_consent_update_grants_again(shop: Deployment) -> None:
    await verdict(shop, "me", GRANTED)
    await shop.settle()
    await verdict(shop, "me", DENIED)
    await shop.settle()
    assert await verdict(shop, "me", GRANTED, "consent_update") == "accepted"
    await shop.settle()
    assert await verdict(shop, "me", None) == "accepted"


async def test_if_the_state_cannot_be_read_the_worker_decides(shop: Deployment) -> None:
    shop.redis.away = True
    assert await verdict(shop, "me", DENIED) == "accepted"
    shop.redis.away = False
    await shop.settle()
    assert (await shop.shelf("home_for_you", "me"))["status"] == "no_consent"
