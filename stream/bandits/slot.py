"""One slot while it learns: for each arm what became of it, once without and once with what was known of the visitor.

A view is a trial that has earned nothing; what comes of it later adds its reward, discounted as its trial is by then.
So nothing waits, and what is learnt does not depend on how late a click comes: sufficient statistics only add. The past
is discounted by views of the whole slot, so that an arm that is not shown becomes uncertain, and is tried again.

References
----------
Raj, V. and Kalyani, S. (2017). Taming non-stationary bandits: a Bayesian approach.
"""

from __future__ import annotations

from contextlib import suppress

from msgspec import Struct, field
from msgspec.structs import astuple

from stream.bandits.features import CONTEXT, SCALES, Vector, admits
from stream.bandits.published import Published
from stream.bandits.regression import DiscountedRegression
from stream.bandits.shadow import Estimate
from stream.published import ModelRefusedError

DISCOUNT = 0.999
"""Of what was learnt, kept at each view of the slot: half of it is forgotten after 693."""
NOISE = 32.0
"""Precision of a reward around its mean: 1 / (p (1 - p)) of one that comes in 3 % of trials.

Where more is clicked this explores less than a posterior would (as deviations of a half do at 15 %), which earned more
in all trials (`DESIGN.md`)."""
ARMS = 64
"""Arms of a slot of which anything is remembered; whose last view is longest ago goes."""


class Counts(Struct, array_like=True, gc=False):
    """Everything that ever happened to an arm: of budgets, never discounted."""

    views: int = 0
    clicks: int = 0
    dismissals: int = 0
    conversions: int = 0


class Arm(Struct, array_like=True):
    """One arm as of the slot's view `at`: discounted rewards, trials without one, and the regression's state."""

    at: int = 0
    hits: float = 0.0
    misses: float = 0.0
    precision: bytes = b""
    natural: bytes = b""
    counts: Counts = field(default_factory=Counts)


class Slot(Struct):
    """A slot's arms and counts.

    `views`: trials so far; `learnt`: trials and rewards, the version; `refused` contexts could not be learnt;
    `at`: the newest trial or reward (ms). `shadows`: by policy, what it would have earned where others chose.
    """

    views: int = 0
    learnt: int = 0
    refused: int = 0
    at: int = 0
    arms: dict[str, Arm] = field(default_factory=dict)
    shadows: dict[str, Estimate] = field(default_factory=dict)

    def trial(self, arm_id: str, context: Vector, at: int) -> int:
        """An arm was seen; the number of the view."""
        self.views += 1
        self._learnt(at)
        arm = self.arms.pop(arm_id, None) or Arm(at=self.views)
        self.arms[arm_id] = arm  # seen last, at the end
        while len(self.arms) > ARMS:
            del self.arms[next(iter(self.arms))]
        factor = DISCOUNT ** (self.views - arm.at)
        arm.at = self.views
        arm.hits *= factor
        arm.misses = arm.misses * factor + 1.0
        arm.counts.views += 1
        regression = regression_of(arm, factor)
        if admits(context):
            regression.trial(SCALES * context)
        else:
            self.refused += 1
        arm.precision, arm.natural = regression.state()
        return self.views

    def reward(self, arm_id: str, context: Vector, view: int, at: int) -> None:
        """The trial at the slot's `view` has earned its reward, once."""
        arm = self.arms.get(arm_id)
        if arm is None:
            return
        self._learnt(at)
        amount = DISCOUNT ** (arm.at - view)
        arm.hits += amount
        arm.misses = max(arm.misses - amount, 0.0)
        if admits(context):
            regression = regression_of(arm)
            regression.reward(SCALES * context, amount)
            arm.precision, arm.natural = regression.state()

    def _learnt(self, at: int) -> None:
        self.learnt += 1
        self.at = max(self.at, at)


def regression_of(arm: Arm, factor: float = 1.0) -> DiscountedRegression:
    """What an arm has learnt, discounted by `factor`; from nothing where this release cannot use it."""
    made = DiscountedRegression(NOISE)
    if arm.precision:
        with suppress(ModelRefusedError):
            made.load(arm.precision, arm.natural, factor)
    return made


def published(name: str, slot: Slot) -> Published:
    """A slot as serving reads it, everything discounted as of its newest view."""
    factors = [DISCOUNT ** (slot.views - arm.at) for arm in slot.arms.values()]
    learnt = [regression_of(arm, by).moments() for arm, by in zip(slot.arms.values(), factors, strict=True)]
    return Published(
        slot=name,
        version=slot.learnt,
        at=slot.at,
        views=slot.views,
        features=list(CONTEXT),
        arms=list(slot.arms),
        hits=[arm.hits * by for arm, by in zip(slot.arms.values(), factors, strict=True)],
        misses=[arm.misses * by for arm, by in zip(slot.arms.values(), factors, strict=True)],
        means=b"".join(mean.astype("<f8").tobytes() for mean, _ in learnt),
        covariances=b"".join(covariance.astype("<f8").tobytes() for _, covariance in learnt),
        counts=[astuple(arm.counts) for arm in slot.arms.values()],
        shadows={policy: found for policy, one in slot.shadows.items() if (found := one.verdict()) is not None},
    )
