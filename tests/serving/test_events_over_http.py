"""``POST /v1/events``: bytes in, verdicts out, and what lies in Kafka afterwards."""

import gzip
import json
import zlib
from typing import Any

import pytest

from stream.topics import partition_of
from tests.serving.deployment import (
    FULL,
    GRANTED,
    NOT_ACKNOWLEDGED,
    PARTITIONS,
    PUBLISHABLE,
    SECRET,
    Deployment,
)


async def send(shop: Deployment, body: Any, **more: Any) -> tuple[int, list[dict[str, Any]]]:
    answer = await shop.call("POST", "/v1/events", body, **more)
    return answer.status_code, answer.json().get("verdicts", [])


async def test_one_event_is_accepted_with_a_token(shop: Deployment) -> None:
    status, verdicts = await send(shop, shop.event("view_item", "me", "a"))
    assert status == 202
    assert [set(verdict) for verdict in verdicts] == [{"event_id", "status", "fresh_token"}]
    assert verdicts[0]["status"] == "accepted"


async def test_verdicts_come_in_the_order_sent_and_good_events_are_untouched(shop: Deployment) -> None:
    good, other = shop.event("view_item", "me", "a"), shop.event("search", "you", search_term="x", items=[])
    bad = [
        {**good, "event_id": "e1", "event": "looked_at"},
        {**good, "event_id": "e2", "items": [{"item_id": "a", "quantity": 0}]},
        {**good, "event_id": "e3", "items": []},
        {**good, "event_id": "e4", "schema_version": 7},
        "not an object",
        {**good, "event_id": "e5", "note": "nul \0"},
    ]
    status, verdicts = await send(shop, {"events": [good, *bad, other]})
    assert status == 202
    assert [v["status"] for v in verdicts] == ["accepted", *["rejected"] * len(bad), "accepted"]
    assert [v.get("reason") for v in verdicts[1:-1]] == [
        "unknown_event", "range", "schema", "unsupported_version", "schema", "schema",
    ]  # fmt: skip
    assert [v["event_id"] for v in verdicts[1:-1]] == ["e1", "e2", "e3", "e4", None, "e5"]
    assert all(v["detail"] for v in verdicts[1:-1])
    assert {event["event_id"] for event in shop.broker.values("events")} == {good["event_id"], other["event_id"]}


async def test_an_event_lies_under_its_visitor_in_its_partition(shop: Deployment) -> None:
    await send(shop, {"events": [shop.event("view_item", f"v{n}", "a") for n in range(20)]})
    for (noun, partition), log in shop.broker.logs.items():
        assert noun == "events"
        assert all(partition_of(record.key or b"", PARTITIONS["events"]) == partition for record in log)
        assert all(json.loads(record.value or b"")["visitor_id"].encode() == record.key for record in log)


async def test_what_only_the_server_may_say_is_overwritten_and_unknown_fields_are_kept(shop: Deployment) -> None:
    forged = {"received_at": 5, "edge": {"signed": True, "purchase_confirmed": True}, "consent_default": GRANTED}
    await send(shop, {**shop.event("view_item", "me", "a"), **forged, "x_own": {"deep": [1, 2]}})
    stored = shop.broker.values("events")[0]
    assert stored["received_at"] == int(shop.now)
    assert stored["edge"] == {"key": "publishable", "signed": False, "purchase_confirmed": False}
    assert stored["consent_default"] == {"analytics": False, "personalization": False, "marketing": False}
    assert stored["x_own"] == {"deep": [1, 2]}


@pytest.mark.parametrize(("key", "trusting", "confirmed"), [(SECRET, False, True), (PUBLISHABLE, True, True)])
async def test_a_purchase_is_confirmed_by_the_secret_key_or_by_the_shops_setting(
    key: str, *, trusting: bool, confirmed: bool
) -> None:
    shop = Deployment(trust_browser_purchases=trusting)
    await send(shop, shop.event("purchase", "me", "a"), key=key)
    assert shop.broker.values("events")[0]["edge"]["purchase_confirmed"] is confirmed


async def test_an_event_twice_in_one_request_is_a_duplicate(shop: Deployment) -> None:
    event = shop.event("view_item", "me", "a")
    other = {**event, "visitor_id": "you"}
    _, verdicts = await send(shop, {"events": [event, event, other]})
    assert [v["status"] for v in verdicts] == ["accepted", "duplicate", "accepted"]
    assert len(shop.broker.values("events")) == 2


async def test_an_event_that_the_state_knows_is_a_duplicate(shop: Deployment) -> None:
    event = shop.event("view_item", "me", "a")
    await send(shop, event)
    await shop.settle()
    _, verdicts = await send(shop, event)
    assert verdicts == [{"event_id": event["event_id"], "status": "duplicate"}]
    assert len(shop.broker.values("events")) == 1


