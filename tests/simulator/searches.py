"""What was searched for, counted again: plain dictionaries, nothing of the code under test.

Follows each session by the contract: what follows a search belongs to it, certainly where it names the search's words
or an answer of it, else by half; a session counts a search once, and an item of it once as seen and once for each way
of taking it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from stream.query_items import Found, Items
from stream.tokens import read_decision_id

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
HALF_LIFE_H = 30 * 24
KINDS = {"select_item": "click", "view_item": "click", "add_to_cart": "cart", "purchase": "purchase"}
BELOW_ALL = 10
"""The place in the report of what stood below the first ten, or nobody knows where."""


@dataclass
class Asked:
    """A search of a session."""

    query: str
    at: int
    pages: list[str] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)
    taken: dict[str, set[str]] = field(default_factory=dict)
    sure: set[str] = field(default_factory=set)
    best: int | None = None


@dataclass
class Asking:
    """What a session asked for, and which of it is asked now."""

    asked: list[Asked] = field(default_factory=list)
    now: Asked | None = None


class Line(NamedTuple):
    """One day of a query, or of all (""): its number since 1970."""

    query: str
    day: int
    what: str


class Taken(NamedTuple):
    """One item of a query, and how it was taken."""

    query: str
    item_id: str
    kind: str


@dataclass
class Searches:
    """The sums over all sessions; `taken`: at which hour by how much; `entries`: how much was told of searches."""

    days: Counter[Line] = field(default_factory=Counter)
    taken: defaultdict[Taken, list[tuple[int, float]]] = field(default_factory=lambda: defaultdict(list))
    askers: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    entries: Counter[str] = field(default_factory=Counter)
    times: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    counted: set[tuple[str, Taken]] = field(default_factory=set)

    def event(self, asking: Asking, event: dict[str, Any], at: int) -> None:
        """One event of a session from which may be learnt."""
        if event["event"] == "search":
            self._ask(asking, event, at)
        elif event["event"] == "view_item_list":
            self._see(asking, event, at)
        elif event["event"] in KINDS and not (event["event"] == "purchase" and not _confirmed(event)):
            for item_id in dict.fromkeys(line["item_id"] for line in event["items"]):
                self._take(asking, item_id, event, at)

    def strength(self, taken: Taken, hour: int) -> float:
        """What was taken, as it counts at `hour`."""
        return sum(weight * float(2.0 ** ((when - hour) / HALF_LIFE_H)) for when, weight in self.taken[taken])

    def of_days(self, query: str, since: int) -> dict[tuple[int, str], int]:
        """The counts of a query's days from `since` on, those that are not 0."""
        return {
            (line.day, line.what): count
            for line, count in self.days.items()
            if line.query == query and line.day >= since and count
        }

    def _ask(self, asking: Asking, event: dict[str, Any], at: int) -> None:
        query, visitor = spoken(event["search_term"]), event["visitor_id"]
        asking.now = None if query is None else _asked_for(asking, query)
        if query is not None and asking.now is None:
            asking.now = Asked(query, at)
            asking.asked.append(asking.now)
            self.askers[query].add(visitor)
            self._count(asking.now, "searches")
            if "results" in event:
                self._count(asking.now, "told")
                self._count(asking.now, "empty", int(event["results"] == 0))
            self._tell("searched", query, at)
        if asking.now is not None and "decision_id" in event:
            _answered(asking.now, event["decision_id"])

    def _see(self, asking: Asking, event: dict[str, Any], at: int) -> None:
        asked = _named(asking, event, at)
        if asked is None and "decision_id" not in event and event.get("page", {}).get("type") == "search":
            asked = _running(asking, at)
        if asked is None:
            return
        items = [line["item_id"] for line in event["items"]]
        new = {item_id: items.index(item_id) for item_id in items if item_id not in asked.places}
        asked.places |= new
        if new:
            self._tell("listed", asked.query, at)

    def _take(self, asking: Asking, item_id: str, event: dict[str, Any], at: int) -> None:
        kind, asked = KINDS[event["event"]], _named(asking, event, at)
        sure = asked is not None
        if asked is None and "decision_id" not in event:
            asked = next((one for one in reversed(asking.asked) if item_id in one.taken), None)
            if asked is None and kind != "purchase":
                asked = _running(asking, at)
                if asked is not None and asked.places and item_id not in asked.places:
                    asked = None
        if asked is None or kind in asked.taken.get(item_id, ()):
            return
        asked.taken.setdefault(item_id, set()).add(kind)
        if sure:
            asked.sure.add(item_id)
        self._credit(asked, item_id, kind)
        self._tell("taken", asked.query, at)
        taken = Taken(asked.query, item_id, kind)
        if (event["visitor_id"], taken) not in self.counted:
            self.counted.add((event["visitor_id"], taken))
            self.taken[taken].append((at // HOUR_MS, 1.0 if item_id in asked.sure else 0.5))

    def _credit(self, asked: Asked, item_id: str, kind: str) -> None:
        if kind != "click":
            self._count(asked, kind)
            return
        place = min(asked.places.get(item_id, BELOW_ALL), BELOW_ALL)
        if asked.best is None or place < asked.best:
            if asked.best is not None:
                self._count(asked, f"clicked {asked.best}", -1)
            self._count(asked, f"clicked {place}")
            asked.best = place

    def _count(self, asked: Asked, what: str, by: int = 1) -> None:
        for query in (asked.query, ""):
            self.days[Line(query, asked.at // DAY_MS, what)] += by

    def _tell(self, what: str, query: str, at: int) -> None:
        self.entries[what] += 1
        self.times[query].append(at)


def told_of(days: dict[int, Any], since: int) -> Iterator[tuple[tuple[int, str], int]]:
    """A stored row's counts in the words of the recount, those that are not 0."""
    for number, day in days.items():
        named = {"searches": day.searches, "told": day.told, "empty": day.empty, "cart": day.carts}
        named |= {"purchase": day.bought} | {f"clicked {place}": count for place, count in enumerate(day.clicked)}
        yield from (((number, what), count) for what, count in named.items() if count and number >= since)


def amount(row: Items, taken: Taken) -> float:
    """How much of a way of taking an item a stored row holds."""
    found = row.items.get(taken.item_id, Found())
    return {"click": found.clicks, "cart": found.carts, "purchase": found.bought}[taken.kind]


def spoken(text: str) -> str | None:
    """A query as it is counted; None for what looks like an address."""
    return None if "@" in text else " ".join(text.lower().split())


def _asked_for(asking: Asking, query: str) -> Asked | None:
    return next((one for one in asking.asked if one.query == query), None)


def _answered(asked: Asked, decision_id: str) -> None:
    if decision_id not in asked.pages:
        asked.pages = [*asked.pages, decision_id][-6:]


def _running(asking: Asking, at: int) -> Asked | None:
    return asking.now if asking.now is not None and at >= asking.now.at else None


def _named(asking: Asking, event: dict[str, Any], at: int) -> Asked | None:
    """The search that an event says it follows from."""
    page = event.get("decision_id")
    if page is None:
        return _asked_for(asking, spoken(event["search_term"]) or "") if "search_term" in event else None
    known = next((one for one in asking.asked if page in one.pages), None)
    if known is None and _is_searchs(page) and (known := _running(asking, at)) is not None:
        _answered(known, page)
    return known


def _is_searchs(decision_id: str) -> bool:
    return read_decision_id(None, decision_id).placement == "search"


def _confirmed(event: dict[str, Any]) -> bool:
    return event.get("edge") is None or bool(event["edge"].get("purchase_confirmed"))
