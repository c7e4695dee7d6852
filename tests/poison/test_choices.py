"""What one visitor, a bot or a forger can teach the models of choices, through the gate and the folds."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np
import pytest

from stream.choice import packed
from stream.decisions import DecisionFold
from stream.entries import Outcome
from stream.features import CHOICE_FEATURES
from stream.fold import Batch, Emit, Record, State
from stream.ingest import Rejected
from stream.live import Working
from stream.signals.session import SESSIONS_A_DAY
from stream.signals.shelves import OUTCOMES
from stream.tokens import DecisionToken, decision_id, pseudonym
from stream.topics import TOPICS
from stream.visitor import VisitorFold
from tests.learners.streams import Agent
from tests.poison.street import DAY_MS, GRANTED, MINUTE_MS, SECOND_MS, START_MS

ITEMS = ("kettle", "cup", "junk", "tray")
WIDE = len(CHOICE_FEATURES)
TABLE = CHOICE_FEATURES.index("table")
PARTITIONS = dict.fromkeys(TOPICS, 1)
Event = dict[str, Any]


def token(number: int, visitor: str, at: int) -> str:
    made = DecisionToken("home_for_you", "", at, pseudonym(b"key", visitor), 1, 3_600, 3_600, b"%08d" % number)
    return decision_id(b"signing", made)


class Market:
    """A shop whose shelves have the best item somewhere, and the models that learn from its shoppers."""

    def __init__(self) -> None:
        self.models = Agent("clicks")
        self._visitors, self._decisions = VisitorFold(lambda one: pseudonym(b"key", one), 1), DecisionFold()
        self._seen, self._decided = State(self._visitors.families), State(self._decisions.families)
        self._seen.load("clock", None)
        self._decided.load("clock", None)
        self._offsets = {"events": 0, "decisions": 0}
        self._events = self._number = 0
        self.outcomes = 0

    def shelf(self, visitor: str, at: int) -> tuple[str, int]:
        """A shelf that was decided for a visitor: its token, and the place of its best item."""
        self._number += 1
        best, features = self._number % len(ITEMS), np.zeros((len(ITEMS), WIDE))
        features[best, TABLE] = 2.0
        named = token(self._number, visitor, at)
        record = {
            "decision_id": named,
            "decided_at": at,
            "placement": "home_for_you",
            "items": [{"item_id": item} for item in ITEMS],
            "choices": {"model": "clicks", "version": 0, "features": packed(features.astype(np.float16))},
        }
        self._fold("decisions", self._decisions, self._decided, record, at)
        return named, best

    def look(self, visitor: str, name: str, items: Iterable[str], at: int, **more: Any) -> None:
        self._events += 1
        document = {
            "event_id": f"e{self._events}",
            "event": name,
            "occurred_at": at,
            "received_at": at,
            "visitor_id": visitor,
            "consent": GRANTED,
            "items": [{"item_id": item} for item in items],
            "edge": {"key": "pk_shop", "decision_verified": True},
        }
        self._fold("events", self._visitors, self._seen, document | more, at)

    def take(self, visitor: str, at: int, *, worst: bool = False) -> None:
        """See a shelf and take its best item, or its worst."""
        named, best = self.shelf(visitor, at)
        place = (best + 1) % len(ITEMS) if worst else best
        self.look(visitor, "view_item_list", ITEMS, at, decision_id=named)
        self.look(visitor, "select_item", ITEMS[place : place + 1], at + 200, decision_id=named)

    def honest(self, sessions: int) -> None:
        for n in range(sessions):
            for shelf in range(5):
                self.take(f"honest-{n}", START_MS + n * MINUTE_MS + shelf * SECOND_MS)

    @property
    def working(self) -> Working:
        return self.models.working()

    @property
    def weight(self) -> float:
        """What the models make of the best item."""
        found: float = self.working.state["weights"][TABLE]
        return found

    def _fold(self, topic: str, fold: Any, state: State, document: Event, at: int) -> None:
        key = document.get("visitor_id", "").encode()
        offset = self._offsets[topic] = self._offsets[topic] + 1
        record = Record(topic, 0, offset, at, key, json.dumps(document).encode())
        decoded = fold.decode(record)
        assert not (isinstance(decoded, tuple) and isinstance(decoded[1], Rejected))
        for missing in state.missing(fold.keys([decoded], state)):
            state.load(missing, None)
        emit = Emit((topic, 0), PARTITIONS)
        emit.offset = offset
        fold.fold(record, decoded, state, emit)
        assert not emit.dead
        told = [entry for (to, _), out in emit.out.items() if to == "feedback" for entry in out.entries]
        self.outcomes += sum(isinstance(entry, Outcome) for entry in told)
        if told:
            self.models.deliver(msgspec.msgpack.encode(Batch((topic, 0), told)))


@pytest.fixture
def market() -> Market:
    market = Market()
    market.honest(60)
    return market


AFTER = START_MS + DAY_MS


def test_honest_shoppers_are_learnt_from(market: Market) -> None:
    assert market.working.learnt == market.outcomes == 300
    assert market.weight > 2


def test_one_visitor_teaches_what_three_sessions_may_however_often_they_come(market: Market) -> None:
    before = market.working.learnt
    for session in range(8):
        for n in range(90):
            market.take("pest", AFTER + session * 60 * MINUTE_MS + n * 10 * SECOND_MS, worst=True)
    assert market.working.learnt - before <= SESSIONS_A_DAY * OUTCOMES
    assert market.weight > 0


def test_a_bot_that_floods_teaches_at_most_until_it_is_found_out(market: Market) -> None:
    before = market.working.learnt
    for n in range(500):
        market.take("bot", AFTER + n * 20, worst=True)
    assert market.working.learnt - before <= OUTCOMES


def test_addresses_of_too_many_visitors_teach_nothing(market: Market) -> None:
    before, edge = market.working.state, {"key": "pk", "decision_verified": True, "teaches": False}
    for n in range(50):
        named, _ = market.shelf(f"farm-{n}", AFTER + n * SECOND_MS)
        market.look(f"farm-{n}", "view_item_list", ITEMS, AFTER + n * SECOND_MS, decision_id=named, edge=edge)
        market.look(f"farm-{n}", "select_item", ITEMS[:1], AFTER + n * SECOND_MS, decision_id=named, edge=edge)
    assert market.working.state == before


def test_a_token_that_many_visitors_play_again_teaches_once(market: Market) -> None:
    market.take("honest", AFTER)
    before, named = market.working.state, token(301, "honest", AFTER)
    for who in ("honest", *[f"thief-{n}" for n in range(20)]):
        for n in range(10):
            at = AFTER + 300_000 + n * SECOND_MS
            market.look(who, "view_item_list", ITEMS, at, decision_id=named)
            market.look(who, "select_item", ITEMS[n % 4 : n % 4 + 1], at, decision_id=named)
    assert market.working.state == before


def test_forged_decisions_teach_nothing(market: Market) -> None:
    """Without a signature they are not believed; with one, but never made, there is no offer to learn from."""
    before = market.working.state
    for n in range(100):
        named = token(10_000 + n, "forger", AFTER + n * SECOND_MS)
        for verified in (False, True):
            edge = {"key": "pk", "decision_verified": verified}
            market.look("forger", "view_item_list", ITEMS, AFTER + n * SECOND_MS, decision_id=named, edge=edge)
            market.look("forger", "select_item", ITEMS[:1], AFTER + n * SECOND_MS, decision_id=named, edge=edge)
    assert market.working.state == before