@pytest.mark.parametrize("name", ["erase", "unmerge", "reset", "due"])
async def test_control_events_of_the_server_are_not_taken(shop: Deployment, name: str) -> None:
    event = {**shop.event(name, "me"), "customer_id": "c", "kind": "k"}
    _, verdicts = await send(shop, event, key=SECRET)
    assert (verdicts[0]["status"], verdicts[0]["reason"]) == ("rejected", "unknown_event")
    assert shop.broker.values("events") == []


@pytest.mark.parametrize(
    "body",
    [
        b'{"event": NaN', b"", b"[]", b"1", b"null", b'"x"', b"\xff\xfe", b'{"events": 3}', b'{"events": []}',
        b'{"events": {}}', b"[" * 200_000, b'{"events": [' + b"[" * 5_000 + b"]" * 5_000,
    ],
)  # fmt: skip
async def test_a_body_in_which_nothing_can_be_read_is_refused(shop: Deployment, body: bytes) -> None:
    answer = await shop.call("POST", "/v1/events", body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


async def test_too_many_events_or_bytes_are_refused_whole(shop: Deployment) -> None:
    event = shop.event("view_item", "me", "a")
    assert (await send(shop, {"events": [event] * 501}))[0] == 413
    assert (await send(shop, {"events": [{**event, "note": "x" * 1_000_000}]}))[0] == 413
    assert shop.broker.values("events") == []


async def test_one_event_that_is_too_large_does_not_harm_the_others(shop: Deployment) -> None:
    event = shop.event("view_item", "me", "a")
    _, verdicts = await send(shop, {"events": [event, {**event, "event_id": "big", "note": "x" * 70_000}]})
    assert [v["status"] for v in verdicts] == ["accepted", "rejected"]
    assert verdicts[1]["reason"] == "too_large"


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda body: zlib.compress(body)[2:-4]),
        ("identity", bytes),
    ],
    ids=["gzip", "deflate", "bare deflate", "identity"],
)
async def test_bodies_may_be_compressed(shop: Deployment, encoding: str, pack: Any) -> None:
    body = pack(json.dumps(shop.event("view_item", "me", "a")).encode())
    status, _ = await send(shop, body, headers={"content-encoding": encoding})
    assert status == 202


@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [
        ("gzip", gzip.compress(b" " * 50_000_000), 413),
        ("deflate", zlib.compress(b" " * 50_000_000), 413),
        ("gzip", gzip.compress(b"{}")[:-5], 400),
        ("gzip", gzip.compress(b"{}") + b"more", 400),
        ("gzip", b"{}", 400),
        ("br", b"{}", 415),
    ],
    ids=["bomb", "deflate bomb", "cut off", "something after it", "not compressed", "unknown"],
)
async def test_compressed_bodies_are_bounded_and_checked(
    shop: Deployment, encoding: str, body: bytes, status: int
) -> None:
    answer = await shop.call("POST", "/v1/events", body, headers={"content-encoding": encoding})
    assert answer.status_code == status


@pytest.mark.parametrize("failure", [FULL, NOT_ACKNOWLEDGED], ids=["full", "not acknowledged"])
async def test_without_an_acknowledgement_nothing_is_accepted(shop: Deployment, failure: Exception) -> None:
    shop.broker.failure = failure
    answer = await shop.call("POST", "/v1/events", shop.event("view_item", "me", "a"))
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    shop.broker.failure = None
    assert (await send(shop, shop.event("view_item", "me", "a")))[0] == 202


@pytest.mark.parametrize("missing", ["known", "live"])
async def test_while_no_broker_answers_events_are_put_off_at_once(shop: Deployment, missing: str) -> None:
    setattr(shop, missing, False)
    answer = await shop.call("POST", "/v1/events", shop.event("view_item", "me", "a"))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_a_key_that_floods_is_told_when_to_come_back(shop: Deployment) -> None:
    event = shop.event("view_item", "me", "a")
    batch = {"events": [{**event, "event_id": f"e{n}", "visitor_id": f"v{n}"} for n in range(500)]}
    for _ in range(120):
        assert (await send(shop, batch))[0] == 202
    answer = await shop.call("POST", "/v1/events", batch)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    shop.now += 1_000
    assert (await send(shop, batch))[0] == 202


async def test_a_beacon_sends_its_key_in_the_url(shop: Deployment) -> None:
    event = shop.event("view_item", "me", "a")
    assert (await shop.call("POST", f"/v1/events?key={PUBLISHABLE}", event, key=None)).status_code == 202
    assert (await shop.call("POST", f"/v1/events?key={SECRET}", event, key=None)).status_code == 403
    assert (await shop.call("POST", "/v1/events?key=pk_other", event, key=None)).status_code == 401
