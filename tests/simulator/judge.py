"""The judge: what the state has come to once everything is worked off, against a recount of the raw events."""

from __future__ import annotations

import base64
import json
from collections import Counter
from dataclasses import dataclass
from math import isclose
from typing import Any

import msgspec

from stream import privacy, visitor
from stream.budgets import Budget
from stream.fold import Clock
from stream.item import Item
from stream.joining import Joined
from stream.profile import Customer
from stream.query import Searches as AllSearches
from stream.query_counts import DAYS, VISITORS, Counts
from stream.query_items import RETENTION_MS, Items
from stream.query_text import digest
from stream.state.keys import Tag
from stream.topics import TOPICS
from tests.simulator.log import Place
from tests.simulator.recount import Limits, Recount
from tests.simulator.reference import Reference
from tests.simulator.searches import KINDS, Searches, Taken, amount, told_of
from tests.simulator.shoppers import CLAIM
from tests.simulator.world import PLACES, World

EVENTS = tuple(place for place in PLACES if place.topic == "events")
PAIRS = tuple(place for place in PLACES if place.topic == "pairs")
PROFILE = tuple(place for place in PLACES if place.topic == "profile")
FEEDBACK, QUERIES = Place("feedback", 0), Place("queries", 0)
Letter = tuple[str, int, int, str, bytes | None, bytes | None]
"""Where a broken record lay, what is wrong with it, and its key and value."""
Consents = tuple[int, dict[str, bool]]
"""A visitor's epoch, and purpose by purpose whether it is granted."""


@dataclass
class Judge:
    """Compares a world with what its log says; `poison`: by offset why a record is no event."""

    world: World
    reference: Reference
    poison: dict[Place, dict[int, str]]
    limits: Limits

    def count_again(self, *, offers: int, controls: int) -> Recount:
        recount = Recount(self.limits)
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
        _same("offers", (joined.offers, joined.refused), (offers, 0))
        _same("outcomes", joined.matched + joined.unmatched + joined.repeated, outcomes_told)
        claims = self._compare_budget()
        examples = self._clock(FEEDBACK).applied - controls - offers - outcomes_told - claims
        _same("examples applied to models", examples, recount.counts.examples.total())
        _same("dead letters", self._dead_letters(), self._poisoned())
        for place in EVENTS:
            _same("consents on record", self._on_record(place), self._consents(place))
        self._compare_searches(recount.searches)
        return recount

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

    def _compare_budget(self) -> int:
        """Of all claims exactly as many were granted as the budget has coupons; how many claims there were."""
        claims = [(place.partition, offset) for place in EVENTS for offset in self.reference.claims(place)]
        packed = self.world.memory.values[Tag(*FEEDBACK)].get("budget:stay")
        budget = Budget() if packed is None else msgspec.msgpack.decode(packed, type=Budget)
        granted = [budget.granted_at(*claim) for claim in claims]
        _same("coupons given", budget.given, min(len(claims), CLAIM["coupons"]))
        _same("claims granted", granted.count(True), budget.given)
        _same("claims refused", granted.count(False), budget.refused)
        return len(claims)

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

    def _compare_searches(self, searches: Searches) -> None:
        """What fell out of the last days is compared no more; rows that a long silence may have begun anew neither."""
        applied = self._clock(QUERIES).applied
        _same("entries applied to queries", applied, searches.entries.total())
        stored = self.world.memory.values[Tag(*QUERIES)]
        days = _searches.decode(stored["searches"]).days if "searches" in stored else {}
        since = max(days, default=0) - DAYS + 1
        _same("searches by day", dict(told_of(days, since)), searches.of_days("", since))
        named = {text: f"query:{digest(text)}" for text in searches.askers}
        for text, key in named.items():
            counts = _counts.decode(stored[key])
            _same(f"searches for {text}", dict(told_of(counts.days, since)), searches.of_days(text, since))
            if counts.text or text in self.world.memory.rankings[Tag(*QUERIES)]:
                assert len(searches.askers[text]) >= VISITORS, f"{text} is named, of {searches.askers[text]}"
            if max(searches.times[text]) - min(searches.times[text]) < RETENTION_MS:
                self._compare_taken(text, searches)
        families = {key.partition(":")[0] for key in stored}
        assert families <= {"query", "found", "searches", "clock", "marks"}, families
        _same("queries kept", {key for key in stored if key.startswith("query:")}, set(named.values()))

    def _compare_taken(self, text: str, searches: Searches) -> None:
        """Clicks, carts and orders of each item, as they count at the row's hour."""
        packed = self.world.memory.values[Tag(*QUERIES)].get(f"found:{digest(text)}")
        row = Items() if packed is None else _found.decode(packed)
        of_query = {(taken.item_id, taken.kind) for taken in searches.taken if taken.query == text}
        of_row = {(item_id, kind) for item_id in row.items for kind in KINDS.values()}
        for taken in [Taken(text, *one) for one in of_query | of_row]:
            stored, expected = amount(row, taken), searches.strength(taken, row.hour)
            assert isclose(stored, expected, rel_tol=1e-6, abs_tol=1e-9), (taken, stored, expected)

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
_searches = msgspec.msgpack.Decoder(AllSearches)
_counts = msgspec.msgpack.Decoder(Counts)
_found = msgspec.msgpack.Decoder(Items)


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def _spoken(one: Any) -> Consents:
    """What was withdrawn or granted; what an event only assumed is on no record."""
    said = {purpose: word for purpose, word in one.consent.items() if word.withdrawn_at or word.granted_at}
    return one.epoch, {purpose: word.granted for purpose, word in said.items()}


def _same(what: str, stored: object, expected: object) -> None:
    assert stored == expected, f"{what}: the state says {stored}, the recount {expected}"
