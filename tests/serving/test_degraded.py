"""What is answered while a dependency is away: the best that the process holds, nothing personal, never a 5xx."""

import pytest

from serving.placements import placements
from stream.local_copy import LocalCopy
from tests.serving.deployment import NOT_ACKNOWLEDGED, SECRET, Deployment, ids, item


@pytest.fixture
async def walked(shop: Deployment) -> Deployment:
    await shop.stock(*[item(f"i{n}", category="Pans") for n in range(6)])
    for visitor in ("u", "v"):
        await shop.view(visitor, "i0", "i1", "i2")
    await shop.view("me", "i0")
    await shop.view("me", "i2", event="add_to_cart")
    return shop


@pytest.mark.parametrize("placement", sorted(placements()))
async def test_without_redis_the_answer_is_degraded_and_not_personal(walked: Deployment, placement: str) -> None:
    walked.redis.away = True
    page = ["i0"] if placement.startswith("pdp") else []
    shelf = await walked.shelf(placement, "me", item_ids=page)
    rung = "catalogue" if placement == "pdp_similar" else "local"  # what is alike is so by its titles
    assert (shelf["status"], shelf["rung"]) == ("degraded", rung if shelf["items"] else "empty")
    assert shelf["fresh_to"]["occurred_at"] is None
    assert not any(one["because"] for one in shelf["items"])
    walked.redis.away = False
    nothing_goes_with_the_cart = placement == "cart_addons"
    again = await walked.shelf(placement, "me", item_ids=page)
    assert (again["status"], again["rung"]) == ("fallback" if nothing_goes_with_the_cart else "ok", "live")


async def test_neighbours_and_popular_items_come_from_memory(walked: Deployment) -> None:
    walked.redis.away = True
    assert set(ids(await walked.shelf("pdp_also_bought", "me", item_ids=["i0"], n=2))) == {"i1", "i2"}
    assert set(ids(await walked.shelf("trending", n=3))) == {"i0", "i1", "i2"}


async def test_what_is_known_to_be_sold_out_stays_hidden(walked: Deployment) -> None:
    await walked.stock({"item_id": "i1", "quantity": 0})
    walked.redis.away = True
    assert "i1" not in ids(await walked.shelf("pdp_also_bought", "me", item_ids=["i0"]))


async def test_freshness_that_cannot_be_known_is_not_met(walked: Deployment) -> None:
    verdict = (await walked.view("me", "i1"))[0]
    walked.redis.away = True
    shelf = await walked.shelf("home_for_you", "me", min_fresh=verdict["fresh_token"])
    assert (shelf["status"], shelf["fresh_to"]["met"]) == ("degraded", False)


async def test_without_kafka_stock_is_as_last_known_and_the_answer_says_so(walked: Deployment) -> None:
    walked.live = False
    shelf = await walked.shelf("home_for_you", "me")
    assert (shelf["status"], shelf["rung"]) == ("degraded", "partial")
    assert shelf["items"][0]["because"]
    walked.live = True
    assert (await walked.shelf("home_for_you", "me"))["status"] == "ok"


async def test_decisions_that_find_no_room_are_counted_and_the_answer_does_not_wait(walked: Deployment) -> None:
    walked.broker.failure = NOT_ACKNOWLEDGED
    assert (await walked.shelf("home_for_you", "me"))["status"] == "ok"
    assert walked.api.decisions.dropped == 1
    metrics = await walked.call("GET", "/metrics", key=SECRET)
    assert "liveshelf_decisions_dropped 1.0" in metrics.text


async def test_before_the_topics_are_known_there_is_an_answer(shop: Deployment) -> None:
    shop.known = False
    assert (await shop.shelf("home_for_you", "me"))["status"] == "degraded"


async def test_rows_that_nobody_could_read_for_a_while_make_an_answer_degraded(walked: Deployment) -> None:
    walked.api.rows.swept.set()
    assert (await walked.shelf("trending"))["status"] == "ok"
    walked.now += 4_000
    assert (await walked.shelf("trending"))["status"] == "degraded"


async def test_a_start_without_redis_knows_the_neighbours_of_the_local_copy(
    walked: Deployment, tmp_path_factory: pytest.TempPathFactory
) -> None:
    copy = LocalCopy(tmp_path_factory.mktemp("copies") / "rows", "rows 1")
    walked.api.rows._copy = copy
    await walked.api.rows.save()
    again = Deployment()
    await again.stock(*[item(f"i{n}") for n in range(6)])
    again.redis.away = True
    again.api.rows._copy = copy
    again.api.rows.load()
    again.api.shop.refresh(int(walked.now))
    await again.api.rows._look(0)
    shelf = await again.shelf("pdp_also_bought", item_ids=["i0"], n=2)
    assert (shelf["status"], shelf["rung"], set(ids(shelf))) == ("degraded", "local", {"i1", "i2"})


async def test_with_nothing_but_the_catalogue_its_newest_items_are_shown(shop: Deployment) -> None:
    await shop.stock(*[item(f"i{n}") for n in range(6)], item("gone", availability="out_of_stock"))
    await shop.settle()
    shop.redis.away = True
    shelf = await shop.shelf("home_for_you", "me", n=6)
    assert (shelf["status"], shelf["rung"], len(shelf["items"])) == ("degraded", "catalogue", 6)
    assert "gone" not in ids(shelf)
    metrics = (await shop.call("GET", "/metrics", key=SECRET)).text
    assert 'liveshelf_answers_total{placement="home_for_you",rung="catalogue"}' in metrics


async def test_while_nobody_has_read_the_catalogue_nothing_passes_for_sellable(walked: Deployment) -> None:
    """What is hidden or sold out is not known then, so no item goes out by its bare id."""
    unread = Deployment()
    unread.catalogue.ready.clear()
    for item_id, packed in walked.api.rows._packed.items():
        unread.api.rows._put(item_id, packed)
    unread.api.shop.refresh(int(walked.now))
    shelf = await unread.shelf("trending")
    assert (shelf["status"], shelf["rung"], shelf["items"]) == ("degraded", "empty", [])


async def test_operators_are_told_what_is_away(walked: Deployment) -> None:
    walked.redis.away = True
    ready = await walked.call("GET", "/readyz", key=None)
    assert (ready.status_code, ready.json()["sources"]) == (200, {"kafka": True, "redis": False})
    assert (await walked.call("GET", "/healthz", key=None)).status_code == 200
    assert (await walked.call("GET", "/metrics", key=SECRET)).status_code == 200
    assert (await walked.call("GET", "/v1/ops/lag", key=SECRET)).status_code == 503
