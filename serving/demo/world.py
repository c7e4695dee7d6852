"""The demo's world: what its people truly want. The shop never sees this; tests do.

```
utility(person, item) = taste for kind, style and brand + the item's quality and fashion − thrift · ln(price / usual)
                        + what the visit is out for − boredom                                   (nats, logit noise)
```
Whoever answers shelves is judged against `relevant`. With `preference` 0 nobody wants anything in particular and no
shelf can help: the null world. `lifts` makes shelves of a named variation work better by a known factor.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from serving.demo.catalogue import Item, made
from serving.demo.people import REGULARS, Shopper, brand_names, kinds, person, style_names

DAY_S: Final = 86_400
SALE: Final = 0.3
QUALITY: Final = 0.6
FOCUS: Final = 3.0
NOTHING: Final = 6.0
BORED_BY_ITEM: Final = 0.8
BORED_BY_KIND: Final = 0.12
ITEM_RECOVERS_S: Final = 2 * DAY_S
KIND_RECOVERS_S: Final = DAY_S / 2
FASHION: Final = 2.0
FASHION_S: Final = 6 * 3_600
RELEVANT: Final = 10

Vector = NDArray[np.float64]


class Boredom(Struct):
    """What a person was shown and ignored: (how bored, since when in s) by item and by kind."""

    items: dict[int, tuple[float, float]] = field(default_factory=dict)
    kinds: dict[int, tuple[float, float]] = field(default_factory=dict)


class Context(Struct):
    """Where a person is in a visit.

    Attributes
    ----------
    at: now, in seconds since the epoch.
    wants: kind (by number) → how much more it is wanted now, in nats.
    boredom: of this person, also from earlier visits.
    gone: items (by number) that are not wanted again: looked at in this visit, bought, dismissed.
    lot: breaks ties in `World.relevant`.
    """

    at: float
    wants: dict[int, float] = field(default_factory=dict)
    boredom: Boredom = field(default_factory=Boredom)
    gone: set[int] = field(default_factory=set)
    lot: str = ""


class World:
    """Items, people, and what they want.

    Parameters
    ----------
    seed: of everything; the same seed is the same world.
    preference: scales all utilities; 0 is the null world.
    lifts: variation → the factor by which its shelves are clicked oftener, and all that follows a click with it; others
        have 1. Where a factor is above 1 all clicks are rarer by the highest, so that their ratios are exact.
    fashion_s: how long a kind is in fashion, from its first friend to its last.
    """

    def __init__(
        self,
        seed: int,
        *,
        preference: float = 1.0,
        lifts: Mapping[str, float] = MappingProxyType({}),
        fashion_s: float = FASHION_S,
    ) -> None:
        self.seed, self.preference = seed, preference
        self._lifts, self._highest_lift = dict(lifts), max([1.0, *lifts.values()])
        self.items: tuple[Item, ...] = made()
        self.number_of = {item.item_id: number for number, item in enumerate(self.items)}
        self.regulars = tuple(person(seed, number) for number in range(REGULARS))
        self._fashion_s = fashion_s
        self._kinds = {kind.id: number for number, kind in enumerate(kinds())}
        self.kind = np.array([self._kinds[item.kind] for item in self.items])
        self._style = np.array([style_names().index(item.style) for item in self.items])
        self._brand = np.array([brand_names().index(item.brand) for item in self.items])
        self._price = np.log(
            [item.pays / 100 / kinds()[k].price for item, k in zip(self.items, self.kind, strict=True)]
        )
        rng = random.Random(f"{seed} world")
        self._quality = np.array([rng.gauss(0.0, QUALITY) + (SALE if one.sale_price else 0.0) for one in self.items])
        self._usual = np.array([rng.gauss(0.0, 0.5) for _ in kinds()])
        self._in_stock = np.array([item.in_stock for item in self.items])
        self._liking = lru_cache(maxsize=2 * REGULARS)(self._liked)

    def kind_number(self, kind_id: str) -> int:
        """The number of a kind, as `Context.wants` counts them."""
        return self._kinds[kind_id]

    # what people want

    def utility(self, shopper: Shopper, item: Item, context: Context) -> float:
        """How much `shopper` wants `item` now, in nats."""
        return float(self.utilities(shopper, context)[self.number_of[item.item_id]])

    def utilities(self, shopper: Shopper, context: Context) -> Vector:
        """`utility` of every item, by number."""
        by_kind = self.interest(shopper, context.at)
        for kind, more in context.wants.items():
            by_kind[kind] += more
        for kind, (level, since) in context.boredom.kinds.items():
            by_kind[kind] -= BORED_BY_KIND * level * math.exp((since - context.at) / KIND_RECOVERS_S)
        wanted: Vector = by_kind[self.kind] + self._liking(shopper)
        for item, (level, since) in context.boredom.items.items():
            wanted[item] -= BORED_BY_ITEM * level * math.exp((since - context.at) / ITEM_RECOVERS_S)
        return self.preference * wanted

    def interest(self, shopper: Shopper, at: float) -> Vector:
        """The interest in each kind at `at` (s): the person's own, everybody's, and fashion."""
        interest: Vector = shopper.kinds + self._usual + self.fashion(at)
        return interest

    def liking(self, shopper: Shopper, item: int) -> float:
        """How much an item (by number) is liked among its kind: what decides about the cart."""
        return self.preference * float(self._liking(shopper)[item])

    def _liked(self, shopper: Shopper) -> Vector:
        dear = self._price - math.log(shopper.budget)
        liked: Vector = (
            shopper.styles[self._style] + shopper.brands[self._brand] + self._quality - shopper.thrift * dear
        )
        return liked

    def fashion(self, at: float) -> Vector:
        """How much each kind is in fashion at `at` (s): two kinds at any time, one rising while the other falls."""
        raised = np.zeros(len(kinds()))
        for half in (0, 1):
            turn, phase = divmod(at / self._fashion_s + half / 2, 1.0)
            raised[_in_fashion(self.seed, 2 * int(turn) + half)] += FASHION * math.sin(math.pi * phase) ** 2
        return raised

    def relevant(self, shopper: Shopper, context: Context, count: int = RELEVANT) -> frozenset[str]:
        """The `count` items that `shopper` truly likes to see next, of those in stock; ties are broken by lot."""
        wanted = self.utilities(shopper, context)
        wanted += 1e-6 * np.random.default_rng(list(f"{self.seed} {context.lot}".encode())).random(len(wanted))
        wanted[~self._in_stock] = -np.inf
        wanted[list(context.gone)] = -np.inf
        best = np.argpartition(-wanted, count)[:count]
        return frozenset(self.items[number].item_id for number in best)

    # what they do with it

    def out_for(self, rng: random.Random, shopper: Shopper, at: float) -> list[int]:
        """A visit's mission: a kind, and with some luck one or two that go with it."""
        interest = self.preference * self.interest(shopper, at)
        mission = [_drawn(rng, interest)]
        while len(mission) < 3 and rng.random() < 0.65:
            others = [self._kinds[other] for other in kinds()[mission[-1]].complements]
            mission.append(others[_drawn(rng, interest[others])])
        return list(dict.fromkeys(mission))

    def found(self, rng: random.Random, shopper: Shopper, context: Context, kind: int) -> int:
        """The item (by number) that is opened from the page of a kind; now and then one from elsewhere."""
        wanted = self.utilities(shopper, context) + self.preference * FOCUS * (self.kind == kind)
        wanted[~self._in_stock] = -np.inf
        wanted[list(context.gone)] = -np.inf
        return _drawn(rng, wanted)

    def clicked(
        self, rng: random.Random, shopper: Shopper, context: Context, examined: Sequence[int], variation: str
    ) -> int | None:
        """Which of the examined items is clicked: multinomial logit against doing nothing, times the lift."""
        wanted = np.exp(self.utilities(shopper, context)[list(examined)])
        wanted[[item in context.gone for item in examined]] = 0.0
        total = float(wanted.sum())
        lift = self._lifts.get(variation, 1.0) / self._highest_lift
        if not total or rng.random() >= lift * total / (total + math.exp(NOTHING)):
            return None
        return examined[rng.choices(range(len(examined)), wanted.tolist())[0]]

    def ignored(self, context: Context, items: Sequence[int]) -> None:
        """Each ignored exposure bores a little more; what there was has recovered meanwhile."""
        for item in items:
            _add(context.boredom.items, item, context.at, ITEM_RECOVERS_S)
            _add(context.boredom.kinds, int(self.kind[item]), context.at, KIND_RECOVERS_S)


@lru_cache(maxsize=64)
def _in_fashion(seed: int, turn: int) -> int:
    return random.Random(f"{seed} fashion {turn}").randrange(len(kinds()))


def _add(levels: dict[int, tuple[float, float]], key: int, at: float, recovers_s: float) -> None:
    level, since = levels.get(key, (0.0, at))
    levels[key] = (1.0 + level * math.exp((since - at) / recovers_s), at)


def _drawn(rng: random.Random, utilities: Vector) -> int:
    """An index, by multinomial logit."""
    odds = np.exp(utilities - utilities.max()).cumsum()
    return int(np.searchsorted(odds, rng.random() * odds[-1], side="right"))
