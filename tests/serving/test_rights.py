"""A visitor's own rights over HTTP: consent that holds at once, erasure with a receipt, objection."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from serving.erasure import DAY_MS, RAW_DAYS
from stream.privacy import MARK, key_of, owner
from stream.producer import NotAcknowledged
from stream.tokens import read
from stream.topics import partition_of
from tests.serving.deployment import DENIED, NOT_ACKNOWLEDGED, PARTITIONS, SECRET, Deployment, ids, item

GPC = {"sec-gpc": "1"}


@pytest.fixture
async def stocked(shop: Deployment) -> Deployment:
    await shop.stock(*[item(f"i{n}") for n in range(6)])
    await shop.view("you", "i1", "i2")
    await shop.view("me", "i0", "i3")
    return shop


async def say(shop: Deployment, visitor: str, consent: Any, **more: Any) -> Any:
    answer = await shop.call("PUT", f"/v1/visitors/{visitor}/consent", consent, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def answers_of_an_id_never_seen(shop: Deployment, visitor: str) -> bool:
    for placement in ("home_for_you", "recently_viewed", "pdp_also_bought"):
        mine, never = [await shop.shelf(placement, who, item_ids=["i1"]) for who in (visitor, "never seen")]
        same = {"status", "items", "fresh_to", "placement"}
        if {key: mine[key] for key in same} != {key: never[key] for key in same}:
            return False
    return True


# consent


async def test_a_withdrawal_holds_though_no_worker_runs(stocked: Deployment) -> None:
    assert (await stocked.shelf("home_for_you", "me"))["status"] == "ok"
    told = await say(stocked, "me", {"personalization": False})
    assert told["consent"]["personalization"]["granted"] is False
    assert told["consent"]["analytics"]["granted"] is True
    assert await answers_of_an_id_never_seen(stocked, "me")
    await stocked.settle()  # and when the worker has folded it
    assert await answers_of_an_id_never_seen(stocked, "me")


@pytest.mark.parametrize("consent", [{"personalization": False}, {"personalization_storage": "denied"}, DENIED])
async def test_a_withdrawal_by_an_event_holds_though_no_worker_runs(stocked: Deployment, consent: Any) -> None:
    event = stocked.event("page_view", "me", consent=consent)
    assert (await stocked.call("POST", "/v1/events", event)).status_code == 202
    assert await answers_of_an_id_never_seen(stocked, "me")


async def test_a_grant_holds_at_once_and_says_what_was_agreed_to(stocked: Deployment) -> None:
    told = await say(stocked, "new", {"personalization": True, "text_version": "2026-11"})
    word = told["consent"]["personalization"]
    assert (word["granted"], word["at"]) == (True, int(stocked.now))
    assert word["history"] == [
        {"at": int(stocked.now), "kind": "granted", "source": "consent_update", "text_version": "2026-11"}
    ]
    assert told["consent"]["marketing"] == {"granted": False, "at": None, "history": []}
    assert (await stocked.shelf("home_for_you", "new"))["status"] == "fallback"
    await stocked.settle()
    shelf = await stocked.shelf("home_for_you", "new", min_fresh=told["fresh_token"])
    assert shelf["fresh_to"]["met"] is True


async def test_after_a_withdrawal_events_are_refused_before_any_worker_knows(stocked: Deployment) -> None:
    await say(stocked, "me", DENIED)
    answer = await stocked.call("POST", "/v1/events", stocked.event("view_item", "me", "i5"))
    assert answer.json()["verdicts"][0]["status"] == "not_stored"
    stocked.now += 1
    await say(stocked, "me", {"analytics": True, "personalization": True})
    answer = await stocked.call("POST", "/v1/events", stocked.event("view_item", "me", "i5"))
    assert answer.json()["verdicts"][0]["status"] == "accepted"


async def test_what_was_withdrawn_and_granted_is_on_record(stocked: Deployment) -> None:
    await say(stocked, "me", {"marketing": True, "text_version": "v7"})
    stocked.now += 1_000
    await say(stocked, "me", {"marketing": False})
    await stocked.settle()
    records = [one for one in stocked.broker.values("privacy") if one.get("purpose") == "marketing"]
    assert records[-1]["granted"] is False
    assert [(said["kind"], said["text_version"]) for said in records[-1]["history"]] == [
        ("granted", "v7"),
        ("withdrawn", ""),
    ]
    assert records[-1]["pid"] == stocked.pid("me")
    assert "me" not in {str(value) for one in stocked.broker.values("privacy") for value in one.values()}


async def test_global_privacy_control_is_an_objection(stocked: Deployment) -> None:
    told = await say(stocked, "me", {"personalization": True}, headers=GPC)
    assert told["consent"]["personalization"]["granted"] is False
    assert told["consent"]["personalization"]["history"][0]["text_version"] == "Sec-GPC"
    answer = await stocked.call("POST", "/v1/events", stocked.event("view_item", "you", "i4"), headers=GPC)
    assert answer.json()["verdicts"][0]["status"] == "accepted"  # for analytics
    assert await answers_of_an_id_never_seen(stocked, "you")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"personalization": "yes"}', b'{"marketing": null}', b"\xff"])
async def test_a_consent_that_says_nothing_is_refused(stocked: Deployment, body: bytes) -> None:
    answer = await stocked.call("PUT", "/v1/visitors/me/consent", body)
    assert answer.status_code == 400
    assert answer.json()["detail"]


async def test_a_consent_that_is_not_on_record_is_not_answered(stocked: Deployment) -> None:
    stocked.broker.failure = NOT_ACKNOWLEDGED
    answer = await stocked.call("PUT", "/v1/visitors/me/consent", {"personalization": False})
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)


async def test_with_redis_older_than_the_topic_nothing_personal_is_answered(stocked: Deployment) -> None:
    """A backup is restored under a running process: its mark is lower than the one that was seen."""
    partition = partition_of(b"me", PARTITIONS["events"])
    before = dict(stocked.store.values[owner(partition)])
    await say(stocked, "me", {"personalization": False})
    await stocked.settle()
    assert await answers_of_an_id_never_seen(stocked, "me")
    stocked.store.values[owner(partition)] = before
    shelf = await stocked.shelf("home_for_you", "me")
    assert shelf["status"] == "degraded"
    assert not any(one["because"] for one in shelf["items"])
    await stocked.settle()  # the worker reads the topic again from the backup's mark
    assert await answers_of_an_id_never_seen(stocked, "me")


async def test_before_the_topics_end_is_known_nothing_personal_is_answered(stocked: Deployment) -> None:
    stocked.api.visitors.level._least.clear()
    assert (await stocked.shelf("home_for_you", "me"))["status"] == "degraded"
    assert (await stocked.call("GET", "/readyz", key=None)).status_code == 503


# erasure


async def test_erased_at_once_for_reads_and_certified_once_all_agents_have_passed(stocked: Deployment) -> None:
    partition = partition_of(b"me", PARTITIONS["events"])
    answer = await erase(stocked)
    assert answer.status_code == 202
    where = answer.json()["at"]
    assert answer.headers["location"] == where
    assert await answers_of_an_id_never_seen(stocked, "me")
    assert (await stocked.call("GET", where)).status_code == 202
    await stocked.settle()
    receipt = (await stocked.call("GET", where)).json()
    assert receipt["status"] == "erased"
    assert receipt["raw_topics"] == ["liveshelf.events.v1", "liveshelf.decisions.v1", "liveshelf.dead_letters.v1"]
    pid, epoch, at, _, raw_until = read(b"signatures", "receipt", receipt["receipt"], tuple[str, int, int, int, int])
    assert (pid, epoch, raw_until - at) == (stocked.pid("me"), 1, RAW_DAYS * DAY_MS)
    values = stocked.store.values[owner(partition)]
    mine = {key: value for key, value in values.items() if stocked.pid("me") in key}
    assert mine.keys() == {f"visitor:{pid}", key_of(pid)}
    assert all(b"i0" not in value and b"i3" not in value for value in mine.values())
    assert await answers_of_an_id_never_seen(stocked, "me")


async def erase(shop: Deployment, visitor: str = "me") -> Any:
    return await shop.call("DELETE", f"/v1/visitors/{visitor}", key=SECRET)


async def test_events_on_their_way_do_not_bring_the_visitor_back(stocked: Deployment) -> None:
    for n in range(20):
        await stocked.call("POST", "/v1/events", stocked.event("view_item", "me", f"i{n % 6}", event_id=f"before{n}"))
    await erase(stocked)
    for n in range(20):
        stocked.now += 1
        answer = await stocked.call(
            "POST", "/v1/events", stocked.event("view_item", "me", f"i{n % 6}", event_id=f"after{n}")
        )
        assert answer.json()["verdicts"][0]["status"] == "not_stored"
    await stocked.settle()
    assert await answers_of_an_id_never_seen(stocked, "me")


async def test_after_a_new_consent_a_new_profile_begins(stocked: Deployment) -> None:
    await erase(stocked)
    await stocked.settle()
    stocked.now += 1_000
    await say(stocked, "me", {"analytics": True, "personalization": True})
    await stocked.view("me", "i4")
    shelf = await stocked.shelf("recently_viewed", "me")
    assert (shelf["status"], ids(shelf)) == ("ok", ["i4"])


@pytest.mark.parametrize("behind", ["consent", "token", "export", "reset"])
async def test_what_is_no_erasure_erases_nobody(stocked: Deployment, behind: str) -> None:
    answer = await stocked.call("DELETE", f"/v1/visitors/me/{behind}", key=SECRET)
    assert answer.status_code in {404, 405}
    assert stocked.broker.values("privacy") == []


@pytest.mark.parametrize("visitor_id", ["shop/7/me", "two\nlines", "ends\n"])
async def test_a_visitor_id_may_have_slashes_and_line_ends(stocked: Deployment, visitor_id: str) -> None:
    await stocked.view(visitor_id, "i1")
    path = f"/v1/visitors/{quote(visitor_id)}"
    assert (await stocked.call("POST", f"{path}/token", {}, key=SECRET)).status_code == 200
    assert (await stocked.call("DELETE", path, key=SECRET)).status_code == 202
    assert await answers_of_an_id_never_seen(stocked, visitor_id)


async def test_a_second_erasure_begins_another_epoch(stocked: Deployment) -> None:
    for epoch in (1, 2):
        answer = await erase(stocked)
        await stocked.settle()
        receipt = (await stocked.call("GET", answer.json()["at"])).json()
        assert receipt["epoch"] == epoch


@pytest.mark.parametrize("token", ["nonsense", "AAAA", ""])
async def test_a_token_that_is_none_tells_nothing(stocked: Deployment, token: str) -> None:
    answer = await stocked.call("GET", f"/v1/erasures/{token}")
    assert answer.status_code == 404


async def test_an_erasure_that_is_not_on_record_is_not_answered(stocked: Deployment) -> None:
    stocked.broker.failure = NotAcknowledged("away")
    answer = await stocked.call("DELETE", "/v1/visitors/me", key=SECRET)
    assert answer.status_code == 503
    stocked.broker.failure = None
    stocked.redis.away = True
    assert (await stocked.call("DELETE", "/v1/visitors/me", key=SECRET)).status_code == 503


async def test_a_restored_backup_is_erased_again_before_it_is_read(stocked: Deployment) -> None:
    partition = partition_of(b"me", PARTITIONS["events"])
    before = dict(stocked.store.values[owner(partition)])
    await erase(stocked)
    await stocked.settle()
    assert (await stocked.shelf("home_for_you", "me"))["status"] == "no_consent"
    stocked.store.values[owner(partition)] = dict(before)
    assert (await stocked.shelf("home_for_you", "me"))["status"] == "degraded"
    assert MARK not in before
    await stocked.settle()  # the privacy topic is read again from the backup's mark; the tail is not folded yet
    assert await answers_of_an_id_never_seen(stocked, "me")
