"""``GET /v1/ops/health-of-data``: each measure on a log made for it, and nothing in it that names anybody."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

import serving
from serving import sample
from stream.fold import Record
from stream.topics import partition_of
from tests.serving.deployment import GRANTED, NOW, PARTITIONS, SECRET, Deployment, item

DESIGN = Path(serving.__path__[0], "DESIGN.md").read_text(encoding="utf-8")
EDGE = {"key": "publishable", "signed": False, "purchase_confirmed": False}


def event(name: str, visitor: str = "visitor-7f3a", *item_ids: str, **more: Any) -> dict[str, Any]:
    """An event as it lies in the log; without an id of its own it gets one when it is produced."""
    made = {
        "event": name, "visitor_id": visitor, "occurred_at": NOW, "sent_at": NOW, "received_at": NOW,
        "items": [{"item_id": item_id} for item_id in item_ids], "consent": GRANTED,
    }  # fmt: skip
    return {**made, **more}


def produce(shop: Deployment, events: Iterable[Any], *, at: float = NOW) -> None:
    """Straight into the log, as a shop's own producer does."""
    for made in events:
        key = made["visitor_id"].encode() if isinstance(made, dict) else b"visitor-7f3a"
        partition = partition_of(key, PARTITIONS["events"])
        log = shop.broker.logs["events", partition]
        value = made if isinstance(made, bytes) else json.dumps({"event_id": f"e{len(log)}", **made}).encode()
        log.append(Record("events", partition, len(log), int(at), key, value))


async def asked(shop: Deployment) -> dict[str, Any]:
    answer = await shop.call("GET", "/v1/ops/health-of-data", key=SECRET)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def measured(shop: Deployment, name: str) -> tuple[int, int, str]:
    measure = next(one for one in (await asked(shop))["measures"] if one["name"] == name)
    assert measure["sentence"].endswith(".")
    assert bool(measure["fix"]) is (measure["verdict"] != "ok")
    return measure["value"], measure["of"], measure["verdict"]


async def test_an_empty_log_says_that_nothing_arrived(shop: Deployment) -> None:
    found = await asked(shop)
    assert found["sampled"] == {
        "records": 0, "partitions": 2, "partitions_read": 2, "oldest_at": None, "newest_at": None,
    }  # fmt: skip
    assert (found["verdict"], found["events"], found["unknown_items"]) == ("warn", {}, [])
    judged = {one["name"]: one["verdict"] for one in found["measures"]}
    assert {name for name, verdict in judged.items() if verdict != "ok"} == {"events_valid"}


async def test_a_good_shop_is_ok_throughout(shop: Deployment) -> None:
    await shop.stock(item("a", image_url="https://shop.example/a.jpg"))
    await shop.settle()
    decision = (await shop.shelf("trending", "v"))["decision_id"]
    consent = {**GRANTED, "marketing": False}
    shown = {"decision_id": decision, "consent": consent}
    names = ("view_item_list", "select_item", "view_item", "add_to_cart", "purchase")
    produce(shop, (event(name, "v", "a", **shown) for name in names))
    found = await asked(shop)
    assert [one for one in found["measures"] if one["verdict"] != "ok"] == []
    assert found["verdict"] == "ok"
    assert found["events"] == dict.fromkeys(names, 1)


async def test_records_that_are_no_events(shop: Deployment) -> None:
    good = [event("page_view")] * 7
    produce(shop, [*good, b"{", {**good[0], "event": "looked"}, event("view_item")])
    assert await measured(shop, "events_valid") == (7, 10, "bad")
    arrived = (await asked(shop))["measures"][0]
    assert "not_json (1)" in arrived["sentence"]
    assert "unknown_event (1)" in arrived["sentence"]
    assert "schema (1)" in arrived["sentence"]


async def test_a_record_under_the_wrong_key_is_refused_as_by_the_worker(shop: Deployment) -> None:
    produce(shop, [event("page_view", "one")])
    log = next(log for log in shop.broker.logs.values() if log)
    log[0] = msgspec.structs.replace(log[0], key=b"another")
    assert await measured(shop, "events_valid") == (0, 1, "bad")


async def test_names_that_are_missing(shop: Deployment) -> None:
    produce(shop, [event("view_item", "v", "a"), event("add_to_cart", "v", "a")])
    assert await measured(shop, "event_names") == (2, 5, "warn")


async def test_without_views_names_are_bad(shop: Deployment) -> None:
    produce(shop, [event("purchase", "v", "a")])
    assert await measured(shop, "event_names") == (1, 5, "bad")


