"""How long each store keeps what it holds: by event time on every read, and by its own end."""

from __future__ import annotations

from typing import Any

import pytest

from serving.held import LOGS, REDIS, stores
from stream.cluster import RETENTION_DAYS_MOST, _config
from stream.fold import Family
from stream.profile import CUSTOMER
from stream.signals import session
from stream.state.table import FOLDS
from stream.topics import TOPICS, Topic
from stream.visitor import DEDUPE_MINUTES, RETENTION_MS, VECTOR, VISITOR
from tests.serving.deployment import SECRET, Deployment, ids, item

DAY_MS = 86_400_000
FAMILIES = {
    family.name: family
    for fold in FOLDS
    for family in (*fold.families, *([] if fold.ranking is None else [fold.ranking]))
}
NOBODYS = {name for name, use in REDIS.items() if name not in FAMILIES}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_each_family_ends_by_age_or_says_why_not(family: Family) -> None:
    use = REDIS[family.name]
    assert family.ttl_s or use.for_ever
    if use.personal and not use.for_ever:
        assert family.ttl_s <= 2 * RETENTION_MS // 1000


@pytest.mark.parametrize("topic", TOPICS.values(), ids=lambda topic: topic.noun)
def test_each_topic_ends_by_age_or_says_why_not(topic: Topic) -> None:
    use, conf = LOGS[topic.noun], _config(topic)
    if topic.compacted:
        assert use.for_ever
        assert conf["cleanup.policy"] == "compact"
    else:
        assert 0 < topic.retention_days <= RETENTION_DAYS_MOST
        assert int(conf["retention.ms"]) == topic.retention_days * DAY_MS


def test_every_store_is_told_of_and_no_other() -> None:
    told = [store.name for store in stores()]
    assert len(told) == len(set(told)) == len(REDIS) + len(LOGS)
    assert sorted(NOBODYS) == ["privacy", "privacy_mark", "pseudonyms"]  # values that no fold owns
    assert LOGS.keys() == TOPICS.keys()


def test_redis_deletes_at_twice_the_retention_or_later() -> None:
    assert VISITOR.ttl_s * 1000 >= 2 * RETENTION_MS
    assert CUSTOMER.ttl_s * 1000 >= 2 * RETENTION_MS
    assert VECTOR.ttl_s * 1000 >= 2 * session.GAP_MS


@pytest.fixture
async def seen(shop: Deployment) -> Deployment:
    await shop.stock(*[item(f"i{n}", title=title) for n, title in enumerate(("Oak desk", "Pine desk", "Desk lamp"))])
    await shop.settle()
    await shop.view("me", "i0")
    return shop


async def personal(shop: Deployment) -> list[str]:
    return ids(await shop.shelf("recently_viewed", "me"))


async def test_a_visitor_is_absent_after_90_days(seen: Deployment) -> None:
    began = seen.now
    seen.now = began + RETENTION_MS
    assert await personal(seen) == ["i0"]
    seen.now += 1
    assert await personal(seen) == []


async def test_and_absent_to_the_fold_as_well(seen: Deployment) -> None:
    seen.now += RETENTION_MS
    await seen.view("me", "i1")
    assert await personal(seen) == ["i1"]


async def test_a_session_is_absent_after_30_minutes(seen: Deployment) -> None:
    began = seen.now
    for minutes, steps in ((30, 1), (30.001, 0)):
        seen.now = began + minutes * 60_000
        shelf = await seen.shelf("home_for_you", "me", explain=True)
        assert shelf["explain"]["session"]["steps"] == steps


async def test_the_vector_is_absent_with_its_session(seen: Deployment) -> None:
    async def by_title() -> list[Any]:
        shelf = await seen.shelf("home_for_you", "me")
        return [one for one in shelf["items"] if one["recommender"] in {"undiscovered", "nearest"}]

    assert await by_title()
    seen.now += session.GAP_MS + 1
    assert await by_title() == []


async def test_what_was_bought_may_come_back_after_its_placements_days(seen: Deployment) -> None:
    await seen.view("me", "i0", event="purchase")
    assert await personal(seen) == []
    seen.now += 30 * DAY_MS + 1
    assert await personal(seen) == ["i0"]


async def test_an_event_counts_once_a_day(seen: Deployment) -> None:
    async def events() -> int:
        found = await seen.call("GET", "/v1/visitors/me/export", key=SECRET)
        count: int = found.json()["profile"]["signals"]["session"]["value"]["events"]
        return count

    await seen.view("me", "i1", event_id="once")
    await seen.view("me", "i1", event_id="once")
    assert await events() == 2
    seen.now += DEDUPE_MINUTES * 60_000
    await seen.view("me", "i1", event_id="once")
    assert await events() == 1  # of a new session


async def test_a_customers_other_visitor_is_absent_after_90_days(seen: Deployment) -> None:
    async def view(visitor: str, item_id: str) -> None:
        event = seen.event("view_item", visitor, item_id, customer_id="customer-1")
        await seen.call("POST", "/v1/events", event, key=SECRET)
        await seen.settle()

    await view("phone", "i2")
    seen.now += RETENTION_MS
    await view("me", "i0")
    assert await personal(seen) == ["i0", "i2"]
    seen.now += 1
    assert await personal(seen) == ["i0"]
