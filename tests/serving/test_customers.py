"""One shopper on two devices: each shelf knows what happened on the other, as long as both agree to that."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from serving.customers import CACHED, CACHED_S, Customers, Place
from stream.entries import Summary
from stream.profile import Customer, Shared
from stream.pseudonyms import ONE_KEY
from stream.state.keys import Keys, Tag
from stream.state.store import Unavailable
from stream.topics import partition_of
from tests.serving.deployment import DENIED, PARTITIONS, SECRET, Deployment, ids, item

ME = "customer-7"
DAY_MS = 86_400_000


@pytest.fixture
async def devices(shop: Deployment) -> Deployment:
    """The shopper looked at `a` and `b` on the phone, and has just logged in there and on the laptop."""
    await shop.stock(*[item(i, category="Pans" if i in "abc" else "Pots") for i in "abcdef"])
    for visitor in ("u", "v", "w"):
        await shop.view(visitor, "a", "c")
        await shop.view(visitor, "e", "f", session_id="another")
    await shop.view("phone", "b", "a")
    await identify(shop, "phone")
    await identify(shop, "laptop")
    return shop


async def identify(shop: Deployment, visitor_id: str, customer_id: str = ME, **more: Any) -> None:
    await send(shop, shop.event("identify", visitor_id, customer_id=customer_id), **more)


async def send(shop: Deployment, event: dict[str, Any], *, key: str = SECRET) -> None:
    """One event, known to all within a second."""
    shop.now += 500
    answer = await shop.call("POST", "/v1/events", {**event, "occurred_at": int(shop.now)}, key=key)
    assert answer.status_code == 202, answer.text
    await shop.settle()


async def produce(shop: Deployment, name: str, visitor_id: str, **more: Any) -> None:
    """A server writes straight into Kafka."""
    shop.now += 500
    partition = partition_of(visitor_id.encode(), PARTITIONS["events"])
    value = json.dumps(shop.event(name, visitor_id, **more)).encode()
    await shop.broker.send("liveshelf.events.v1", partition, visitor_id.encode(), value)
    await shop.settle()


def later(shop: Deployment, seconds: float = CACHED_S) -> None:
    """The customer's value that was read before is read again."""
    shop.now += seconds * 1_000


async def personal(shop: Deployment, visitor_id: str = "laptop", **more: Any) -> list[str]:
    return ids(await shop.shelf("recently_viewed", visitor_id, **more))


async def test_two_devices_see_one_taste_within_a_second(devices: Deployment) -> None:
    logged_in_at = devices.now - 500
    shelf = await devices.shelf("home_for_you", "laptop", n=3)
    assert devices.now - logged_in_at < 1_000
    assert shelf["status"] == "ok"
    because = {one["item_id"]: [reason["item_id"] for reason in one["because"]] for one in shelf["items"]}
    assert because["c"] == ["a"]
    assert await personal(devices) == ["a", "b"]


async def test_another_device_begins_where_the_shopper_was_on_the_first(devices: Deployment) -> None:
    shelf = await devices.shelf("home_for_you", "laptop", n=6, explain=True)
    speaks = {(one["item_id"], one["recommender"]): one["because_item_id"] for one in shelf["explain"]["candidates"]}
    others = await devices.shelf("home_for_you", "a stranger", n=6, explain=True)
    assert "profile" in {recommender for _, recommender in speaks}
    assert {because for (_, recommender), because in speaks.items() if recommender == "profile"} <= {"a", None}
    assert "profile" not in {one["recommender"] for one in others["explain"]["candidates"]}


async def test_the_reason_is_the_shoppers_own_event_on_the_other_device(devices: Deployment) -> None:
    (verdict,) = await devices.view("phone", "d")
    later(devices, 60)
    await devices.view("phone", "e")
    later(devices)
    shown = (await devices.shelf("recently_viewed", "laptop"))["items"]
    assert [one["item_id"] for one in shown] == ["e", "d", "a", "b"]
    assert shown[1]["because"] == [
        {
            "event_id": verdict["event_id"],
            "event": "view_item",
            "item_id": "d",
            "seconds_ago": 60 + 1 + CACHED_S,
            "relation": "itself",
        }
    ]


async def test_what_was_bought_on_one_device_is_hidden_on_the_other_for_the_placements_days(
    devices: Deployment,
) -> None:
    await send(devices, devices.event("purchase", "phone", "c", transaction_id="order"))
    assert "c" not in ids(await devices.shelf("home_for_you", "laptop"))
    explain = (await devices.shelf("home_for_you", "laptop", explain=True))["explain"]
    assert {one["item_id"]: one["refused"] for one in explain["candidates"]}["c"] == "bought"
    assert "other devices" in explain["signals"]["customer"]
    devices.now += 31 * DAY_MS
    await send(devices, devices.event("view_item", "laptop", "d"))
    assert "c" in ids(await devices.shelf("home_for_you", "laptop"))


