"""From events to a published model: the visitor agent's examples, learnt by the learner agent."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import msgspec

from stream.features import begins_session, intent_features
from stream.fold import Batch, Emit, Record, State
from stream.published import load_published
from stream.signals import cart, session
from stream.visitor import VisitorFold
from tests.learners.streams import BASE_MS, Agent

Event = dict[str, Any]
PARTITIONS = {"pairs": 1, "feedback": 1, "dead_letters": 1, "queries": 1}


def visit(rng: random.Random, visitor: str, begun: int, *, buys: bool) -> Iterator[Event]:
    """One session's events; who will buy looks longer, returns to items, searches less, and ends in a purchase."""
    at, seen = begun, ["i0"]
    for n in range(rng.randint(4, 14) if buys else rng.randint(1, 10)):
        at += round(1_000 * rng.expovariate(1 / (40 if buys else 15)))
        item = rng.choice(seen) if rng.random() < (0.4 if buys else 0.1) else f"i{rng.randrange(500)}"
        seen.append(item)
        name = "search" if rng.random() < (0.1 if buys else 0.25) else "view_item"
        more: Event = {"search_term": "pan"} if name == "search" else {"items": [{"item_id": item}]}
        yield event(f"{visitor}-{n}", name, at, visitor, **more)
    if buys:
        bought = {"items": [{"item_id": seen[-1]}], "transaction_id": visitor, "currency": "EUR", "value": "9.90"}
        yield event(f"{visitor}-p", "purchase", at + 60_000, visitor, **bought)


def event(event_id: str, name: str, at: int, visitor: str, **more: Any) -> Event:
    consent = {"analytics": True, "personalization": True}
    return {"event_id": event_id, "event": name, "occurred_at": at, "visitor_id": visitor, "consent": consent} | more


def shop(visitors: int, *, seed: int) -> list[Event]:
    rng = random.Random(seed)
    events = [
        one for n in range(visitors) for one in visit(rng, f"v{n}", BASE_MS + n * 20_000, buys=rng.random() < 0.15)
    ]
    events.sort(key=lambda one: one["occurred_at"])
    late = BASE_MS + visitors * 20_000 + 7_200_000  # each event closes a few of the sessions that are over
    return [*events, *(event(f"late-{n}", "page_view", late + n, f"nobody{n % 2}") for n in range(visitors // 10))]


def examples(events: Iterable[Event]) -> list[Any]:
    """The feedback entries of the visitor agent's fold over these events."""
    fold = VisitorFold(lambda visitor_id: visitor_id, 1)
    state = State([*fold.families])
    out: list[Any] = []
    for offset, one in enumerate(events):
        value = msgspec.json.encode(one)
        record = Record("events", 0, offset, one["occurred_at"], one["visitor_id"].encode(), value)
        decoded = fold.decode(record)
        for key in state.missing(["clock"]):
            state.load(key, None)
        for key in state.missing(fold.keys([decoded], state)):
            state.load(key, None)
        emit = Emit(("events", 0), PARTITIONS)
        emit.offset = offset
        fold.fold(record, decoded, state, emit)
        assert not emit.dead
        out += [entry for (topic, _), sent in emit.out.items() if topic == "feedback" for entry in sent.entries]
    return out


def by_session(found: list[Any]) -> list[list[Any]]:
    number = 0

    def session_of(entry: Any) -> int:
        nonlocal number
        number += begins_session(entry.features)
        return number

    return [list(entries) for _, entries in groupby(found, session_of)]


def taught(found: list[Any]) -> Agent:
    agent = Agent()
    for at in range(0, len(found), 50):
        agent.deliver(msgspec.msgpack.encode(Batch(("events", 0), found[at : at + 50])))
    return agent


def test_the_intent_of_a_shops_visitors_is_learnt_from_their_events() -> None:
    found = examples(shop(1_000, seed=21))
    agent = taught(found)
    quality = agent.working().progress.metrics()
    assert agent.working().refused == 0
    assert agent.working().learnt == quality.examples == len(found) > 2_000
    assert quality.auc_low is not None
    assert quality.auc_low > 0.6
    assert load_published(agent.stored["model:intent"]).proven


def test_with_shuffled_labels_it_is_at_chance() -> None:
    sessions = by_session(examples(shop(1_000, seed=22)))
    labels = [entries[0].label for entries in sessions]
    random.Random(2).shuffle(labels)
    dealt = [
        msgspec.structs.replace(entry, label=label)
        for entries, label in zip(sessions, labels, strict=True)
        for entry in entries
    ]
    quality = taught(dealt).working().progress.metrics()
    assert quality.auc_low is not None
    assert quality.auc_high is not None
    assert quality.auc_low < 0.5 < quality.auc_high


def test_a_session_gives_at_most_six_examples_of_one_label_and_none_after_its_purchase() -> None:
    sessions = by_session(examples(shop(300, seed=23)))
    assert len(sessions) == 300
    for entries in sessions:
        assert len(entries) <= 6
        assert len({entry.label for entry in entries}) == 1
    long = [event(f"e{n}", "view_item", BASE_MS + n * 1_000, "v", items=[{"item_id": f"i{n}"}]) for n in range(60)]
    closing = [event("end", "page_view", BASE_MS + 9_000_000, who) for who in "wx"]
    assert [len(entries) for entries in by_session(examples([*long, *closing]))] == [6]
    bought = event("b", "purchase", BASE_MS + 2_500, "v", items=[{"item_id": "i0"}], transaction_id="t",
                   currency="EUR", value="1")  # fmt: skip
    assert [entry.label for entry in examples([*long[:3], bought, *long[3:], *closing])] == [True, True]


def test_serving_sees_the_features_that_were_learnt() -> None:
    """The running session as serving reads it, described as of its last event, is the sample that was taken."""
    events = [event(f"e{n}", "view_item", BASE_MS + n * 9_000, "v", items=[{"item_id": f"i{n % 3}"}]) for n in range(8)]
    fold = VisitorFold(lambda visitor_id: visitor_id, 1)
    state = State([*fold.families])
    for offset, one in enumerate(events):
        record = Record("events", 0, offset, BASE_MS, b"v", msgspec.json.encode(one))
        decoded = fold.decode(record)
        for key in state.missing(["clock", "visitor:v"]):
            state.load(key, None)
        emit = Emit(("events", 0), PARTITIONS)
        emit.offset = offset
        fold.fold(record, decoded, state, emit)
    visitor = state.read("visitor:v")
    running = session.SIGNAL.of(visitor)
    assert running.samples[-1] == intent_features(running, cart.SIGNAL.of(visitor), running.last_at)
