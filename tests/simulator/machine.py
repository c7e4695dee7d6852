"""The state machine: shoppers shop while everything that can fail does, and after every step the state is right.

Invariants (`GUARANTEES.md` §5): each partition's stored values are, byte for byte, a fresh fold over its log up to the
stored position; positions go back only when the store lost commits; who was overtaken writes nothing; an offset is
acknowledged only after its commit. And once everything has been worked off: each record is applied once, a duplicate,
dropped, or a dead letter with its reason and bytes; integer counts per item and pair, and who is whose visitor, are
those of a plain recount.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from contextlib import ExitStack
from functools import partialmethod
from typing import Any, ClassVar
from unittest.mock import patch

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from stream import live, privacy, shard, visitor
from stream.fold import Clock, Emit
from stream.item import Item
from stream.joining import Joined
from stream.learner import rollback_record
from stream.profile import Customer
from stream.signals import session
from stream.state.keys import Tag
from stream.topics import TOPICS
from tests.simulator.log import Place
from tests.simulator.recount import Limits, Recount
from tests.simulator.reference import Reference
from tests.simulator.shoppers import FAY, GARBAGE, ITEMS, POISONS, Gesture, Shelf, gestures, home_of, poison, shelves
from tests.simulator.world import PLACES, Outcome, Owner, Parts, Plan, World, steps_as_vector

LIMITS = Limits(dedupe_ids=6, steps=7, pairs=9, items=6, flood_a_minute=12, flood_a_session=40, closed_a_record=2)
EVENTS = tuple(place for place in PLACES if place.topic == "events")
PAIRS = tuple(place for place in PLACES if place.topic == "pairs")
PROFILE = tuple(place for place in PLACES if place.topic == "profile")
DECISIONS, FEEDBACK = Place("decisions", 0), Place("feedback", 0)
Letter = tuple[str, int, int, str, bytes | None, bytes | None]
"""Where a broken record lay, what is wrong with it, and its key and value."""
Consents = tuple[int, dict[str, bool]]
"""A visitor's epoch, and purpose by purpose whether it is granted."""
VIEWS = {"vector", "recent"}
RECORD_BYTES = 120  # small derived records, so that a batch needs several rounds

