"""The export of a visitor: everything of them in every store, nothing of anybody else; streamed, one at a time."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from serving.export import LONGEST_S, RAW, Busy, Exports
from serving.http import answer
from serving.http.answer import Streamed, respond
from stream.topics import partition_of
from tests.serving.deployment import DENIED, PARTITIONS, PUBLISHABLE, SECRET, Deployment, item

ME, YOU = "me-7f3a", "you-91bc"
Validators = Callable[[str], jsonschema_rs.Draft202012Validator]
_NAMES = {
    "item_id", "at", "event_id", "event", "quantity", "confirmed", "shelves", "here", "told", "asked", "now", "coupons",
    "banners",
}  # fmt: skip


@pytest.fixture
async def stocked(shop: Deployment) -> Deployment:
    pans = [item(f"mine{n}", category="Kitchen > Pans") for n in range(3)]
    await shop.stock(*pans, item("yours", category="Garden > Chairs"), item("popular"))
    await shop.view(YOU, "yours", "popular")
    await shop.view(ME, "mine0", "mine1")
    await shop.view(ME, "mine1", event="add_to_cart")
    await shop.view(ME, "mine2", event="purchase", transaction_id="order-1")
    await shop.view(ME, "mine0", event="dismiss")
    await shop.call("PUT", f"/v1/visitors/{ME}/consent", {"analytics": True})
    await shop.settle()
    await shop.shelf("home_for_you", ME)
    await shop.shelf("home_for_you", YOU)
    return shop


async def exported(shop: Deployment, visitor: str = ME) -> Any:
    found = await shop.call("GET", f"/v1/visitors/{visitor}/export", key=SECRET)
    assert found.status_code == 200, found.text
    return found.json()


def raw_records(shop: Deployment, noun: str, visitor: str) -> list[dict[str, Any]]:
    """Every record of every partition whose key is the visitor."""
    return [
        {"partition": r.partition, "offset": r.offset, "timestamp": r.timestamp, "value": json.loads(r.value or b"")}
        for (topic, _), log in shop.broker.logs.items()
        if topic == noun
        for r in log
        if r.key == visitor.encode()
    ]


def raw_values(shop: Deployment, pid: str) -> dict[str, bytes]:
    """Every value of every partition whose key or content names the pseudonym, by short key."""
    return {
        key: value
        for values in shop.store.values.values()
        for key, value in values.items()
        if pid in key or pid.encode() in value
    }


def leaves(value: Any) -> Iterator[Any]:
    """Every scalar inside, keys as well."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield str(key)
            yield from leaves(one)
    elif isinstance(value, list):
        for one in value:
            yield from leaves(one)
    else:
        yield value


async def test_the_export_is_a_raw_scan_of_every_store(stocked: Deployment) -> None:
    export, pid = await exported(stocked), stocked.pid(ME)
    assert (export["visitor_id"], export["pid"], export["incomplete"]) == (ME, pid, None)
    values = raw_values(stocked, pid)
    assert values.keys() == {f"visitor:{pid}", f"vector:{pid}", f"privacy:{pid}"}
    raw = msgspec.msgpack.decode(values[f"visitor:{pid}"], strict=False)
    profile = export["profile"]
    for name, signal in profile["signals"].items():
        stored, told = Counter(leaves(raw[name])), Counter(leaves(signal["value"]))
        assert not stored - told, name
        assert set(told - stored) <= _NAMES, name  # what is stored as a list has names in the export
    assert profile["last_at"] == raw["last_at"]
    assert list(profile["last"].values()) == raw["last"]
    assert {int(event_hash, 16): minute for event_hash, minute in profile["recent"].items()} == raw["recent"]
    vector = memoryview(values[f"vector:{pid}"]).cast("f").tolist()
    assert export["session_vector"]["values"] == pytest.approx(vector)
    ranked = [scores[pid] for scores in stocked.store.rankings.values() if pid in scores]
    assert [export["open_session_last_at"]] == ranked


async def test_its_records_are_those_of_every_partition(stocked: Deployment) -> None:
    stocked.broker.send("liveshelf.dead_letters.v1", partition_of(ME.encode(), 2), ME.encode(), b'{"reason": "range"}')
    records = (await exported(stocked))["records"]
    assert records == {noun: raw_records(stocked, noun, ME) for noun in RAW}
    assert [len(records[noun]) for noun in RAW] == [6, 1, 1]


async def test_nothing_of_anybody_else_is_in_it(stocked: Deployment) -> None:
    text = json.dumps(await exported(stocked))
    for foreign in (YOU, stocked.pid(YOU), "view_item-yours", "Chairs"):
        assert foreign not in text, foreign
    assert "view_item-mine" not in json.dumps(await exported(stocked, YOU))


