"""The truth, counted again from the raw events: plain lists and counters, nothing of the code under test.

Reads the records of the events topic as JSON, partition by partition, and counts what the contract and the guarantees
say must come of them: what becomes of each record, who saw which item, which item followed which, and how many examples
the intent model gets. `LIMITS` are the caps; the simulator runs with small ones, so that short histories reach them.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field
from itertools import combinations, product
from typing import Any, NamedTuple

from stream.fold import Record
from tests.simulator.searches import Asking, Searches

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
SERVER_EVENTS = {"identify", "consent_update", "erase", "unmerge", "reset", "due"}
STEPS_OF = {"view_item", "add_to_cart"}
TOGETHER_OF = {"purchase", "add_to_cart"}
SAMPLED = {1, 2, 4, 8, 16, 32}


class Limits(NamedTuple):
    """The caps of a visitor's state."""

    dedupe_ids: int = 64
    steps: int = 50
    pairs: int = 300
    items: int = 300
    flood_a_minute: int = 120
    flood_a_session: int = 2_000
    closed_a_record: int = 16


@dataclass
class Session:
    """One visit."""

    id: str
    started_at: int
    last_at: int
    steps: list[str] = field(default_factory=list)
    pairs: set[tuple[str, str, str]] = field(default_factory=set)
    seen: Counter[str] = field(default_factory=Counter)
    events: int = 0
    bought: bool = False
    claimed: bool = False
    muted: bool = False
    closed: bool = False
    samples: int = 0
    asking: Asking = field(default_factory=Asking)
    marks: set[tuple[str, str]] = field(default_factory=set)


@dataclass
class Shopper:
    """What is known of one visitor."""

    said: dict[str, Spoken] = field(default_factory=dict)
    last_at: int = 0
    ids: deque[tuple[str, int]] = field(default_factory=deque)
    session: Session | None = None
    taught: list[int] = field(default_factory=list)
    minute: int = 0
    in_minute: int = 0
    customer: str = ""
    orders: dict[str, tuple[str, bool]] = field(default_factory=dict)


@dataclass
class Spoken:
    """When a purpose was refused last, granted last, and first taken for granted by an event; 0 = never."""

    no: int = 0
    yes: int = 0
    first: int = 0

    @property
    def granted(self) -> bool:
        return self.yes > self.no if self.no else bool(self.yes or self.first)


class Counts(NamedTuple):
    """What the events add up to, over all partitions; `entries` are those sent to the item agent."""

    seen: Counter[str]
    first: Counter[str]
    repeats: Counter[str]
    followed: Counter[tuple[str, str]]
    together: Counter[tuple[str, str]]
    led: Counter[tuple[str, str]]
    bought: Counter[str]
    claimed: Counter[str]
    examples: Counter[bool]
    entries: Counter[str]


