"""The shop after a move to another pseudonym key: shoppers, tokens and receipts of before go on as if nothing was."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import jsonschema_rs
import pytest

from stream.tokens import DecisionToken, read_decision_id, read_visitor_token
from tests.serving.deployment import DENIED, SECRET, Deployment, ids, item
from tests.serving.test_customers import identify, later, personal

KEY = "the-next-key"
HEADER = "Liveshelf-Visitor-Token"
ME = "customer-7"


@pytest.fixture
async def before(shop: Deployment) -> Deployment:
    """`phone` and `laptop` are one customer; `quiet` has withdrawn, `gone` is erased."""
    await shop.stock(*[item(i, category="Pans") for i in "abcdef"])
    for visitor in ("u", "v", "quiet", "gone"):
        await shop.view(visitor, "a", "c", "e")
    await shop.view("phone", "b", "a")
    for visitor in ("phone", "laptop"):
        await identify(shop, visitor)
    await shop.call("PUT", "/v1/visitors/quiet/consent", DENIED)
    await shop.call("DELETE", "/v1/visitors/gone", key=SECRET)
    await shop.settle()
    return shop


@pytest.fixture
async def after(before: Deployment) -> AsyncIterator[Deployment]:
    moved = await before.migrated(KEY)
    await moved.settle()
    async with moved.client:
        yield moved


async def token(shop: Deployment, visitor_id: str, **body: Any) -> str:
    found = (await shop.call("POST", f"/v1/visitors/{visitor_id}/token", body, key=SECRET)).json()
    return str(found["visitor_token"])


async def test_every_shelf_shows_the_same(before: Deployment, after: Deployment) -> None:
    for placement in ("home_for_you", "recently_viewed", "pdp_also_bought"):
        for visitor in ("u", "v", "phone", "laptop", "quiet", "gone", "never seen"):
            one, other = [await shop.shelf(placement, visitor, item_ids=["a"]) for shop in (before, after)]
            same = ("status", "items", "fresh_to", "placement")
            assert [one[name] for name in same] == [other[name] for name in same]
    assert await personal(after) == ["a", "b"]


async def test_the_names_are_others(before: Deployment, after: Deployment) -> None:
    assert before.pid("u") != after.pid("u")
    stored = b"".join(key.encode() + value for found in after.store.values.values() for key, value in found.items())
    assert before.pid("phone").encode() not in stored
    assert before.cid(ME).encode() not in stored


async def test_what_was_refused_and_erased_stays_so(after: Deployment) -> None:
    for visitor in ("quiet", "gone"):
        assert (await after.shelf("home_for_you", visitor))["status"] == "no_consent"
        await after.view(visitor, "b")  # an event's own yes revives nothing
        assert (await after.shelf("home_for_you", visitor))["status"] == "no_consent"


async def test_a_device_goes_on_telling_the_other(after: Deployment) -> None:
    await after.view("phone", "d", event="purchase", key=SECRET)
    later(after, 60)
    assert "d" not in ids(await after.shelf("home_for_you", "laptop", n=6))
    await after.view("phone", "f")
    later(after, 61)
    await after.view("phone", "e")
    later(after)
    assert await personal(after) == ["e", "f", "a", "b"]


async def test_a_withdrawal_afterwards_takes_the_part_out_that_was_shared_before(after: Deployment) -> None:
    assert await personal(after) == ["a", "b"]
    await after.call("PUT", "/v1/visitors/phone/consent", DENIED)
    later(after)
    assert await personal(after) == []
    await after.settle()
    told = [value for values in after.store.values.values() for key, value in values.items() if "customer:" in key]
    assert [value for value in told if after.pid("phone").encode() in value] == []


async def test_the_customer_can_be_asked_for_by_id(after: Deployment) -> None:
    ask = {"visitor_id": "u", "customer_id": ME, "n": 4}
    found = await after.call("POST", "/v1/recommendations/recently_viewed", ask, key=SECRET)
    assert "b" in ids(found.json())


async def test_visitor_tokens_of_before_are_still_theirs(before: Deployment) -> None:
    old = await token(before, "phone", customer_id=ME)
    after = await before.migrated(KEY)
    new = await token(after, "phone", customer_id=ME)
    assert (read_visitor_token(b"signatures", old).keys, read_visitor_token(b"signatures", new).keys) == (1, 2)
    for text in (old, new):
        ask = {"visitor_id": "phone", "customer_id": ME}
        headers = {HEADER: text}
        assert (await after.call("POST", "/v1/recommendations/home_for_you", ask, headers=headers)).status_code == 200
        ask["visitor_id"] = "laptop"
        assert (await after.call("POST", "/v1/recommendations/home_for_you", ask, headers=headers)).status_code == 403
    refused = await before.call(
        "POST", "/v1/recommendations/home_for_you", {"visitor_id": "phone"}, headers={HEADER: new}
    )
    assert (refused.status_code, "newer keys" in refused.json()["detail"]) == (401, True)


async def test_an_erasure_begun_before_is_certified_after(before: Deployment) -> None:
    answer = await before.call("DELETE", "/v1/visitors/u", key=SECRET)
    assert answer.status_code == 202  # no worker has passed it
    after = await before.migrated(KEY)
    assert (await after.call("GET", answer.json()["at"])).status_code == 202
    assert (await after.shelf("home_for_you", "u"))["status"] == "no_consent"
    await after.settle()
    receipt = (await after.call("GET", answer.json()["at"])).json()
    assert (receipt["status"], receipt["pid"], receipt["epoch"]) == ("erased", after.pid("u"), 1)
    logs = [log for (noun, _), log in after.broker.logs.items() if noun == "privacy"]
    on_record = {record.key: record.value for log in logs for record in log}
    assert [key for key, value in on_record.items() if before.pid("u").encode() in (key or b"") and value] == []
    assert on_record[f"erase:{after.pid('u')}".encode()]
    kept = {key for values in after.store.values.values() for key in values if after.pid("u") in key}
    assert kept == {f"visitor:{after.pid('u')}", f"privacy:{after.pid('u')}"}


async def test_an_export_finds_everything(
    before: Deployment, after: Deployment, validator: Callable[[str], jsonschema_rs.Draft202012Validator]
) -> None:
    one, other = [(await shop.call("GET", "/v1/visitors/phone/export", key=SECRET)).json() for shop in (before, after)]
    validator("export").validate(other)
    assert (other["pid"], other["customer"]["cid"]) == (after.pid("phone"), after.cid(ME))
    assert other["customer"]["shared"] == one["customer"]["shared"] is not None
    for name in ("consent", "epoch", "open_session_last_at", "session_vector", "inferred", "records"):
        assert other[name] == one[name], name
    one["profile"]["customer"] = other["profile"]["customer"]
    assert other["profile"] == one["profile"]


async def test_what_is_written_afterwards_says_by_how_many_keys(
    after: Deployment, validator: Callable[[str], jsonschema_rs.Draft202012Validator]
) -> None:
    await after.call("PUT", "/v1/visitors/u/consent", DENIED)
    shelf = await after.shelf("home_for_you", "v")
    decided = read_decision_id(b"signatures", shelf["decision_id"])
    assert isinstance(decided, DecisionToken)
    assert (decided.pid, decided.keys) == (after.pid("v"), 2)
    *_, decision = [record for record in after.broker.values("decisions") if record["pid"] == after.pid("v")]
    *_, consent = [record for record in after.broker.values("privacy") if record["pid"] == after.pid("u")]
    for name, record in (("decision_record", decision), ("privacy_record", consent)):
        validator(name).validate(record)
        assert record["pid_keys"] == 2
