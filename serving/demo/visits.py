"""Who walks through the demo shop, and what they do there: pure functions of a seed.

```
sessions(rng) ─▶ Visit: who, and what they mean to do ─▶ Walk: one step at a time ─▶ events of the public contract
                                                          ▲
                                       shelves, as shown ─┘
```
What a shopper picks from a shelf depends on the shelf, so a visit carries the dice (`Glance.dice`), and the walk looks
at them when the shelf is there.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import islice
from types import MappingProxyType
from typing import Any, Final

from msgspec import Struct, convert

from serving.demo.catalogue import CURRENCY, items

CONSENT: Final = MappingProxyType({"analytics": True, "personalization": True, "marketing": False})
KNOWN: Final = 200
GLANCED: Final = 4
HISTORY_S: Final = 20 * 60
READING_S: Final = (1.0, 30.0)

RETURNING_PROBABILITY: Final = 0.2
FROM_HOME_PROBABILITY: Final = 0.5
GLANCE_PROBABILITY: Final = 0.5
IGNORE_PROBABILITY: Final = 0.04
LEAVING_PROBABILITY: Final = 0.18


class Persona(Struct, frozen=True):
    """A kind of shopper; `personas.toml` says what its numbers mean."""

    name: str
    plans: tuple[tuple[str, ...], ...]
    budget: float
    wander: float
    cart: float
    buy: float
    trust: float


class Cast(Struct, frozen=True):
    """The file `personas.toml` as it is."""

    persona: tuple[Persona, ...]


@cache
def personas() -> tuple[Persona, ...]:
    """The kinds of shoppers, read once."""
    text = files(__package__).joinpath("personas.toml").read_text("utf-8")
    return convert(tomllib.loads(text), Cast).persona


class Look(Struct, frozen=True, tag=True):
    """Open an item's page."""

    item_id: str


class Cart(Struct, frozen=True, tag=True):
    """Put an item in the cart."""

    item_id: str


class Ignore(Struct, frozen=True, tag=True):
    """Say "not interested" to an item."""

    item_id: str


class Buy(Struct, frozen=True, tag=True):
    """Order what is in the cart, if anything."""


class Glance(Struct, frozen=True, tag=True):
    """See a shelf (beside `item_id`, if there is one), perhaps click on it; `dice` are uniform in [0, 1)."""

    placement: str
    item_id: str | None
    dice: tuple[float, float]


Step = Look | Cart | Ignore | Buy | Glance


class Visit(Struct, frozen=True):
    """One session as it is meant to go; a shelf may add to it."""

    visitor_id: str
    session_id: str
    persona: Persona
    steps: tuple[Step, ...]


@cache
def prices() -> Mapping[str, str]:
    """Item id → price, as the catalogue has it."""
    return {item["item_id"]: item["price"] for item in items()}


@cache
def stock() -> Mapping[str, tuple[str, ...]]:
    """The ids of the items that can be bought, by kind, the favourites first."""
    by_kind: dict[str, tuple[str, ...]] = {}
    for item in items():
        if item["availability"] == "in_stock":
            kind = item["item_id"].rpartition("-")[0]
            by_kind[kind] = (*by_kind.get(kind, ()), item["item_id"])
    return by_kind


def sessions(rng: random.Random) -> Iterator[Visit]:
    """Visits without end: most by new visitors, some by earlier ones, who are who they were."""
    known: list[tuple[str, Persona]] = []
    while True:
        if known and rng.random() < RETURNING_PROBABILITY:
            visitor_id, persona = rng.choice(known)
        else:
            visitor_id, persona = hex_id(rng), rng.choice(personas())
            known = [*known[1 - KNOWN :], (visitor_id, persona)]
        yield Visit(visitor_id, hex_id(rng), persona, tuple(steps(rng, persona)))


def steps(rng: random.Random, persona: Persona) -> Iterator[Step]:
    """What one visit means to do: follow a plan, look at shelves on the way, perhaps buy."""
    if rng.random() < FROM_HOME_PROBABILITY:
        yield Glance("home_for_you", None, dice(rng))
    for kind in rng.choice(persona.plans):
        item_ids = wanted(rng, persona, kind)
        for item_id in item_ids:
            yield Look(item_id)
            if rng.random() < persona.cart:
                yield Cart(item_id)
            elif rng.random() < IGNORE_PROBABILITY:
                yield Ignore(item_id)
        if rng.random() < GLANCE_PROBABILITY:
            yield Glance("pdp_also_bought", item_ids[-1], dice(rng))
        if rng.random() < LEAVING_PROBABILITY:
            return
    if rng.random() < persona.buy:
        yield Buy()


