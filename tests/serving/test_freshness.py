"""Read-your-writes: an answer with `min_fresh` knows the event, or says that it does not yet."""

from stream.tokens import FreshToken, fresh_token
from stream.topics import partition_of
from tests.serving.deployment import PARTITIONS, Deployment, item


async def test_the_newest_event_that_the_answer_knows_is_told(shop: Deployment) -> None:
    await shop.stock(item("a"))
    await shop.view("me", "a")
    shop.now += 1_500
    assert (await shop.shelf("home_for_you", "me"))["fresh_to"] == {
        "occurred_at": int(shop.now) - 1_500,
        "lag_ms": 1_500,
        "met": None,
    }


async def test_a_token_of_an_applied_event_is_met_at_once(shop: Deployment) -> None:
    await shop.stock(item("a"))
    verdict = (await shop.view("me", "a"))[0]
    calls = shop.redis.calls
    shelf = await shop.shelf("home_for_you", "me", min_fresh=verdict["fresh_token"])
    assert shelf["fresh_to"]["met"] is True
    assert shop.redis.calls == calls + 1


async def test_an_answer_waits_for_the_event_and_then_knows_it(shop: Deployment) -> None:
    await shop.stock(item("a"))
    answer = await shop.call("POST", "/v1/events", shop.event("view_item", "me", "a"))
    token = answer.json()["verdicts"][0]["fresh_token"]
    waited = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        shop.now += seconds * 1_000
        if len(waited) == 3:
            await shop.settle()

    shop.api.visitors._sleep = sleep
    shelf = await shop.shelf("recently_viewed", "me", min_fresh=token)
    assert shelf["fresh_to"]["met"] is True
    assert [one["item_id"] for one in shelf["items"]] == ["a"]
    assert len(waited) == 3


async def test_an_answer_waits_at_most_a_quarter_of_a_second(shop: Deployment) -> None:
    answer = await shop.call("POST", "/v1/events", shop.event("view_item", "me", "a"))
    token = answer.json()["verdicts"][0]["fresh_token"]
    began = shop.now

    async def sleep(seconds: float) -> None:
        shop.now += seconds * 1_000

    shop.api.visitors._sleep = sleep
    shelf = await shop.shelf("home_for_you", "me", min_fresh=token)
    assert shelf["fresh_to"]["met"] is False
    assert 250 <= shop.now - began < 265


async def test_a_token_of_another_visitors_partition_is_waited_for_there(shop: Deployment) -> None:
    mine = partition_of(b"me", PARTITIONS["events"])
    other = next(v for v in map(str, range(99)) if partition_of(v.encode(), PARTITIONS["events"]) != mine)
    verdict = (await shop.view(other, "a"))[0]
    shelf = await shop.shelf("home_for_you", "me", min_fresh=verdict["fresh_token"])
    assert shelf["fresh_to"]["met"] is True


async def test_a_token_needs_no_visitor(shop: Deployment) -> None:
    verdict = (await shop.view("me", "a"))[0]
    shelf = await shop.shelf("trending", min_fresh=verdict["fresh_token"])
    assert shelf["fresh_to"]["met"] is True


async def test_a_token_of_another_shop_is_refused(shop: Deployment) -> None:
    token = fresh_token(b"another key", FreshToken("events", 0, 0))
    answer = await shop.call("POST", "/v1/recommendations/trending", {"min_fresh": token})
    assert answer.status_code == 400
    assert "signature" in answer.json()["detail"]