class Recount:
    """One pass over one partition after the other; `outcomes` says for each how many records came to what end."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.counts = Counts(*(Counter() for _ in Counts._fields))
        self.searches = Searches()
        self.outcomes: list[Counter[str]] = []
        self.customers: dict[str, str] = {}

    def partition(self, records: Iterable[Record], poison: Mapping[int, str]) -> None:
        """Count a partition; `poison` are the offsets of the records that are no events."""
        self.newest, self.lead, self.leader = 0, 0, ""
        self.shoppers: dict[str, Shopper] = {}
        self.open: dict[str, int] = {}
        outcome: Counter[str] = Counter()
        for record in records:
            if record.offset in poison:
                outcome["dead"] += 1
                continue
            event: dict[str, Any] = json.loads(record.value or b"")
            outcome[self._count(event, _event_time(event, record.timestamp))] += 1
        self.outcomes.append(outcome)
        self.customers |= {who: shopper.customer for who, shopper in self.shoppers.items() if shopper.customer}

    def _count(self, event: dict[str, Any], at: int) -> str:
        visitor = event["visitor_id"]
        shopper = self.shoppers.get(visitor, Shopper())
        if shopper.last_at and at - shopper.last_at > 90 * DAY_MS:
            shopper.customer = ""
            shopper = Shopper(said=shopper.said)
        if event["event"] == "erase":
            erased_at = max(at, *(max(one.no, one.yes, one.first) for one in shopper.said.values()), 0)
            self.shoppers[visitor] = Shopper(
                said={p: Spoken(no=erased_at) for p in ("analytics", "personalization", "marketing")}
            )
            self.open.pop(visitor, None)
            return self._counted(visitor, at)
        told = _listen(shopper.said, event, at) | _leave(shopper, event)
        analytics, personalization = (_allowed(p, shopper.said, event) for p in ("analytics", "personalization"))
        if told:
            self.shoppers[visitor] = shopper
        if "personalization" in shopper.said and not shopper.said["personalization"].granted:
            self._forget(visitor, shopper)
        if analytics or personalization:
            if self._seen_before(shopper, event["event_id"], at // MINUTE_MS):
                return "duplicates"
            self.shoppers[visitor] = shopper
            shopper.last_at = max(shopper.last_at, at)
            if event["event"] == "reset":
                self._forget(visitor, shopper)
            shopper.customer = (personalization and _customer(event)) or shopper.customer
            if personalization and event["event"] not in SERVER_EVENTS:
                self._visit(visitor, shopper, event, at)
        elif not told:
            return "dropped"
        return self._counted(visitor, at)

    def _counted(self, visitor: str, at: int) -> str:
        self._reach(visitor, at)
        self._close_old()
        return "applied"

    def _reach(self, visitor: str, at: int) -> None:
        """Keep the newest time that two visitors have reached, and how far the first of them is."""
        if visitor == self.leader:
            self.lead = max(self.lead, at)
        elif at > self.lead:
            self.newest, self.lead, self.leader = self.lead, at, visitor
        else:
            self.newest = max(self.newest, at)

    def _forget(self, visitor: str, shopper: Shopper) -> None:
        shopper.session, shopper.minute, shopper.in_minute = None, 0, 0
        shopper.taught = shopper.taught[-1:] * 3
        shopper.customer, shopper.orders = "", {}
        self.open.pop(visitor, None)

    def _seen_before(self, shopper: Shopper, event_id: str, minute: int) -> bool:
        for known, when in shopper.ids:
            if known == event_id and abs(minute - when) < 24 * 60:
                return True
        shopper.ids = deque(pair for pair in shopper.ids if pair[0] != event_id)
        shopper.ids.append((event_id, minute))
        if len(shopper.ids) > self.limits.dedupe_ids:
            shopper.ids.popleft()
        return False

    def _visit(self, visitor: str, shopper: Shopper, event: dict[str, Any], at: int) -> None:
        visit, named = shopper.session, event.get("session_id")
        same = visit is not None and (
            named == visit.id
            if named is not None
            else visit.started_at - 30 * MINUTE_MS <= at <= visit.last_at + 30 * MINUTE_MS
        )
        _remember_order(shopper, event)
        if visit is not None and not same and at < visit.started_at:
            return  # it belongs to a visit that is over: nobody learns from it
        if visit is None or not same:
            if visit is not None:
                self._close(visit)
            visit = shopper.session = Session(named or event["event_id"], at, at, muted=not _may_teach(shopper, at))
        visit.started_at, visit.last_at = min(visit.started_at, at), max(visit.last_at, at)
        visit.closed = False
        self._step(shopper, visit, event, at)
        self.open[visitor] = visit.last_at

    def _step(self, shopper: Shopper, visit: Session, event: dict[str, Any], at: int) -> None:
        visit.events += 1
        if at // MINUTE_MS > shopper.minute:
            shopper.minute, shopper.in_minute = at // MINUTE_MS, 0
        shopper.in_minute += 1
        if shopper.in_minute > self.limits.flood_a_minute or visit.events > self.limits.flood_a_session:
            visit.muted = True
        visit.muted |= not event.get("edge", {}).get("teaches", True)
        wrong_clock = "edge" not in event and 0 < self.newest < at - 7 * DAY_MS
        learning = not visit.muted and not wrong_clock
        items = [item["item_id"] for item in event.get("items", ())]
        if event["event"] in STEPS_OF and len(items) == 1:
            self._see(visit, items[0], learning, carts=event["event"] == "add_to_cart")
        if learning and event["event"] in TOGETHER_OF and len(items) > 1:
            self._take_together(visit, items)
        if learning:
            self.searches.event(visit.asking, event, at)
        if event["event"] == "purchase":
            self._buy(visit, event, learning)
            if learning and _trusted(event):
                self._lead(shopper, visit, event["event_id"], items)
        if learning and not visit.bought and not visit.claimed and visit.events in SAMPLED:
            visit.samples += 1

    def _see(self, visit: Session, item: str, learning: bool, *, carts: bool) -> None:
        if learning:
            told = self._count_item(visit, item)
            told |= carts and self._marks_once(visit, item, "cart")
            for before in reversed(visit.steps[-5:]):
                if before == item:
                    break
                if self._new_pair(visit, ("viewed", before, item)):
                    self.counts.followed[before, item] += 1
                    self.counts.entries[before] += 1
                    told = True
            self.counts.entries[item] += told
        visit.steps = [*visit.steps, item][-self.limits.steps :]

    def _marks_once(self, visit: Session, item: str, mark: str) -> bool:
        """Whether an item is put into the cart, or ordered, for the first time in a session."""
        known = item in visit.seen or len(visit.seen) < self.limits.items
        if not known or (item, mark) in visit.marks:
            return False
        visit.seen[item] += 0
        visit.marks.add((item, mark))
        return True

    def _count_item(self, visit: Session, item: str) -> bool:
        """Once in a session, and once for coming back; whether it was one of these."""
        if item not in visit.seen and len(visit.seen) == self.limits.items:
            return False
        visit.seen[item] += 1
        if visit.seen[item] == 1:
            self.counts.seen[item] += 1
            self.counts.first[item] += 1
        elif visit.seen[item] == 2:
            self.counts.repeats[item] += 1
        return visit.seen[item] <= 2

    def _take_together(self, visit: Session, items: list[str]) -> None:
        for one, other in combinations(sorted(set(items)), 2):
            if self._new_pair(visit, ("together", one, other)):
                self.counts.together[one, other] += 1
                self.counts.together[other, one] += 1
                self.counts.entries[one] += 1
                self.counts.entries[other] += 1

    def _new_pair(self, visit: Session, pair: tuple[str, str, str]) -> bool:
        if pair in visit.pairs or len(visit.pairs) >= self.limits.pairs:
            return False
        visit.pairs.add(pair)
        return True

    def _buy(self, visit: Session, event: dict[str, Any], learning: bool) -> None:
        trusted = _trusted(event)
        visit.bought |= trusted
        visit.claimed |= not trusted
        for line in event.get("items", ()) if learning else ():
            item = line["item_id"]
            if trusted:
                self._marks_once(visit, item, "order")
                self.counts.bought[item] += line.get("quantity", 1)
                self.counts.entries[item] += 1
            elif self._new_pair(visit, ("claimed", item, "")):
                self.counts.claimed[item] += 1
                self.counts.entries[item] += 1

    def _lead(self, shopper: Shopper, visit: Session, order: str, items: list[str]) -> None:
        """What was looked at in this visit, and what was bought in other orders, led to each item of this one."""
        other_orders = [item for item, (event_id, trusted) in shopper.orders.items() if trusted and event_id != order]
        for one, other in product(dict.fromkeys(visit.steps[::-1] + other_orders[::-1]), dict.fromkeys(items)):
            if one != other and self._new_pair(visit, ("led", one, other)):
                self.counts.led[one, other] += 1
                self.counts.entries[one] += 1

    def _close(self, visit: Session) -> None:
        if not visit.muted and (visit.bought or not visit.claimed):
            self.counts.examples[visit.bought] += visit.samples
        visit.samples, visit.closed, visit.asking = 0, True, Asking()

    def _close_old(self) -> None:
        over = sorted((at, who) for who, at in self.open.items() if at < self.newest - 30 * MINUTE_MS)
        for _, visitor in over[: self.limits.closed_a_record]:
            del self.open[visitor]
            shopper = self.shoppers[visitor]
            if shopper.session is not None:
                self._close(shopper.session)


def _may_teach(shopper: Shopper, at: int) -> bool:
    """Three sessions within a day, none of them earlier than one before it."""
    shopper.taught = [before for before in shopper.taught if before > at - DAY_MS]
    if len(shopper.taught) == 3 or any(before > at for before in shopper.taught):
        return False
    shopper.taught.append(at)
    return True


def _trusted(event: dict[str, Any]) -> bool:
    return event.get("edge") is None or bool(event["edge"].get("purchase_confirmed"))


def _remember_order(shopper: Shopper, event: dict[str, Any]) -> None:
    """Which order had an item last, the newest last, at most 60; a refund takes it out."""
    if event["event"] in {"purchase", "refund"}:
        for line in event.get("items", ()):
            shopper.orders.pop(line["item_id"], None)
            if event["event"] == "purchase":
                shopper.orders[line["item_id"]] = event["event_id"], _trusted(event)
        shopper.orders = dict([*shopper.orders.items()][-60:])


def _customer(event: dict[str, Any]) -> str:
    """Whose visitor it is, if the event says so and may say so."""
    edge = event.get("edge")
    of_servers = event["event"] in {"unmerge", "erase", "reset", "due"}
    counts = not of_servers and (edge is None or edge["signed"])
    return event.get("customer_id", "") if counts else ""


def _event_time(event: dict[str, Any], timestamp: int) -> int:
    received: int = event.get("received_at", timestamp)
    at: int = event["occurred_at"]
    if "sent_at" in event:
        at = received - (event["sent_at"] - at)
    return min(max(at, received - DAY_MS), received + 5 * MINUTE_MS)


def _listen(said: dict[str, Spoken], event: dict[str, Any], at: int) -> bool:
    """Fold the event's own consent into what the visitor said; whether that changed anything."""
    before = {purpose: copy(spoken) for purpose, spoken in said.items()}
    for purpose in ("analytics", "personalization", "marketing"):
        word = (event.get("consent") or {}).get(purpose)
        if word is None:
            continue
        spoken = said.setdefault(purpose, Spoken())
        if word is False:
            spoken.no = max(spoken.no, at)
        elif event["event"] == "consent_update":
            spoken.yes = max(spoken.yes, at)
        elif not spoken.no:
            spoken.first = min(spoken.first or at, at)
    return said != before


def _leave(shopper: Shopper, event: dict[str, Any]) -> bool:
    """A visitor who withdrew is nobody's; whether this event un-merges them."""
    unmerged: bool = event["event"] == "unmerge" and shopper.customer == event["customer_id"]
    if unmerged or not shopper.said.get("personalization", Spoken(first=1)).granted:
        shopper.customer = ""
    return unmerged


def _allowed(purpose: str, said: dict[str, Spoken], event: dict[str, Any]) -> bool:
    own = (event.get("consent") or {}).get(purpose)
    if own is False:
        return False
    if purpose in said:
        return said[purpose].granted
    return (event.get("consent_default") or {}).get(purpose) is True
