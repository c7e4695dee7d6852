"""Dead letters come where they belong, each once, at their own time; what is still bad stays."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.dead_letters import Letter, Place, Source, Wanted, letters, summary
from serving.mending import DERIVED, MISPLACED, Mended, Outcome, Replay, mend, noted, plan
from stream.fold import DeadLetter, Record
from stream.ingest import Accepted, validate
from stream.producer import NotAcknowledged
from stream.topics import TOPICS, partition_of
from tests.serving.deployment import FULL, PARTITIONS, SECRET, Deployment

EVENTS, N = TOPICS["events"].name, PARTITIONS["events"]
HOUR_MS = 3_600_000
USUAL = Wanted(MISPLACED)


def letter(
    value: bytes, *, timestamp: int = 1_790_000_000_000, reason: str = "wrong_key", topic: str = EVENTS
) -> Letter:
    return Letter(Place(0, 7), timestamp + 5, Source(topic, 1, 3), reason, "…", timestamp, b"k", value)


def event(shop: Deployment, visitor_id: str = "me", **more: Any) -> bytes:
    return json.dumps(shop.event("view_item", visitor_id, "i0", **more)).encode()


async def misplaced(shop: Deployment, *visitor_ids: str) -> None:
    """Events that a producer with another partitioner sent, and the worker refused."""
    for visitor_id in visitor_ids:
        shop.now += 1_000
        shop.broker.now = int(shop.now)
        key = visitor_id.encode()
        await shop.broker.send(EVENTS, 1 - partition_of(key, N), key, event(shop, visitor_id))
    await shop.work()


def found(shop: Deployment, wanted: Wanted = USUAL) -> list[Letter]:
    return list(letters((log for (noun, _), log in shop.broker.logs.items() if noun == "dead_letters"), wanted))


def notes(shop: Deployment, topic_id: str = "id") -> set[Place]:
    return noted((log for (noun, _), log in shop.broker.logs.items() if noun == "audit"), topic_id)


async def replayed(shop: Deployment, *, wanted: Wanted = USUAL) -> Outcome:
    outcome = Outcome()
    sender = Replay(shop.broker, PARTITIONS["audit"], "id", clock=lambda: shop.now)
    for batch in plan(found(shop, wanted), N, notes(shop), outcome):
        await sender.send(batch)
    return outcome


def applied(shop: Deployment, counted: str = "applied") -> int:
    return sum(
        getattr(shard.state.read("clock"), counted)
        for shard in shop._shards.values()
        if shard.tag.topic == "events" and shard.state.read("clock")
    )


async def test_what_lay_in_the_wrong_partition_is_applied_after_a_replay(shop: Deployment) -> None:
    await misplaced(shop, "a", "b", "c")
    assert (applied(shop), len(found(shop))) == (0, 3)
    outcome = await replayed(shop)
    await shop.work()
    assert (outcome.sent, applied(shop)) == ({"wrong_partition": 3}, 3)
    assert len(found(shop)) == 3


async def test_a_second_replay_sends_nothing_again(shop: Deployment) -> None:
    await misplaced(shop, "a", "b")
    await replayed(shop)
    length = len(shop.broker.values("events"))
    again = await replayed(shop)
    assert (again.sent.total(), again.already) == (0, 2)
    assert len(shop.broker.values("events")) == length


async def test_a_letter_that_came_later_is_sent_alone(shop: Deployment) -> None:
    await misplaced(shop, "a", "b")
    await replayed(shop)
    await misplaced(shop, "c")
    outcome = await replayed(shop)
    assert (outcome.sent.total(), outcome.already) == (1, 2)


async def test_after_a_crash_before_the_note_the_owner_knows_the_event_again(shop: Deployment) -> None:
    await misplaced(shop, "a")
    await replayed(shop)
    for place in [place for place in shop.broker.logs if place[0] == "audit"]:
        del shop.broker.logs[place]
    shop.now += 3 * HOUR_MS
    shop.broker.now = int(shop.now)
    assert (await replayed(shop)).sent.total() == 1
    await shop.work()
    assert (applied(shop), applied(shop, "duplicates")) == (1, 1)


async def test_a_replay_brings_nothing_of_an_erased_visitor_back(shop: Deployment) -> None:
    await misplaced(shop, "a")
    shop.now += 60_000
    assert (await shop.call("DELETE", "/v1/visitors/a", key=SECRET)).status_code in {200, 202}
    await shop.work()
    assert (await replayed(shop)).sent.total() == 1
    await shop.work()
    known = (await shop.api.visitors.many(["a"]))["a"]
    assert (known.last, applied(shop, "dropped")) == (None, 1)


async def test_a_dead_letter_topic_that_was_made_anew_begins_anew(shop: Deployment) -> None:
    await misplaced(shop, "a")
    await replayed(shop)
    assert len(notes(shop)) == 1
    assert notes(shop, "another topic's id") == set()


async def test_what_the_broker_did_not_take_is_not_noted(shop: Deployment) -> None:
    await misplaced(shop, "a", "b")
    shop.broker.failure = NotAcknowledged("no leader")
    with pytest.raises(NotAcknowledged):
        await replayed(shop)
    shop.broker.failure = None
    assert notes(shop) == set()
    assert (await replayed(shop)).sent.total() == 2


async def test_a_full_broker_is_waited_for(shop: Deployment) -> None:
    await misplaced(shop, "a")
    shop.broker.failure = FULL

    async def sleep(_: float) -> None:
        shop.broker.failure = None

    (batch,) = plan(found(shop), N, (), Outcome())
    await Replay(shop.broker, PARTITIONS["audit"], "id", clock=lambda: shop.now, sleep=sleep).send(batch)
    assert len(notes(shop)) == 1


def test_the_event_keeps_its_time_whenever_it_is_replayed(shop: Deployment) -> None:
    old = 1_780_000_000_000
    mended = mend(letter(event(shop, occurred_at=old), timestamp=old + 3), N)
    assert isinstance(mended, Mended)
    accepted = validate(mended.value, timestamp=old + 40 * HOUR_MS)
    assert isinstance(accepted, Accepted)
    assert (accepted.at, accepted.received_at) == (old, old + 3)


def test_a_time_of_receipt_that_the_event_has_stays(shop: Deployment) -> None:
    value = event(shop, received_at=1_780_000_000_001)
    mended = mend(letter(value), N)
    assert isinstance(mended, Mended)
    assert mended == (partition_of(b"me", N), b"me", value)


@pytest.mark.parametrize(
    ("value", "why"),
    [(b"no event", "not_json"), (b"{}", "schema"), (b'{"event":"wink"}', "unknown_event"), (b"", "not_json")],
)
def test_what_is_still_bad_stays_and_says_why(value: bytes, why: str) -> None:
    outcome, bad = Outcome(), letter(value, reason="schema")
    assert list(plan([bad], N, (), outcome)) == []
    assert (outcome.stays, outcome.sent) == ({"schema": 1}, {})
    assert outcome.why[0][1].startswith(why)


async def test_what_was_mended_here_is_sent_when_its_reason_is_named(shop: Deployment) -> None:
    record = Record("events", 0, 4, int(shop.now), b"me", event(shop))
    out = DeadLetter(record, "schema", "an older release did not know this field").outbound(PARTITIONS["dead_letters"])
    await shop.broker.send_all([out])
    assert (await replayed(shop)).sent.total() == 0
    assert (await replayed(shop, wanted=Wanted(frozenset({"schema"})))).sent == {"schema": 1}
    await shop.work()
    assert applied(shop) == 1


def test_a_derived_record_is_not_sent_as_an_event(shop: Deployment) -> None:
    assert mend(letter(event(shop), topic=TOPICS["pairs"].name), N) == DERIVED


@given(steps=st.lists(st.sampled_from(["misplaced", "replayed", "crashed", "unsent"]), max_size=12))
def test_whatever_happens_each_event_is_applied_once(steps: list[str]) -> None:
    asyncio.run(story(steps))


async def story(steps: list[str]) -> None:
    """Events get lost on their way, replays end well, or before their notes, or before the broker took anything."""
    shop, sent = Deployment(), 0
    for step in steps:
        if step == "misplaced":
            await misplaced(shop, f"v{sent}")
            sent += 1
            continue
        before = {place: len(log) for place, log in shop.broker.logs.items() if place[0] == "audit"}
        shop.broker.failure = NotAcknowledged("no leader") if step == "unsent" else None
        with suppress(NotAcknowledged):
            await replayed(shop)
        shop.broker.failure = None
        if step == "crashed":
            for place in [place for place in shop.broker.logs if place[0] == "audit"]:
                del shop.broker.logs[place][before.get(place, 0) :]
        shop.now += HOUR_MS
        await shop.work()
    await replayed(shop)
    await shop.work()
    assert applied(shop) == sent
    assert (await replayed(shop)).sent.total() == 0
    await shop.client.aclose()


@pytest.mark.parametrize(
    ("source", "has"),
    [("", True), ("events", True), ("events:1", True), ("events:2", False), ("pairs", False), (EVENTS + ":1", True)],
)
def test_letters_are_told_apart_by_their_source(source: str, has: bool) -> None:
    assert Wanted(source=source).has(letter(b"")) is has


async def test_the_summary_counts_all_and_shows_the_newest(shop: Deployment) -> None:
    await misplaced(shop, "a", "b", "c")
    first = found(shop)
    told = summary(found(shop, Wanted()), {first[0].place}, 2)
    assert (told.reasons, told.replayed) == ({"wrong_partition": 3}, {"wrong_partition": 1})
    assert [one.at for one in told.newest] == sorted((one.at for one in first), reverse=True)[:2]


@pytest.mark.parametrize("value", [None, b"", b"[]", b'{"source":{}}', b'{"key_base64":"?"}'])
def test_what_is_no_letter_is_passed_over(value: bytes | None) -> None:
    assert list(letters([[Record("dead_letters", 0, 0, 0, None, value)]], Wanted())) == []


def test_many_are_sent_in_batches(shop: Deployment) -> None:
    many = [letter(event(shop, f"v{n}"))._replace(place=Place(0, n)) for n in range(1_001)]
    assert [len(batch.events) for batch in plan(many, N, {Place(0, 3)}, Outcome())] == [500, 500]
