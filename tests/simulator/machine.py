"""The state machine: shoppers shop while everything that can fail does, and after every step the state is right.

Invariants (`GUARANTEES.md` §5): each partition's stored values are, byte for byte, a fresh fold over its log up to the
stored position; positions go back only when the store lost commits; who was overtaken writes nothing; an offset is
acknowledged only after its commit. And once everything has been worked off: each record is applied once, a duplicate,
dropped, or a dead letter with its reason and bytes; integer counts per item and pair, and who is whose visitor, are
those of a plain recount.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from functools import partialmethod
from typing import Any, ClassVar
from unittest.mock import patch

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from stream import live, shard, visitor
from stream.fold import Emit
from stream.learner import rollback_record
from stream.signals import session
from stream.state.keys import Tag
from tests.simulator.judge import Judge
from tests.simulator.log import Place
from tests.simulator.recount import Limits
from tests.simulator.reference import Reference
from tests.simulator.shoppers import (
    FAY,
    GARBAGE,
    ITEMS,
    POISONS,
    VISITORS,
    Gesture,
    Searching,
    Shelf,
    gestures,
    home_of,
    poison,
    searchings,
    shelves,
)
from tests.simulator.world import PLACES, Outcome, Owner, Parts, Plan, World, steps_as_vector

LIMITS = Limits(dedupe_ids=6, steps=7, pairs=9, items=6, flood_a_minute=12, flood_a_session=40, closed_a_record=2)
EVENTS = tuple(place for place in PLACES if place.topic == "events")
PAIRS = tuple(place for place in PLACES if place.topic == "pairs")
PROFILE = tuple(place for place in PLACES if place.topic == "profile")
DECISIONS, FEEDBACK, QUERIES = Place("decisions", 0), Place("feedback", 0), Place("queries", 0)
VIEWS = {"vector", "recent"}
RECORD_BYTES = 120  # small derived records, so that a batch needs several rounds

places = st.sampled_from((*EVENTS, *EVENTS, *PAIRS, *PROFILE, DECISIONS, FEEDBACK, QUERIES))
plans = st.builds(
    Plan,
    fold=st.sampled_from((1, 2, 256)),
    records=st.sampled_from((1, 3, 256)),
    after_s=st.sampled_from((0.0, 0.0, 1.0)),
    capacity=st.sampled_from((1, 3, 100_000)),
)
kinds = st.sampled_from(("read", "send", "commit"))
outcomes = st.sampled_from((Outcome.OK, Outcome.OK, Outcome.OK, *Outcome))


class Quiet:
    """Every retry says so in the log; here they are what is being done on purpose."""

    def warning(self, *_: object, **__: object) -> None: ...


def small_limits() -> ExitStack:
    """Caps that short histories reach; they are in force until the stack is closed."""
    stack = ExitStack()
    stack.enter_context(patch.object(visitor, "DEDUPE_IDS", LIMITS.dedupe_ids))
    stack.enter_context(patch.object(visitor, "CLOSED_A_RECORD", LIMITS.closed_a_record))
    stack.enter_context(patch.object(session, "STEPS", LIMITS.steps))
    stack.enter_context(patch.object(session, "PAIRS", LIMITS.pairs))
    stack.enter_context(patch.object(session, "ITEMS", LIMITS.items))
    stack.enter_context(patch.object(session, "FLOOD_A_MINUTE", LIMITS.flood_a_minute))
    stack.enter_context(patch.object(session, "FLOOD_A_SESSION", LIMITS.flood_a_session))
    stack.enter_context(patch.object(live, "EVERY", 3))
    stack.enter_context(patch.object(live, "KEPT", 2))
    stack.enter_context(patch.object(Emit, "drain", partialmethod(Emit.drain, RECORD_BYTES)))
    stack.enter_context(patch.object(shard, "log", Quiet()))
    return stack


class Shop(RuleBasedStateMachine):
    """Shoppers, workers and faults in any order."""

    parts: ClassVar[Parts] = Parts()

    def __init__(self) -> None:
        super().__init__()
        self.limits = small_limits()
        self.world = World(self.parts)
        self.reference = Reference(self.world.log, self.parts)
        self.poison: dict[Place, dict[int, str]] = {place: {} for place in PLACES}
        self.judge = Judge(self.world, self.reference, self.poison, LIMITS)
        self.good: list[tuple[Place, dict[str, Any]]] = []
        self.checked: dict[Place, str | None] = {}
        self.controls = 0
        self.events = 0
        self.decided = 0
        self.offers = 0

    # what shoppers and their shop send

    @initialize(first=st.lists(gestures(), min_size=3, max_size=12))
    def open_shop(self, first: list[Gesture]) -> None:
        self.shop(first)

    @rule(some=st.lists(gestures(), min_size=1, max_size=12))
    def shop(self, some: list[Gesture]) -> None:
        for gesture in some:
            self.world.now_ms += gesture.wait_ms
            self.events += 1
            self._produce(gesture.document(f"e{self.events}", self.world.now_ms))

    @rule(gesture=gestures(), items=st.lists(st.sampled_from(ITEMS), min_size=1, max_size=9), buys=st.booleans())
    def visit(self, gesture: Gesture, items: list[str], buys: bool) -> None:
        """One shopper walks from item to item, perhaps buys the last, and is gone for an hour."""
        calm = gesture._replace(late_ms=0, wait_ms=1_000, consent=None, default=True)
        walk = [calm._replace(event="view_item", items=(item,)) for item in items]
        order = [calm._replace(event="purchase", items=(items[-1],))] if buys else []
        self.shop([*walk, *order])
        self.sleep(hours=1)

    @rule(gesture=gestures(), shelf=shelves, clicks=st.booleans(), then=st.sampled_from(("view_item", "add_to_cart")))
    def decide(self, gesture: Gesture, shelf: Shelf, then: str, *, clicks: bool) -> None:
        """Fay is shown a shelf, sees it, and takes something from it or goes elsewhere; its record may be lost."""
        self.decided += 1
        now = self.world.now_ms
        token = shelf.token(self.decided, now)
        if not shelf.lost:
            self.offers += 1
            self.world.log.append(DECISIONS, FAY.encode(), shelf.record(token, now), now)
        calm = gesture._replace(visitor=FAY, late_ms=0, consent=None, default=True, straight=True, customer=None)
        taken = shelf.items[0] if clicks else "i7"
        for one in (
            calm._replace(event="view_item_list", items=shelf.items),
            calm._replace(event=then, items=(taken,)),
        ):
            self.world.now_ms += 1_000
            self.events += 1
            named = {"decision_id": token} if clicks or one.event == "view_item_list" else {}
            self._produce(one.document(f"e{self.events}", self.world.now_ms) | named)

    @rule(gesture=gestures(), searching=searchings, visitors=st.integers(1, len(VISITORS)), erased=st.booleans())
    def search(self, gesture: Gesture, searching: Searching, visitors: int, *, erased: bool) -> None:
        """Some shoppers search for the same, look at what was found and take of it; the last may want to be erased."""
        for visitor_id in VISITORS[:visitors]:
            self.decided += 1
            answer = searching.decision(self.decided, self.world.now_ms)
            for one in searching.gestures(gesture._replace(visitor=visitor_id)):
                self.world.now_ms += one.wait_ms
                self.events += 1
                more: dict[str, Any] = {"decision_id": answer} if searching.named else {"page": {"type": "search"}}
                self._produce(one.document(f"e{self.events}", self.world.now_ms) | more)
        if erased:
            self.shop([gesture._replace(visitor=VISITORS[visitors - 1], event="erase", items=(), straight=True)])

    @rule(gesture=gestures(), items=st.lists(st.sampled_from(("i0", "i1", "i2")), min_size=10, max_size=20))
    def flood(self, gesture: Gesture, items: list[str]) -> None:
        """A bot: many views in one minute."""
        for item in items:
            self.events += 1
            view = gesture._replace(event="view_item", items=(item,), late_ms=0, consent=None)
            self._produce(view.document(f"e{self.events}", self.world.now_ms))

    @precondition(lambda self: self.good)
    @rule(which=st.integers(0, 1_000), changed=st.booleans())
    def send_again(self, which: int, changed: bool) -> None:
        """A client or a producer repeats itself, perhaps with another body under the same id."""
        place, document = self.good[-1 - which % len(self.good)]
        if changed:
            document = {
                **document,
                "event": "view_item",
                "items": [{"item_id": "i0"}],
                "received_at": self.world.now_ms,
            }
        self._append(place, document)

    @rule(kind=st.sampled_from(POISONS), gesture=gestures())
    def send_poison(self, kind: str, gesture: Gesture) -> None:
        self.events += 1
        bad = poison(kind, gesture.document(f"e{self.events}", self.world.now_ms))
        place = Place("events", bad.partition)
        record = self.world.log.append(place, bad.key, bad.value, self.world.now_ms)
        self.poison[place][record.offset] = bad.reason

    @rule(place=st.sampled_from((*PAIRS, *PROFILE, DECISIONS, FEEDBACK, QUERIES)), garbage=st.sampled_from(GARBAGE))
    def garble(self, place: Place, garbage: bytes | None) -> None:
        """Somebody writes into a topic that only workers write."""
        record = self.world.log.append(place, None, garbage, self.world.now_ms)
        self.poison[place][record.offset] = "schema"

    @rule(version=st.integers(0, 4))
    def roll_back(self, version: int) -> None:
        self.controls += 1
        self.world.log.append(FEEDBACK, b"intent", rollback_record("intent", version), self.world.now_ms)

    @rule(place=places)
    def mark(self, place: Place) -> None:
        """A transaction marker takes an offset."""
        self.world.log.skip(place)

    @rule(hours=st.sampled_from((1, 3, 25, 91 * 24)))
    def sleep(self, hours: int) -> None:
        """Nothing happens for long; sessions close with the next event."""
        self.world.now_ms += hours * 3_600_000

    # what workers do, and what is done to them

    @rule(place=places, most=st.integers(1, 30), plan=plans, answers=st.lists(outcomes, max_size=10))
    def work(self, place: Place, most: int, plan: Plan, answers: list[Outcome]) -> None:
        """The owner takes a batch; some of its calls go wrong, then all go well."""
        owner = self._begin(place, most, plan, answers)
        owner.run()

    @rule(place=places, most=st.integers(1, 30), plan=plans, answers=st.lists(outcomes, max_size=10), at=kinds)
    def stall(self, place: Place, most: int, plan: Plan, answers: list[Outcome], at: str) -> None:
        """The owner stops at such a call, and wakes up when somebody steps it."""
        self._begin(place, most, plan, answers).run(until=at)

    @rule(place=places, most=st.integers(1, 30), plan=plans, answers=st.lists(outcomes, max_size=10), at=kinds)
    def crash(self, place: Place, most: int, plan: Plan, answers: list[Outcome], at: str) -> None:
        """Killed at such a call: before the send, between two rounds, before the commit."""
        owner = self._begin(place, most, plan, answers)
        owner.run(until=at)
        owner.crash()

    @rule(place=places, most=st.integers(1, 30), plan=plans, at=kinds, outcome=outcomes)
    def crash_after(self, place: Place, most: int, plan: Plan, at: str, outcome: Outcome) -> None:
        """Killed when it has just been answered, rightly or wrongly: between the commit and the next batch."""
        owner = self._begin(place, most, plan, [])
        owner.run(until=at)
        owner.step(outcome)
        owner.crash()

    @rule(place=places, plan=plans, answers=st.lists(outcomes, max_size=4))
    def take_over(self, place: Place, plan: Plan, answers: list[Outcome]) -> None:
        """A rebalance: another worker owns the partition; the old one does not know."""
        owner = self.world.start(place, plan)
        for outcome in answers:
            owner.step(outcome)

    @rule(place=places, which=st.integers(0, 5), most=st.integers(0, 20), answers=st.lists(outcomes, max_size=8))
    def wake(self, place: Place, which: int, most: int, answers: list[Outcome]) -> None:
        """Any owner that still lives goes on where it stopped, also one that was overtaken."""
        owners = self.world.alive(place)
        if owners:
            owner = owners[which % len(owners)]
            owner.fetch(most)
            for outcome in answers:
                owner.step(outcome)

    @rule(place=places, shift=st.integers(-8, 2))
    def misdeliver(self, place: Place, shift: int) -> None:
        """The transport goes back and delivers again, or leaves something out."""
        for owner in self.world.alive(place)[-1:]:
            if owner.fetch_at is not None and owner.shard.next_offset is not None:
                owner.fetch_at = max(0, owner.fetch_at + shift)

    @rule(which=st.integers(0, 1_000))
    def arrive_late(self, which: int) -> None:
        self.world.arrive(which)

    @rule(seconds=st.sampled_from((0.2, 1.0, 5.0)))
    def pass_time(self, seconds: float) -> None:
        self.world.pass_time(seconds)

    @precondition(lambda self: self.world.history)
    @rule(commits=st.integers(1, 12))
    def lose_tail(self, commits: int) -> None:
        """Redis comes back without its last commits."""
        self.world.lose(commits)
        self.checked.clear()

    # what must hold

    @invariant()
    def state_is_a_fold_of_the_log(self) -> None:
        for place in PLACES:
            stored = self.world.memory.positions.get(Tag(*place))
            if self.checked.get(place, "") != stored:
                self._compare(place)
                self.checked[place] = stored

    @rule()
    def check(self) -> None:
        """Work everything off, and count."""
        self._drain()
        self.recount = self.judge.count_again(offers=self.offers, controls=self.controls)

    def teardown(self) -> None:
        try:
            self.check()
        finally:
            self.world.close()
            self.limits.close()

    # parts of the rules

    def _produce(self, document: dict[str, Any]) -> None:
        place = home_of(document["visitor_id"])
        self.good.append((place, document))
        self._append(place, document)

    def _append(self, place: Place, document: dict[str, Any]) -> None:
        value = json.dumps(document).encode()
        self.world.log.append(place, document["visitor_id"].encode(), value, self.world.now_ms)

    def _begin(self, place: Place, most: int, plan: Plan, answers: list[Outcome]) -> Owner:
        owners = self.world.alive(place)
        owner = owners[-1] if owners else self.world.start(place, plan)
        for outcome in answers[:3]:
            owner.step(outcome)
        while owner.fetch_at is None and owner.step():
            pass
        owner.fetch(most)
        for outcome in answers[3:]:
            owner.step(outcome)
        return owner

    def _compare(self, place: Place) -> None:
        tag = Tag(*place)
        expected = self.reference.at(place, self.world.position(place))
        stored = self.world.memory.values[tag]
        values = {key: value for key, value in stored.items() if key.partition(":")[0] not in VIEWS}
        assert values == expected.values, (
            f"{tag} at {self.world.position(place)}: {_difference(values, expected.values)}"
        )
        assert self.world.memory.rankings[tag] == expected.ranking, f"{tag}: open sessions differ"
        for key, value in values.items():
            family, _, pid = key.partition(":")
            if family == "visitor":
                view = steps_as_vector(session.SIGNAL.of(_visitor.decode(value)))
                assert stored.get(f"vector:{pid}") == view, f"{tag}: the view of {pid} is stale"

    def _drain(self) -> None:
        """Whatever is under way arrives, whoever sleeps wakes up, and the newest owners work until nothing is left."""
        while self.world.in_flight:
            self.world.arrive(0)
        for place in PLACES:
            for owner in self.world.alive(place):
                owner.run()
        for _ in range(100):
            if all(self._caught_up(place) for place in PLACES):
                break
            for place in PLACES:
                self._work_off(place)
        else:
            raise AssertionError("the workers do not come to an end")
        self.state_is_a_fold_of_the_log()

    def _caught_up(self, place: Place) -> bool:
        records = self.world.log.records(place)
        return not records or self.world.position(place) > records[-1].offset

    def _work_off(self, place: Place) -> None:
        owners = self.world.alive(place)
        owner = owners[-1] if owners else self.world.start(place, Plan())
        owner.run()
        while owner.fetch(50):
            owner.run()
        self.world.pass_time(1.0)
        owner.run()
        for other in self.world.alive(place)[:-1]:
            other.run()
        if not self._caught_up(place):
            owner.crash()  # the store lost what it had committed, and no record comes: the progress check restarts it


_visitor = msgspec.msgpack.Decoder(visitor.Visitor)


def _difference(stored: dict[str, bytes], expected: dict[str, bytes]) -> str:
    keys = sorted(key for key in stored.keys() | expected.keys() if stored.get(key) != expected.get(key))
    return "\n".join(
        f"{key}\n  stored   {_readable(stored.get(key))}\n  expected {_readable(expected.get(key))}" for key in keys
    )


def _readable(packed: bytes | None) -> object:
    return None if packed is None else msgspec.msgpack.decode(packed)