@pytest.mark.parametrize("placement", ["home_for_you", "trending", "recently_viewed", "pdp_also_bought"])
async def test_what_was_dismissed_on_one_device_is_hidden_on_the_other(devices: Deployment, placement: str) -> None:
    page = ["d"] if placement.startswith("pdp") else []
    assert "a" in ids(await devices.shelf(placement, "laptop", n=6, item_ids=page))
    later(devices)
    await send(devices, devices.event("dismiss", "phone", "a"))
    assert "a" not in ids(await devices.shelf(placement, "laptop", n=6, item_ids=page))


async def test_the_visitors_own_visit_comes_first(devices: Deployment) -> None:
    await devices.view("laptop", "e")
    shelf = await devices.shelf("home_for_you", "laptop")
    assert ids(shelf)[0] == "f"
    assert shelf["items"][0]["because"][0]["item_id"] == "e"
    assert "c" in ids(shelf)
    assert await personal(devices) == ["e", "a", "b"]


async def test_the_freshness_is_that_of_the_visitors_own_events(devices: Deployment) -> None:
    assert (await devices.shelf("home_for_you", "laptop"))["fresh_to"]["occurred_at"] is None
    await devices.view("laptop", "e")
    at = int(devices.now)
    await devices.view("phone", "f")
    assert (await devices.shelf("home_for_you", "laptop"))["fresh_to"]["occurred_at"] == at


# whose customer it is


async def test_without_a_checked_word_a_customer_id_shows_nobodys_history(devices: Deployment) -> None:
    await devices.view("thief", "e", customer_id=ME)
    await devices.view("thief", "f", customer_id=ME)
    assert await personal(devices, "thief") == ["f", "e"]
    ask = {"visitor_id": "thief", "customer_id": ME}
    assert (await devices.call("POST", "/v1/recommendations/recently_viewed", ask)).status_code == 403
    await devices.view("thief", "d", event="dismiss", customer_id=ME)
    assert await personal(devices) == ["a", "b"]
    assert "d" in ids(await devices.shelf("home_for_you", "laptop"))


async def test_a_server_may_name_the_customer_in_the_request(devices: Deployment) -> None:
    await devices.view("tablet", "e")
    assert await personal(devices, "tablet") == ["e"]
    ask = {"visitor_id": "tablet", "customer_id": ME}
    answer = await devices.call("POST", "/v1/recommendations/recently_viewed", ask, key=SECRET)
    assert ids(answer.json()) == ["e", "a", "b"]
    path = f"/v1/recommendations/recently_viewed?visitor_id=tablet&customer_id={ME}"
    assert ids((await devices.call("GET", path, key=SECRET)).json()) == ["e", "a", "b"]


async def test_another_customers_devices_are_other_peoples(devices: Deployment) -> None:
    await devices.view("theirs", "f")
    await identify(devices, "theirs", "customer-8")
    assert await personal(devices, "theirs") == ["f"]
    assert await personal(devices) == ["a", "b"]


async def test_who_logs_in_as_somebody_else_leaves_with_what_is_theirs(devices: Deployment) -> None:
    assert await personal(devices) == ["a", "b"]
    await identify(devices, "phone", "customer-8")
    assert await personal(devices) == []


async def test_an_unmerge_works_at_once_and_leaves_each_with_their_own(devices: Deployment) -> None:
    await devices.view("laptop", "e")
    assert await personal(devices) == ["e", "a", "b"]
    await produce(devices, "unmerge", "phone", customer_id=ME)
    assert await personal(devices) == ["e"]
    assert await personal(devices, "phone") == ["a", "b"]


async def test_a_customer_of_one_device_knows_that_device_alone(devices: Deployment) -> None:
    await identify(devices, "phone", "customer-9")
    await identify(devices, "laptop", "customer-10")
    later(devices)
    assert await personal(devices, "phone") == ["a", "b"]
    assert await personal(devices) == []


async def test_neither_topic_nor_state_names_anybody(devices: Deployment) -> None:
    """Ids of customers and visitors are in the events alone; everywhere else are pseudonyms."""
    await devices.view("phone", "d", event="purchase")
    stored = b"".join(key.encode() + value for found in devices.store.values.values() for key, value in found.items())
    derived = b"".join(
        r.value or b"" for (topic, _), log in devices.broker.logs.items() if topic == "profile" for r in log
    )
    for told in (stored, derived):
        assert devices.cid(ME).encode() in told
        assert devices.pid("phone").encode() in told
        assert ME.encode() not in told
        assert b"phone" not in told


# consent


async def test_a_withdrawal_on_one_device_takes_its_part_out_at_once(devices: Deployment) -> None:
    assert await personal(devices) == ["a", "b"]
    await send(devices, devices.event("consent_update", "phone", consent=DENIED))
    assert await personal(devices) == []
    cid = devices.cid(ME)
    tag = Tag("profile", partition_of(cid.encode(), PARTITIONS["profile"]))
    assert devices.pid("phone").encode() not in (devices.store.values[tag].get(f"customer:{cid}") or b"")