async def test_every_log_that_names_the_visitor_is_told_of(stocked: Deployment) -> None:
    """A new topic that names visitors has to be in the export, or this fails."""
    named = {
        noun
        for (noun, _), log in stocked.broker.logs.items()
        for record in log
        if any(name in (record.key or b"") + (record.value or b"") for name in (ME.encode(), stocked.pid(ME).encode()))
    }
    assert named == {"events", "decisions", "privacy"}
    told = {store["name"] for store in (await exported(stocked))["stores"]}
    assert {f"kafka:liveshelf.{noun}.v1" for noun in named} <= told


async def test_the_customer_and_what_other_devices_know_are_in_it(stocked: Deployment) -> None:
    for visitor in (ME, YOU):
        event = stocked.event("view_item", visitor, f"seen-by-{visitor}", customer_id="customer-1")
        assert (await stocked.call("POST", "/v1/events", event, key=SECRET)).status_code == 202
    await stocked.settle()
    export, pid = await exported(stocked), stocked.pid(ME)
    (customer,) = [value for key, value in raw_values(stocked, pid).items() if key.startswith("customer:")]
    raw = msgspec.msgpack.decode(customer)["visitors"]
    assert raw.keys() == {pid, stocked.pid(YOU)}
    stored, told = Counter(leaves(raw[pid])), Counter(leaves(export["customer"]["shared"]))
    assert not stored - told
    assert set(told - stored) <= _NAMES | {"partition", "epoch", "summary", "viewed", "bought", "dismissed"}
    assert f"seen-by-{YOU}" not in json.dumps(export)
    assert stocked.pid(YOU) not in json.dumps(export)


async def test_consents_come_with_their_history(stocked: Deployment) -> None:
    await stocked.call("PUT", f"/v1/visitors/{ME}/consent", {"marketing": True, "text_version": "v7"})
    marketing = (await exported(stocked))["consent"]["marketing"]
    assert (marketing["granted"], marketing["history"][0]["text_version"]) == (True, "v7")


async def test_what_is_concluded_is_told(stocked: Deployment) -> None:
    inferred = (await exported(stocked))["inferred"]
    assert inferred["categories_of_the_session"] == [{"category": "Kitchen > Pans", "count": 3}]
    assert inferred["categories_of_the_profile"][0]["category"] == "Kitchen > Pans"
    assert inferred["models"] == {}  # none is published here


@pytest.mark.parametrize("visitor", [ME, YOU, "never seen", "é" * 100, "a/b"])
async def test_it_is_as_its_schema_says(stocked: Deployment, validator: Validators, visitor: str) -> None:
    export = await exported(stocked, visitor)
    assert [error.message for error in validator("export").iter_errors(export)] == []


async def test_bytes_that_are_no_json_come_as_they_are(stocked: Deployment, validator: Validators) -> None:
    stocked.broker.send("liveshelf.events.v1", partition_of(ME.encode(), 2), ME.encode(), b"\xff{")
    export = await exported(stocked)
    assert export["records"]["events"][-1]["value_base64"] == "/3s="
    assert validator("export").is_valid(export)


async def test_a_profile_that_may_not_be_used_is_told_all_the_same(stocked: Deployment) -> None:
    assert (await exported(stocked))["profile"]["in_use"] is True
    await stocked.call("PUT", f"/v1/visitors/{ME}/consent", DENIED)
    assert (await exported(stocked))["profile"]["in_use"] is False  # the worker has not forgotten it yet
    await stocked.settle()
    assert (await exported(stocked))["profile"]["signals"]["viewed"]["value"] == {"items": []}


async def test_after_an_erasure_the_tombstone_and_the_raw_records_are_left(stocked: Deployment) -> None:
    asked_at = int(stocked.now)
    await stocked.call("DELETE", f"/v1/visitors/{ME}", key=SECRET)
    await stocked.settle()
    export = await exported(stocked)
    assert (export["epoch"], export["profile"]["in_use"], export["session_vector"]) == (1, False, None)
    assert export["erased_at"] == asked_at
    assert len(export["records"]["events"]) == 7  # the erasure itself is one


async def test_what_cannot_be_read_at_the_beginning_is_an_error(stocked: Deployment) -> None:
    stocked.known = False
    assert (await stocked.call("GET", f"/v1/visitors/{ME}/export", key=SECRET)).status_code == 503
    stocked.known = True
    stocked.store.values.clear()  # Redis lost everything: its mark is lower than what was seen
    stocked.api.visitors.level.begin(dict.fromkeys(range(PARTITIONS["privacy"]), 1))
    refused = await stocked.call("GET", f"/v1/visitors/{ME}/export", key=SECRET)
    assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
    stocked.api.visitors.level._least.update(dict.fromkeys(range(2), 0))
    assert (await exported(stocked))["profile"] is None  # a failure leaves no export running


async def test_what_ends_in_the_middle_says_so(stocked: Deployment, validator: Validators) -> None:
    stocked.torn = True
    export = await exported(stocked)
    assert "liveshelf.events.v1" in export["incomplete"]
    assert export["records"] == {noun: [] for noun in RAW}
    assert validator("export").is_valid(export)


