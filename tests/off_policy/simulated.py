"""Logging with known truth: shelves of five items that are shuffled now and then, and clicks by item and position."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from serving.off_policy.estimate import Shown, Slots

PLACES = 5
EXAMINED = np.array([0.9, 0.6, 0.45, 0.3, 0.2])
ATTRACTIVE = np.array([[0.5, 0.35, 0.2, 0.12, 0.06], [0.08, 0.15, 0.3, 0.3, 0.4]])
"""By type of visitor and item; a visitor's own appetite, uniform in [0, 1], multiplies it."""
RECOMMENDERS = np.array([0, 0, 1, 1, 1])
SHELVES = 3

Order = NDArray[np.int64]


class Logging(NamedTuple):
    """A policy that shows each type its `order`, and shuffles it with probability `shuffled`."""

    order: Order
    shuffled: float

    def probability(self, kind: Order, item: Order, place: Order) -> NDArray[np.float64]:
        """That the item stands at that place."""
        usual = self.order[kind, place] == item
        found: NDArray[np.float64] = usual * (1.0 - self.shuffled) + self.shuffled / PLACES
        return found

    def worth(self) -> float:
        """The clicks a shelf that it truly earns."""
        kinds, places = np.indices((2, PLACES))
        found = 0.0
        for item in range(PLACES):
            chance = self.probability(kinds, np.full_like(kinds, item), places)
            found += float((chance * EXAMINED * ATTRACTIVE[:, [item]]).sum()) / 2
        return found / 2  # the mean appetite


LIVE = Logging(np.tile(np.arange(PLACES), (2, 1)), 0.6)
BETTER = Logging(np.array([[0, 1, 2, 3, 4], [4, 3, 2, 1, 0]]), 0.1)


def simulated(
    logging: Logging, target: Logging, *, visitors: int, seed: int, factor: float = 1.0
) -> tuple[Slots, Shown]:
    """A log of `logging`, and what `target` would show; the log says `factor` times the true randomness."""
    rng = np.random.default_rng(seed)
    kind, appetite = rng.integers(0, 2, visitors), rng.random(visitors)
    visitor = np.repeat(np.arange(visitors), SHELVES)
    order = logging.order[kind[visitor]]
    shuffle = rng.random(len(visitor)) < logging.shuffled
    order[shuffle] = rng.permuted(order[shuffle], axis=1)
    item, place = order.ravel(), np.tile(np.arange(PLACES), len(visitor))
    visitor = np.repeat(visitor, PLACES)
    chance = EXAMINED[place] * ATTRACTIVE[kind[visitor], item] * appetite[visitor]
    reward = (rng.random(len(item)) < chance).astype(np.float64)
    told = Logging(logging.order, logging.shuffled * factor)
    propensity = told.probability(kind[visitor], item, place)
    slots = Slots(
        visitor, place * 2 + RECOMMENDERS[item], reward, propensity, np.arange(PLACES * 2) // 2,
        np.full(visitors, float(SHELVES)), PLACES,
    )  # fmt: skip
    return slots, _shown(target, kind[visitor], item, place)


def _shown(target: Logging, kind: Order, item: Order, place: Order) -> Shown:
    every = np.tile(np.arange(PLACES), (len(item), 1))
    mix = target.probability(kind[:, None], every, place[:, None])
    cells = place[:, None] * 2 + RECOMMENDERS[every]
    places = np.tile(np.arange(len(item))[:, None], PLACES)
    return Shown(target.probability(kind, item, place), places.ravel(), cells.ravel(), mix.ravel())