places = st.sampled_from((*EVENTS, *EVENTS, *PAIRS, *PROFILE, DECISIONS, FEEDBACK))
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

    @rule(place=st.sampled_from((*PAIRS, *PROFILE, DECISIONS, FEEDBACK)), garbage=st.sampled_from(GARBAGE))
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
        self._count_again()

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

    def _count_again(self) -> None:
        self.recount = recount = Recount(LIMITS)
        for place in EVENTS:
            recount.partition(self.world.log.records(place), self.poison[place])
        outcomes = [{k: v for k, v in self._outcomes(place).items() if v} for place in EVENTS]
        _same("what became of the records", outcomes, [dict(counted) for counted in recount.outcomes])
        self._compare_items(recount)
        self._compare_customers(recount)
        entries = sum(self._clock(place).applied for place in PAIRS)
        _same("entries applied to items", entries, recount.counts.entries.total())
        outcomes_told = sum(self.reference.outcomes(place) for place in EVENTS)
        joined = self.joined()
        _same("offers", (joined.offers, joined.refused), (self.offers, 0))
        _same("outcomes", joined.matched + joined.unmatched + joined.repeated, outcomes_told)
        examples = self._clock(FEEDBACK).applied - self.controls - self.offers - outcomes_told
        _same("examples applied to models", examples, recount.counts.examples.total())
        _same("dead letters", self._dead_letters(), self._poisoned())
        for place in EVENTS:
            _same("consents on record", self._on_record(place), self._consents(place))

    def _on_record(self, place: Place) -> dict[str, Consents]:
        """What the records of the privacy topic come to, in whatever order they are read."""
        known: dict[str, privacy.Privacy] = {}
        for record in reversed(self.world.log.records(Place("privacy", place.partition))):
            if record.value is not None:
                pid, told = privacy.read_record(record.value)
                known[pid] = privacy.joined(known.get(pid, privacy.Privacy()), told)
        return {pid: _spoken(one) for pid, one in known.items()}

    def _consents(self, place: Place) -> dict[str, Consents]:
        values = self.world.memory.values[Tag(*place)].items()
        visitors = {key.partition(":")[2]: _visitor.decode(packed) for key, packed in values if key[:8] == "visitor:"}
        return {pid: _spoken(one) for pid, one in visitors.items() if _spoken(one)[1]}

    def _compare_items(self, recount: Recount) -> None:
        seen, first, repeats, bought, claimed = (Counter[str]() for _ in range(5))
        after, before, together, led = (Counter[tuple[str, str]]() for _ in range(4))
        for place in PAIRS:
            for key, value in self.world.memory.values[Tag(*place)].items():
                family, _, item = key.partition(":")
                if family != "item":
                    continue
                row: Any = _item.decode(value)
                seen[item], bought[item] = row.popularity.seen, row.popularity.bought
                claimed[item], first[item] = row.popularity.claimed, row.repeats.sessions
                repeats[item] = row.repeats.repeats
                after.update({(item, other): link.count for other, link in row.relations.after.items()})
                before.update({(other, item): link.count for other, link in row.relations.before.items()})
                together.update({(item, other): link.count for other, link in row.relations.together.items()})
                led.update({(item, other): link.count for other, link in row.relations.bought.items()})
        counts = recount.counts
        _same("views per item", +seen, counts.seen)
        _same("sessions and repeats per item", (+first, +repeats), (counts.first, counts.repeats))
        _same("units bought and claims per item", (+bought, +claimed), (+counts.bought, +counts.claimed))
        _same("pairs, by what came first", after, counts.followed)
        _same("pairs, by what came next", before, counts.followed)
        _same("pairs taken together", together, counts.together)
        _same("pairs, by what led to what was bought", led, counts.led)

    def _compare_customers(self, recount: Recount) -> None:
        """A customer has exactly the visitors that say so, each as they told it last, but those of long ago."""
        visitors = {
            key.partition(":")[2]: (place.partition, _visitor.decode(value))
            for place in EVENTS
            for key, value in self.world.memory.values[Tag(*place)].items()
            if key.startswith("visitor:")
        }
        shared = {
            (pid, key.partition(":")[2]): one
            for place in PROFILE
            for key, value in self.world.memory.values[Tag(*place)].items()
            if key.startswith("customer:")
            for pid, one in _customer.decode(value).visitors.items()
        }
        ties = {pid: (home, one) for pid, (home, one) in visitors.items() if one.customer}
        _same("whose visitors", {pid: one.customer for pid, (_, one) in ties.items()}, recount.customers)
        for pid, cid in shared.keys() - {(pid, one.customer) for pid, (_, one) in ties.items()}:
            raise AssertionError(f"{cid} still has {pid}")
        for pid, (home, one) in ties.items():
            told = shared.get((pid, one.customer))
            if told is None:
                age = self.world.now_ms + 5 * 60_000 - one.shared_at
                assert age > visitor.RETENTION_MS, f"{one.customer} does not have {pid}"
            else:
                _same(f"what {pid} shares", (told.partition, told.at), (home, one.shared_at))

    def joined(self) -> Joined:
        packed = self.world.memory.values[Tag(*FEEDBACK)].get("joined")
        return Joined() if packed is None else msgspec.msgpack.decode(packed, type=Joined)

    def _clock(self, place: Place) -> Clock:
        packed = self.world.memory.values[Tag(*place)].get("clock")
        return Clock() if packed is None else msgspec.msgpack.decode(packed, type=Clock)

    def _outcomes(self, place: Place) -> dict[str, int]:
        clock = self._clock(place)
        return {name: getattr(clock, name) for name in ("applied", "duplicates", "dropped", "dead")}

    def _dead_letters(self) -> set[Letter]:
        letters = set()
        for record in self.world.log.records(Place("dead_letters", 0)):
            letter = json.loads(record.value or b"")
            source = letter["source"]
            key, value = _bytes(letter["key_base64"]), _bytes(letter["value_base64"])
            assert letter["detail"], "a dead letter says why"
            letters.add((source["topic"], source["partition"], source["offset"], letter["reason"], key, value))
        return letters

    def _poisoned(self) -> set[Letter]:
        return {
            (TOPICS[r.topic].name, r.partition, r.offset, reasons[r.offset], r.key, r.value)
            for place, reasons in self.poison.items()
            for r in self.world.log.records(place)
            if r.offset in reasons
        }


_visitor = msgspec.msgpack.Decoder(visitor.Visitor)
_customer = msgspec.msgpack.Decoder(Customer)
_item = msgspec.msgpack.Decoder(Item)


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def _spoken(one: Any) -> Consents:
    """What was withdrawn or granted; what an event only assumed is on no record."""
    said = {purpose: word for purpose, word in one.consent.items() if word.withdrawn_at or word.granted_at}
    return one.epoch, {purpose: word.granted for purpose, word in said.items()}


def _same(what: str, stored: object, expected: object) -> None:
    assert stored == expected, f"{what}: the state says {stored}, the recount {expected}"


def _difference(stored: dict[str, bytes], expected: dict[str, bytes]) -> str:
    keys = sorted(key for key in stored.keys() | expected.keys() if stored.get(key) != expected.get(key))
    return "\n".join(
        f"{key}\n  stored   {_readable(stored.get(key))}\n  expected {_readable(expected.get(key))}" for key in keys
    )


def _readable(packed: bytes | None) -> object:
    return None if packed is None else msgspec.msgpack.decode(packed)