async def test_a_withdrawal_counts_even_where_the_profile_agent_is_behind(devices: Deployment) -> None:
    shards = devices._shards
    shards.update({place: Stopped() for place in shards if place[0] == "profile"})  # type: ignore[misc]
    await send(devices, devices.event("consent_update", "phone", consent=DENIED))
    later(devices)
    assert await personal(devices) == []


class Stopped:
    """A worker that does nothing."""

    async def apply(self, records: object) -> None: ...

    async def flush(self) -> None: ...


@pytest.mark.parametrize("how", ["profiling", "header", "withdrawn"])
async def test_who_does_not_agree_is_answered_as_an_id_never_seen(devices: Deployment, how: str) -> None:
    ask: dict[str, Any] = {"visitor_id": "laptop", "customer_id": ME, "n": 4}
    more: dict[str, Any] = {}
    if how == "withdrawn":
        await send(devices, devices.event("consent_update", "laptop", consent=DENIED))
    elif how == "header":
        more["headers"] = {"sec-gpc": "1"}
    else:
        ask["profiling"] = "off"
    calls = devices.redis.calls
    found = (await devices.call("POST", "/v1/recommendations/home_for_you", ask, key=SECRET, **more)).json()
    assert devices.redis.calls == calls + 1, "nothing of the customer is read"
    never = await devices.shelf("home_for_you", "never seen", n=4)
    assert (found["status"], ids(found)) == ("no_consent", ids(never))


async def test_what_is_90_days_old_is_used_no_more(devices: Deployment) -> None:
    devices.now += 89 * DAY_MS
    await devices.view("laptop", "e")
    assert await personal(devices) == ["e", "a", "b"]
    devices.now += 2 * DAY_MS
    assert await personal(devices) == ["e"]


# what it costs, and what happens without Redis


async def test_a_visitor_without_a_customer_costs_no_read_more(devices: Deployment) -> None:
    await devices.view("alone", "a")
    calls = devices.redis.calls
    await devices.shelf("home_for_you", "alone")
    assert devices.redis.calls == calls + 1


async def test_a_customer_is_read_once_for_a_page_and_consent_each_time(devices: Deployment) -> None:
    reads = []
    for _ in range(2):
        calls = devices.redis.calls
        await devices.shelf("recently_viewed", "laptop")
        reads.append(devices.redis.calls - calls)
    assert reads == [3, 2]


class Broken:
    """A store that is away for the keys of customers."""

    def __init__(self, redis: Any, away: str) -> None:
        self._redis, self._away = redis, away

    async def mget(self, keys: Sequence[str]) -> list[bytes | None]:
        if any(self._away in key for key in keys):
            raise Unavailable("away")
        found: list[bytes | None] = await self._redis.mget(keys)
        return found


async def test_without_the_customer_the_visitors_own_is_answered(devices: Deployment) -> None:
    await devices.view("laptop", "e")
    shelf = await shelf_with(devices, away="customer:")
    assert (shelf["status"], ids(shelf)) == ("degraded", ["e"])


async def test_without_an_answer_about_consent_nothing_is_used(devices: Deployment) -> None:
    await devices.view("laptop", "e")
    shelf = await shelf_with(devices, away=f"visitor:{devices.pid('phone')}")
    assert (shelf["status"], ids(shelf)) == ("degraded", ["e"])


async def shelf_with(shop: Deployment, *, away: str) -> dict[str, Any]:
    visitors, customers = shop.api.visitors, shop.api.customers
    visitors._reader = customers._reader = Broken(shop.redis, away)
    return await shop.shelf("recently_viewed", "laptop")


async def test_a_value_that_cannot_be_read_is_as_one_that_could_not_be_asked_for(devices: Deployment) -> None:
    cid = devices.cid(ME)
    tag = Tag("profile", partition_of(cid.encode(), PARTITIONS["profile"]))
    devices.store.values[tag][f"customer:{cid}"] = b"\xc1"
    assert (await devices.shelf("recently_viewed", "laptop"))["status"] == "degraded"


async def test_few_customers_are_kept_and_none_for_longer_than_it_is_used() -> None:
    now = 0.0

    class One:
        async def mget(self, keys: Any) -> list[bytes | None]:
            return [msgspec.msgpack.encode(Customer({"p": Shared(0, 0, 0, Summary([], [], []))})) for _ in keys]

    async def nobody(cid: str, visitors: Any) -> set[str]:
        return set()

    customers = Customers(One(), Keys(), ONE_KEY, lambda: 1, nobody, clock=lambda: now)
    for n in range(CACHED + 50):
        await customers.others(Place(f"c{n}", 0), "p", 0)
    assert len(customers._cached) == CACHED
    now = CACHED_S
    await customers.others(Place("another", 0), "p", 0)
    assert list(customers._cached) == ["another"]
