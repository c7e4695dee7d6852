"""How a slot's arm is chosen: three policies that say with which probability each arm is shown, scored by numpy.

By Thompson sampling an arm is shown as often as it is the best one according to what is known. The probabilities are
frequencies over a fixed number of draws from a generator seeded by the slot, mixed with a minimum share for each arm:
whoever draws an arm from exactly these logs an exact propensity, and where nothing was learnt nothing changes.

References
----------
Chapelle, O. and Li, L. (2011). An empirical evaluation of Thompson sampling. NeurIPS.
Agrawal, S. and Goyal, N. (2013). Thompson sampling for contextual bandits with linear payoffs. ICML.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from stream.bandits.features import SCALES, Vector
from stream.bandits.published import Published, moments

DRAWS = 512
REMEMBERED = 256
PRIOR = (1.0, 1.0)
"""Of an arm's rate before it was seen: a Beta distribution's two parameters."""


class Policy(Protocol):
    """What a slot's banner is chosen by; `version` says of which state of learning it is."""

    @property
    def name(self) -> str:
        """What it is called in the log."""

    @property
    def version(self) -> int:
        """Which one."""

    def probabilities(self, arms: Sequence[str], context: Vector) -> Vector:
        """For each of at least one arm the probability that it is shown; they add up to 1."""


class Uniform:
    """Every arm as often as any other."""

    name = "uniform"
    version = 0

    def probabilities(self, arms: Sequence[str], context: Vector) -> Vector:
        return np.full(len(arms), 1.0 / len(arms))


class Thompson:
    """Thompson sampling on discounted Beta counts, whoever the visitor is.

    Parameters
    ----------
    published: what was learnt of the slot.
    least: the smallest share of views that any arm gets; where there are too many arms for it, all get the same.
    """

    name = "thompson"

    def __init__(self, published: Published, least: float) -> None:
        self.version, self._least = published.version, least
        self._counts = {
            arm: (PRIOR[0] + hits, PRIOR[1] + misses)
            for arm, hits, misses in zip(published.arms, published.hits, published.misses, strict=True)
        }
        self._seed = crc32(published.slot.encode())
        self._known: dict[tuple[str, ...], Vector] = {}

    def probabilities(self, arms: Sequence[str], context: Vector) -> Vector:
        key = tuple(arms)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            found = self._known[key] = shared(self._drawn(key), self._least)
        return found

    def _drawn(self, arms: tuple[str, ...]) -> Vector:
        alphas, betas = np.array([self._counts.get(arm, PRIOR) for arm in arms]).T
        return np.random.default_rng(self._seed).beta(alphas, betas, (DRAWS, len(arms)))


class Contextual:
    """Thompson sampling on each arm's discounted Bayesian linear regression over the context.

    Parameters as for `Thompson`.
    """

    name = "contextual"

    def __init__(self, published: Published, least: float) -> None:
        self.version, self._least = published.version, least
        self._places = {arm: place for place, arm in enumerate(published.arms)}
        means, covariances = moments(published)
        unknown = len(means)  # the place of all arms that nobody has seen
        self._means = np.vstack((means, np.zeros(len(SCALES))))
        self._covariances = np.concatenate((covariances, np.eye(len(SCALES))[None]))
        self._unknown, self._seed = unknown, crc32(published.slot.encode())

    def probabilities(self, arms: Sequence[str], context: Vector) -> Vector:
        means, deviations = self.scores(arms, context)
        return shared(means + deviations * _normal(self._seed, len(arms)), self._least)

    def scores(self, arms: Sequence[str], context: Vector) -> tuple[Vector, Vector]:
        """Each arm's expected reward, and how uncertain it is (one standard deviation)."""
        places = [self._places.get(arm, self._unknown) for arm in arms]
        x = SCALES * context
        variances = (self._covariances[places] @ x) @ x
        return self._means[places] @ x, np.sqrt(np.maximum(variances, 0.0))


def shared(drawn: NDArray[np.float64], least: float) -> Vector:
    """How often each arm is the best of draws [draws, arms], where each gets at least its share."""
    draws, arms = drawn.shape
    share = min(least, 1.0 / arms)
    won = np.bincount(drawn.argmax(axis=1), minlength=arms) / draws
    found: Vector = share + (1.0 - share * arms) * won
    return found


@lru_cache(maxsize=1_024)
def _normal(seed: int, arms: int) -> Vector:
    """Standard normal draws [draws, arms], always the same."""
    return np.random.default_rng(seed).standard_normal((DRAWS, arms))
