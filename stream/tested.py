"""Progressive validation of a model of choices (test, then learn), and the watch that brings a good version back.

Shelves are counted by placement over the last one or two windows, as `stream.progressive` counts scores. Beside it
every choice is scored by the last good version, which learns no more. How much worse the learning model does on the
same choices is summed up, with an allowance and never below nothing (Page's CUSUM on the paired difference of log
losses): a sum beyond `ALARM` says that learning has gone wrong, not that shoppers have changed, as that hits both.

One choice adds at most `MOST - ALLOWED` to the sum, so at least `ALARM / (MOST - ALLOWED)` of them (27) make an alarm.

References
----------
Page, E. S. (1954). Continuous inspection schemes. Biometrika 41.
Gama, J., Sebastião, R. and Rodrigues, P. P. (2013). On evaluating stream learning algorithms. Machine Learning 90.
"""

from __future__ import annotations

import math

import numpy as np
from msgspec import Struct, field
from msgspec.structs import astuple

from stream.choice import Choice, Nested, Scored, score
from stream.progressive import LEAST_PROBABILITY, Metrics, Shelves, entropy
from stream.published import Sealed

WINDOW = 2_000
PLACEMENTS = 64
ALLOWED = 0.05
"""Nats a choice by which a model that learns may do worse than one that does not."""
MOST = 1.0
ALARM = 25.0
CALM = 1.0
"""Below this sum a new version counts as good."""


class Sums(Struct, array_like=True):
    """Sums over one stretch of a placement's shelves, as `Shelves` has means; `sizes`: of log numbers of items."""

    examples: int = 0
    chosen: int = 0
    first: int = 0
    reciprocal: float = 0.0
    shown_first: int = 0
    shown_reciprocal: float = 0.0
    log_loss: float = 0.0
    sizes: float = 0.0

    def plus(self, other: Sums) -> Sums:
        """Both together."""
        return Sums(*[sum(pair) for pair in zip(astuple(self), astuple(other), strict=True)])

    def shelves(self) -> Shelves:
        """As means; of at least one example."""
        n, chosen = self.examples, self.chosen
        return Shelves(
            examples=n,
            chosen=chosen,
            first=self.first / chosen if chosen else None,
            mrr=self.reciprocal / chosen if chosen else None,
            shown_first=self.shown_first / chosen if chosen else None,
            shown_mrr=self.shown_reciprocal / chosen if chosen else None,
            log_loss=self.log_loss / n,
            base_log_loss=entropy(chosen / n) + self.sizes / n,
        )


class Tested(Struct, array_like=True):
    """A model's running validation, `now` and `before` by placement; and the watch over its last good version.

    `worse` is the sum of by how much the model did worse than `good` on the choices since then, `since` how many.
    """

    now: dict[str, Sums] = field(default_factory=dict)
    before: dict[str, Sums] = field(default_factory=dict)
    good: Sealed | None = None
    worse: float = 0.0
    since: int = 0
    reverted: int = 0

    def count(self, placement: str, choice: Choice, scored: Scored) -> float:
        """Take one prediction and what came true; the log loss."""
        sums = self.now.get(placement)
        if sums is None:
            if len(self.now) >= PLACEMENTS:
                return log_loss(choice, scored)
            sums = self.now[placement] = Sums()
        elif sums.examples >= WINDOW:
            self.before[placement] = sums
            sums = self.now[placement] = Sums()
        loss = log_loss(choice, scored)
        sums.examples += 1
        sums.log_loss += loss
        if choice.chosen >= 0:
            _count_choice(sums, choice, scored)
        return loss

    def compare(self, loss: float, good_loss: float) -> bool:
        """Take a choice's log losses by the model and by the good version; whether learning has gone wrong."""
        self.since += 1
        self.worse = max(0.0, self.worse + min(max(loss - good_loss, -MOST), MOST) - ALLOWED)
        return self.worse > ALARM

    def trust(self, sealed: Sealed) -> None:
        """From now on this version is the good one."""
        self.good, self.worse, self.since = sealed, 0.0, 0

    def begin_anew(self) -> None:
        """Another model is validated from now on."""
        self.now, self.before = {}, {}

    def metrics(self) -> Metrics:
        """Quality over the window before and the running one, in all and by placement."""
        placed = {name: self.before.get(name, Sums()).plus(sums) for name, sums in sorted(self.now.items())}
        total = Sums()
        for sums in placed.values():
            total = total.plus(sums)
        if not total.examples:
            return Metrics()
        whole = total.shelves()
        return Metrics(
            whole.examples,
            whole.chosen,
            log_loss=whole.log_loss,
            base_log_loss=whole.base_log_loss,
            placements={name: sums.shelves() for name, sums in placed.items()},
        )


def log_loss(choice: Choice, scored: Scored) -> float:
    """Of what came true, in nats."""
    if choice.chosen < 0:
        probability = 1.0 - scored.any_probability
    else:
        probability = float(scored.probabilities()[choice.chosen])
    return -math.log(min(max(probability, LEAST_PROBABILITY), 1.0))


def loss_by(scorer: Nested, choice: Choice) -> float:
    """The log loss of a version that learns no more."""
    return log_loss(choice, score(scorer, choice.features))


def _count_choice(sums: Sums, choice: Choice, scored: Scored) -> None:
    place = place_of(choice.chosen, scored)
    sums.chosen += 1
    sums.first += place == 0
    sums.reciprocal += 1 / (place + 1)
    sums.shown_first += choice.chosen == 0
    sums.shown_reciprocal += 1 / (choice.chosen + 1)
    sums.sizes += math.log(len(scored.utilities))


def place_of(chosen: int, scored: Scored) -> int:
    """Where the model has the item, from 0; of equal items the one shown first comes first."""
    order = np.argsort(-scored.utilities, kind="stable")
    return int(np.flatnonzero(order == chosen)[0])