def wanted(rng: random.Random, persona: Persona, kind: str) -> list[str]:
    """One to three items of a kind, of any other when wandering: within the budget, favourites oftener."""
    if rng.random() < persona.wander:
        kind = rng.choice(sorted(stock()))
    within = [item_id for item_id in stock()[kind] if float(prices()[item_id]) <= persona.budget] or stock()[kind][:1]
    favour = [1 / (place + 1) for place in range(len(within))]
    return list(dict.fromkeys(rng.choices(within, favour, k=rng.choice((1, 1, 2, 2, 3)))))


def choice(persona: Persona, shown: Sequence[str], dice: tuple[float, float]) -> str | None:
    """The item that the shopper clicks, if any, nearer to the top oftener."""
    if not shown or dice[0] >= persona.trust:
        return None
    return shown[int(dice[1] ** 1.5 * len(shown))]


def dice(rng: random.Random) -> tuple[float, float]:
    """Two uniform numbers in [0, 1)."""
    return rng.random(), rng.random()


def hex_id(rng: random.Random) -> str:
    """128 bits in hex, as the page's visitor ids are."""
    return f"{rng.getrandbits(128):032x}"


class Walk:
    """A visit under way: what each step sends. It knows no network; shelves are given to it.

    `run_id` keeps the event ids of two runs with the same seed apart.
    """

    def __init__(self, visit: Visit, run_id: str) -> None:
        self.visit = visit
        self._left = iter(visit.steps)
        self._name = f"{run_id}-{visit.session_id[:16]}"
        self._sent = 0
        self._cart: list[str] = []
        self._credit: dict[str, dict[str, str]] = {}

    def next(self) -> Step | None:
        """The next step, or None at the end."""
        return next(self._left, None)

    def events(self, step: Step, at: float) -> list[dict[str, Any]]:
        """What a step sends that needs no shelf; `at` in seconds since the epoch."""
        match step:
            case Look(item_id):
                return [self._about(item_id, "view_item", at)]
            case Cart(item_id):
                self._cart.append(item_id)
                return [self._about(item_id, "add_to_cart", at)]
            case Ignore(item_id):
                return [self._about(item_id, "dismiss", at)]
            case Buy() if self._cart:
                return [self._order(at)]
            case _:
                return []

    def seen(self, step: Glance, shelf: Mapping[str, Any], at: float) -> list[dict[str, Any]]:
        """What is sent after a shelf was shown: the impression; a click and a view if something is picked."""
        shown = [item["item_id"] for item in shelf["items"]][:GLANCED]
        if not shown:
            return []
        credit = {"decision_id": shelf["decision_id"], "placement": step.placement}
        seen = self._event("view_item_list", at, shown, item_list_id=step.placement, **credit)
        picked = choice(self.visit.persona, shown, step.dice)
        if picked is None:
            return [seen]
        self._credit[picked] = credit
        return [seen, self._about(picked, "select_item", at), self._about(picked, "view_item", at)]

    def _about(self, item_id: str, name: str, at: float) -> dict[str, Any]:
        return self._event(name, at, [item_id], page={"type": "product"}, **self._credit.get(item_id, {}))

    def _order(self, at: float) -> dict[str, Any]:
        bought, self._cart = self._cart, []
        value = sum(float(prices()[item_id]) for item_id in bought)
        return self._event("purchase", at, bought, transaction_id=self._name, currency=CURRENCY, value=f"{value:.2f}")

    def _event(self, name: str, at: float, item_ids: Sequence[str], **more: Any) -> dict[str, Any]:
        self._sent += 1
        return {
            "event_id": f"{self._name}-{self._sent}",
            "event": name,
            "occurred_at": round(at * 1000),
            "visitor_id": self.visit.visitor_id,
            "session_id": self.visit.session_id,
            "consent": dict(CONSENT),
            "context": {"channel": "web"},
            "items": [{"item_id": item_id} for item_id in item_ids],
            **more,
        }


def history(rng: random.Random, run_id: str, visits: int, now: float) -> list[dict[str, Any]]:
    """What so many visits did in the `HISTORY_S` seconds before `now`, in time order; they looked at no shelf.

    It is younger than the 30 minutes that close a session, so that none of it is late where a real click is earlier.
    """
    told: list[dict[str, Any]] = []
    for visit in islice(sessions(rng), visits):
        walk = Walk(visit, run_id)
        at = now - rng.uniform(0, HISTORY_S)
        while (step := walk.next()) is not None and at < now:
            told += walk.events(step, at)
            at += rng.uniform(*READING_S)
    return sorted(told, key=lambda event: event["occurred_at"])
