"""What a policy would have earned where another one chose: an estimate that goes on with every view.

Self-normalised inverse propensity scores, with the interval of the delta method; rewards are 0 or 1 and come after
their views, so all is sums.

References
----------
Swaminathan, A. and Joachims, T. (2015). The self-normalized estimator for counterfactual learning. NeurIPS.
"""

from __future__ import annotations

import math

from msgspec import Struct

_Z = 1.959963984540054
LARGEST_WEIGHT = 50.0
"""A view counts at most so many times: a policy that hardly ever shows what the other one shows is not judged by it."""


class Estimate(Struct, array_like=True, gc=False):
    """Sums over views: of rewards, of weights and their squares, and both of these where there was a reward."""

    views: int = 0
    rewards: int = 0
    weights: float = 0.0
    squares: float = 0.0
    rewarded: float = 0.0
    rewarded_squares: float = 0.0

    def trial(self, weight: float) -> None:
        """A view whose arm the policy would have shown `weight` times as often."""
        self.views += 1
        self.weights += weight
        self.squares += weight * weight

    def reward(self, weight: float) -> None:
        """What came of such a view."""
        self.rewards += 1
        self.rewarded += weight
        self.rewarded_squares += weight * weight

    def verdict(self) -> Verdict | None:
        """The estimate with its interval; None before anything was seen that the policy might have shown."""
        if not self.weights:
            return None
        earned, would = self.rewards / self.views, self.rewarded / self.weights
        mean_weight = self.weights / self.views
        spread = self.rewarded_squares * (1 - 2 * would) + would * would * self.squares
        own = spread / mean_weight**2
        both = (self.rewarded - would * self.rewarded - earned * (self.rewarded - would * self.weights)) / mean_weight
        logged = self.views * earned * (1 - earned)
        return Verdict(
            views=self.views,
            effective_views=self.weights**2 / self.squares,
            earned=earned,
            would_earn=would,
            would_earn_error=_Z * math.sqrt(max(own, 0.0)) / self.views,
            gain=would - earned,
            gain_error=_Z * math.sqrt(max(own - 2 * both + logged, 0.0)) / self.views,
        )


class Verdict(Struct, frozen=True):
    """Rewards a view: `earned` by what was shown, and what the policy `would_earn`; errors are 95 % half-widths."""

    views: int
    effective_views: float
    earned: float
    would_earn: float
    would_earn_error: float
    gain: float
    gain_error: float


def weight(mine: float, theirs: float) -> float:
    """How many times as often one policy shows an arm as the other, bounded."""
    return min(mine / theirs, LARGEST_WEIGHT)