def exports_of(shop: Deployment) -> Exports:
    api = shop.api
    return Exports(
        api.visitors, api.models, api.shop, shop.store, shop._ends, shop._log, PARTITIONS.__getitem__,
        clock=lambda: shop.now, timer=lambda: shop.now / 1000,
    )  # fmt: skip


async def test_one_at_a_time(stocked: Deployment) -> None:
    exports = exports_of(stocked)
    running = exports.parts(ME)
    await anext(running)
    with pytest.raises(Busy):
        await anext(exports.parts(YOU))
    await running.aclose()
    assert [part async for part in exports.parts(YOU)]


async def test_it_is_made_as_it_is_taken(stocked: Deployment) -> None:
    """Nothing is read from the log before the client has taken what came before."""
    read: list[int] = []

    def log(noun: str, partition: int, start: int, end: int) -> Iterator[Any]:
        for batch in stocked._log(noun, partition, start, end):
            read.append(len(batch))
            yield batch

    exports = exports_of(stocked)
    exports._read = log
    running = exports.parts(ME)
    await anext(running)
    await anext(running)
    assert read == []
    await anext(running)
    assert sum(read) < len(stocked.broker.logs["events", partition_of(ME.encode(), 2)])
    await running.aclose()


async def test_a_log_that_takes_too_long_is_given_up_and_says_so(stocked: Deployment) -> None:
    exports = exports_of(stocked)
    parts = []
    async for part in exports.parts(ME):
        parts.append(part)
        stocked.now += LONGEST_S * 1000
    assert "liveshelf.events.v1" in json.loads(b"".join(parts))["incomplete"]


async def test_a_client_that_takes_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "STALL_S", 0.01)
    closed = False

    async def rest() -> Any:
        nonlocal closed
        try:
            yield b"more"
        finally:
            closed = True

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)
        if message["type"] == "http.response.body":
            await asyncio.sleep(60)

    parts = rest()
    await anext(parts)
    await respond(send, Streamed(b"first", parts), ())
    assert (closed, sent[-1]["body"], sent[-1]["more_body"]) == (True, b"first", True)


async def test_the_head_alone_reads_no_log_and_leaves_nothing_running(stocked: Deployment) -> None:
    head = await stocked.call("HEAD", f"/v1/visitors/{ME}/export", key=SECRET)
    assert (head.status_code, head.content) == (200, b"")
    assert await exported(stocked)


async def test_a_page_needs_the_visitors_token(stocked: Deployment) -> None:
    path = f"/v1/visitors/{ME}/export"
    assert (await stocked.call("GET", path, key=PUBLISHABLE)).status_code == 403
    minted = (await stocked.call("POST", f"/v1/visitors/{ME}/token", {}, key=SECRET)).json()["visitor_token"]
    header = {"liveshelf-visitor-token": minted}
    assert (await stocked.call("GET", path, headers=header)).json()["visitor_id"] == ME
    assert (await stocked.call("GET", f"/v1/visitors/{YOU}/export", headers=header)).status_code == 403
    assert (await stocked.call("POST", f"/v1/visitors/{YOU}/reset", headers=header)).status_code == 403


# a new beginning


async def test_started_anew_the_profile_is_gone_and_the_consent_stays(stocked: Deployment) -> None:
    stocked.now += 1_000
    told = await stocked.call("POST", f"/v1/visitors/{ME}/reset", key=SECRET)
    assert told.status_code == 202
    await stocked.settle()
    export = await exported(stocked)
    assert export["consent"]["personalization"]["granted"] is True
    assert [name for name, one in export["profile"]["signals"].items() if "mine" in json.dumps(one)] == []
    assert (export["session_vector"], export["open_session_last_at"]) == (None, None)
    shelf = await stocked.shelf("recently_viewed", ME, min_fresh=told.json()["fresh_token"])
    assert (shelf["items"], shelf["fresh_to"]["met"]) == ([], True)
    await stocked.view(ME, "mine1")
    assert [one["item_id"] for one in (await stocked.shelf("recently_viewed", ME))["items"]] == ["mine1"]


async def test_a_new_beginning_of_somebody_unknown_makes_nobody(stocked: Deployment) -> None:
    assert (await stocked.call("POST", "/v1/visitors/nobody/reset", key=SECRET)).status_code == 202
    await stocked.settle()
    assert (await exported(stocked, "nobody"))["profile"] is None


async def test_where_consent_is_assumed_a_new_beginning_counts_as_well() -> None:
    shop = Deployment(consent_default="granted")
    await shop.stock(item("a"))
    await shop.view("me", "a", consent=None)
    assert (await exported(shop, "me"))["profile"]["signals"]["viewed"]["value"]["items"]
    shop.now += 1_000
    await shop.call("POST", "/v1/visitors/me/reset", key=SECRET)
    await shop.settle()
    assert (await exported(shop, "me"))["profile"]["signals"]["viewed"]["value"]["items"] == []