async def test_events_that_came_twice(shop: Deployment) -> None:
    produce(shop, [event("page_view", event_id="same")] * 4 + [event("page_view", "another", event_id="same")])
    assert await measured(shop, "events_distinct") == (2, 5, "bad")


async def test_consent_is_counted_by_purpose(shop: Deployment) -> None:
    silent = {name: value for name, value in event("page_view").items() if name != "consent"}
    produce(shop, [event("page_view", consent={"analytics": True}), event("page_view", consent={"analytics": False})])
    produce(shop, [event("page_view", consent={"personalization_storage": "granted"}), silent])
    assert await measured(shop, "consent_analytics") == (2, 4, "warn")
    assert await measured(shop, "consent_personalization") == (1, 4, "warn")
    assert await measured(shop, "consent_marketing") == (0, 4, "warn")
    sentences = [one["sentence"] for one in (await asked(shop))["measures"] if one["name"] == "consent_analytics"]
    assert sentences == ["50.0 % of the events say whether analytics is allowed; 50.0 % of those say yes."]


async def test_items_that_the_catalogue_lacks_are_named(shop: Deployment) -> None:
    await shop.stock(item("a"))
    produce(
        shop,
        [event("view_item", "v", "a")] * 6 + [event("view_item", "v", "x")] * 2 + [event("view_cart", "v", "a", "y")],
    )
    produce(shop, [event("page_view")])
    assert await measured(shop, "items_known") == (6, 9, "bad")
    assert (await asked(shop))["unknown_items"] == ["x", "y"]


async def test_an_empty_catalogue_is_the_first_thing_to_mend(shop: Deployment) -> None:
    produce(shop, [event("view_item", "v", "a")])
    found = next(one for one in (await asked(shop))["measures"] if one["name"] == "items_known")
    assert "the catalogue is empty" in found["fix"]


async def test_items_without_title_price_or_image(shop: Deployment) -> None:
    whole = [item(f"i{n}", image_url="/i.jpg") for n in range(8)]
    await shop.stock(*whole, {"item_id": "x", "title": "x"}, {"item_id": "y", "title": "Why", "price": 3})
    assert await measured(shop, "items_with_title") == (9, 10, "warn")
    assert await measured(shop, "items_with_price") == (8, 10, "warn")
    assert await measured(shop, "items_with_image") == (8, 10, "warn")


async def test_impressions_with_a_decision_that_was_made_here(shop: Deployment) -> None:
    await shop.stock(item("a"))
    await shop.settle()
    ours = (await shop.shelf("trending", "v"))["decision_id"]
    produce(shop, [event("view_item_list", "v", "a", decision_id="forged")])
    assert await measured(shop, "impressions_attributed") == (0, 1, "bad")
    shop.now += 10_000
    produce(shop, [event("view_item_list", "v", "a", decision_id=ours), event("view_item_list", "v", "a")])
    assert await measured(shop, "impressions_attributed") == (1, 3, "ok")


async def test_purchases_of_visitors_who_were_never_seen(shop: Deployment) -> None:
    produce(shop, [event("view_item", "v", "a"), event("purchase", "v", "a"), event("purchase", "server-9", "a")])
    produce(shop, [event("identify", "w", customer_id="c"), event("purchase", "w", "a")])
    produce(shop, [event("purchase", "u", "a", decision_id="d")])
    assert await measured(shop, "purchases_matched") == (2, 4, "warn")


async def test_purchases_at_the_samples_beginning_are_not_judged(
    shop: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample, "MOST_A_PARTITION", 10)
    produce(shop, [event("view_item", "v", "a"), *[event("page_view", "v")] * 4, event("purchase", "v", "a")])
    produce(shop, [event("page_view", "v")] * 9)
    assert await measured(shop, "purchases_matched") == (0, 0, "ok")
    shop.now += 10_000
    produce(shop, [event("purchase", "v", "a")])
    assert await measured(shop, "purchases_matched") == (1, 1, "ok")


async def test_purchases_that_are_confirmed(shop: Deployment) -> None:
    produce(shop, [event("purchase", "v", "a"), event("purchase", "v", "a", edge={**EDGE, "purchase_confirmed": True})])
    produce(shop, [event("purchase", "v", "a", edge=EDGE)] * 3)
    assert await measured(shop, "purchases_confirmed") == (2, 5, "bad")


