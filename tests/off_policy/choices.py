"""Single-choice logging with known truth: one of five creatives a decision, by the kind of visitor."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from serving.off_policy.estimate import Shown, Slots
from serving.off_policy.interval import Floats

KINDS, ARMS, DECISIONS = 6, 5, 2
_TASTE = np.random.default_rng(99).normal(0.0, 1.0, (2, KINDS, ARMS))


class Setting(NamedTuple):
    """How often creatives are clicked (before taste, which is contextual), and by how many `visitors`."""

    name: str
    rate: float
    visitors: int

    @property
    def rates(self) -> Floats:
        """[kind, arm]; a visitor's own appetite, uniform in [0, 2], multiplies it."""
        found: Floats = self.rate * np.exp(0.5 * _TASTE[0])
        return found

    @property
    def target(self) -> Floats:
        """[kind, arm]: what the other policy would show, mostly each kind's favourites."""
        return _mixed(np.exp(2.0 * _TASTE[0]))

    @property
    def truth(self) -> float:
        return float((self.target * self.rates).sum() / KINDS)


LOGGING = np.exp(1.2 * _TASTE[1])
COMMON, RARE = Setting("common", 0.15, 1_000), Setting("rare", 0.0035, 2_500)
"""17 % and 0.4 % of the log's decisions are clicked, 341 and 20."""


def _mixed(weight: Floats) -> Floats:
    """Probabilities in proportion to `weight`, each arm with at least a fiftieth."""
    found: Floats = 0.9 * weight / weight.sum(axis=1, keepdims=True) + 0.1 / ARMS
    return found


def simulated_choices(setting: Setting, seed: int) -> tuple[Slots, Shown]:
    """A log, and what the setting's other policy would show."""
    rng = np.random.default_rng(seed)
    kind, appetite = rng.integers(0, KINDS, setting.visitors), 2.0 * rng.random(setting.visitors)
    visitor = np.repeat(np.arange(setting.visitors), DECISIONS)
    of = kind[visitor]
    logging = _mixed(LOGGING)
    arm = np.minimum((rng.random(len(of))[:, None] > logging.cumsum(axis=1)[of]).sum(axis=1), ARMS - 1)
    reward = (rng.random(len(of)) < setting.rates[of, arm] * appetite[visitor]).astype(np.float64)
    shelves = np.full(setting.visitors, float(DECISIONS))
    slots = Slots(visitor, arm, reward, logging[of, arm], np.zeros(ARMS, np.int64), shelves, 1)
    place, cell = np.indices((len(of), ARMS))
    return slots, Shown(setting.target[of, arm], place.ravel(), cell.ravel(), setting.target[of].ravel())