async def test_clocks_that_are_wrong(shop: Deployment) -> None:
    late: dict[str, Any] = {"sent_at": NOW - 3_600_000, "occurred_at": NOW - 3_600_000}
    produce(shop, [event("page_view")] * 8 + [event("page_view", **late)] * 2)
    assert await measured(shop, "clocks_right") == (8, 10, "warn")
    sentence = next(one["sentence"] for one in (await asked(shop))["measures"] if one["name"] == "clocks_right")
    assert sentence.endswith("(5th, 50th and 95th percentile: 0.0, 0.0 and 3600.0 s).")
    assert await measured(shop, "times_kept") == (10, 10, "ok")


async def test_without_a_time_of_sending_the_event_s_own_is_compared(shop: Deployment) -> None:
    produce(shop, [event("page_view", sent_at=None, occurred_at=NOW - 120_000)])
    assert await measured(shop, "clocks_right") == (0, 1, "bad")


async def test_times_that_were_clamped(shop: Deployment) -> None:
    two_days = 2 * 86_400_000
    produce(shop, [event("page_view")] * 3 + [event("page_view", occurred_at=NOW - two_days)])
    produce(shop, [event("page_view", occurred_at=NOW + two_days, sent_at=None)])
    assert await measured(shop, "times_kept") == (3, 5, "bad")
    sentence = next(one["sentence"] for one in (await asked(shop))["measures"] if one["name"] == "times_kept")
    assert sentence.startswith("60.0 % of the events keep their own time; the others")


async def test_only_the_newest_day_counts(shop: Deployment) -> None:
    produce(shop, [event("page_view")] * 3, at=NOW - sample.OLDEST_MS - 1)
    produce(shop, [event("page_view")] * 2, at=NOW)
    found = await asked(shop)
    assert found["events"] == {"page_view": 2}
    assert (found["sampled"]["oldest_at"], found["sampled"]["newest_at"]) == (NOW, NOW)


async def test_the_sample_is_bounded(shop: Deployment) -> None:
    produce(shop, [event("page_view")] * (sample.MOST_A_PARTITION + 50))
    assert (await asked(shop))["sampled"]["records"] == sample.MOST_A_PARTITION


async def test_when_time_is_up_the_rest_is_left_out(shop: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "LONGEST_S", -1.0)
    produce(shop, [event("page_view")])
    found = await asked(shop)
    assert (found["sampled"]["partitions"], found["sampled"]["partitions_read"]) == (2, 0)


async def test_it_looks_at_most_every_ten_seconds(shop: Deployment) -> None:
    assert (await asked(shop))["sampled"]["records"] == 0
    produce(shop, [event("page_view")])
    shop.now += 9_999
    assert (await asked(shop))["sampled"]["records"] == 0
    shop.now += 1
    assert (await asked(shop))["sampled"]["records"] == 1


@pytest.mark.parametrize("away", [{"torn": True}, {"known": False}, {"live": False}], ids=str)
async def test_without_a_broker_it_says_so(shop: Deployment, away: dict[str, bool]) -> None:
    produce(shop, [event("page_view")])
    for name, value in away.items():
        setattr(shop, name, value)
    answer = await shop.call("GET", "/v1/ops/health-of-data", key=SECRET)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert "broker" in answer.json()["detail"]


async def test_nobody_is_named(shop: Deployment) -> None:
    secrets = {
        "session_id": "session-1", "customer_id": "customer-1", "search_term": "private", "transaction_id": "order-1",
        "page": {"url": "https://shop.example/?mail=a@b.example"}, "decision_id": "token-1", "coupon": "coupon-1",
        "currency": "EUR", "value": "1234.56", "x_own": "own-1",
    }  # fmt: skip
    produce(shop, [event(name, "visitor-7f3a", "a", **secrets) for name in ("search", "purchase", "view_item_list")])
    produce(shop, [{**event("visitor-made-name", "visitor-7f3a", "b"), **secrets}, b'{"visitor_id": "visitor-7f3a"'])
    text = json.dumps(await asked(shop))
    values = [
        "visitor-",
        "session-1",
        "customer-1",
        "private",
        "order-1",
        "b.example",
        "token-1",
        "coupon-1",
        "1234",
        "own-1",
    ]
    assert [value for value in values if value in text] == []


async def test_the_table_in_design_names_every_measure(shop: Deployment) -> None:
    table = DESIGN.split("| measure | ", 1)[1].split("\n\n", 1)[0]
    named = [name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(named) == sorted(one["name"] for one in (await asked(shop))["measures"])
