"""A shop whose visitors' tastes are known: what policies earn there, and what the best possible one would have.

A visitor is one of four kinds, seen through noise: where the visit is among titles, its categories, the device, the
hour, whether they were here before. What a kind thinks of each banner is a click's log-odds; half-way all change their
minds. Clicks come late, and a policy is published every so many views, as in the system.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

from stream.bandits.features import BUCKETS, CONTEXT, FACTORS, Vector, logged
from stream.bandits.policies import Contextual, Policy, Thompson, Uniform
from stream.bandits.slot import DISCOUNT, Slot, published

KINDS = 4
ARMS = [f"spring/{n}" for n in range(6)]
LEAST = 0.01
PUBLISHED_EVERY = 20
LATE = 30.0
"""Views until a click is known, on average."""
LIKES, PLAIN = -1.2, -3.2
"""Log-odds of a click of who likes a banner (23 %) and of others (4 %)."""


class World(NamedTuple):
    """`tastes` [half, kind, arm]: probabilities of a click of a kind's visitor; `centres` [kind, features]."""

    tastes: Vector
    centres: Vector


def world(seed: int, *, alike: bool = False) -> World:
    """Each kind likes one banner, and after the change another; `alike`: all like the same, whoever they are."""
    rng = np.random.default_rng((1, seed))
    tastes = np.full((2, KINDS, len(ARMS)), PLAIN) + 0.3 * rng.normal(size=(2, KINDS, len(ARMS)))
    before = rng.permutation(len(ARMS))[:KINDS]
    after = np.roll(before, 1)
    for half, liked in enumerate((before, after)):
        tastes[half, np.arange(KINDS), liked] += LIKES - PLAIN
    if alike:
        tastes[:] = tastes[:, :1]
    centres = np.zeros((KINDS, len(CONTEXT)))
    factors = rng.normal(size=(KINDS, FACTORS))
    centres[:, 1 : 1 + FACTORS] = factors / np.linalg.norm(factors, axis=1, keepdims=True)
    centres[np.arange(KINDS), 1 + FACTORS + rng.permutation(BUCKETS)[:KINDS]] = 0.7
    return World(1 / (1 + np.exp(-tastes)), centres)


def visitor(of: World, rng: np.random.Generator) -> tuple[int, Vector]:
    """A visitor's kind and context."""
    kind = int(rng.integers(KINDS))
    context = of.centres[kind].copy()
    context[1 : 1 + FACTORS] += 0.25 * rng.normal(size=FACTORS)
    context[1 + FACTORS : 1 + FACTORS + BUCKETS] += 0.3 * rng.dirichlet(np.full(BUCKETS, 0.5))
    device, hour = rng.random() < 0.6, rng.random() * 2 * np.pi
    rest = [device, not device, np.sin(hour), np.cos(hour), rng.random() < 0.3]
    context[1 + FACTORS + BUCKETS :] = rest
    context[0] = 1.0
    return kind, logged(context)


class Learner(Protocol):
    """Chooses, and is told what came of it, at once for the view and later for the click."""

    def choose(self, context: Vector, rng: np.random.Generator) -> int: ...

    def seen(self, arm: int, context: Vector) -> int: ...

    def clicked(self, arm: int, context: Vector, view: int) -> None: ...


class Live:
    """A policy as the system runs it: learnt by `Slot`, published now and then, its probabilities drawn from."""

    def __init__(self, make: Callable[[Slot], Policy]) -> None:
        self.slot, self._make = Slot(), make
        self._policy: Policy = Uniform()

    def choose(self, context: Vector, rng: np.random.Generator) -> int:
        if self.slot.views % PUBLISHED_EVERY == 0:
            self._policy = self._make(self.slot)
        shares = self._policy.probabilities(ARMS, context)
        return int(np.searchsorted(shares.cumsum(), rng.random() * shares.sum()))

    def seen(self, arm: int, context: Vector) -> int:
        return self.slot.trial(ARMS[arm], context, 0)

    def clicked(self, arm: int, context: Vector, view: int) -> None:
        self.slot.reward(ARMS[arm], context, view, 0)


class Greedy:
    """ε-greedy on discounted rates without a context: the best so far, and now and then any."""

    def __init__(self, epsilon: float) -> None:
        self._epsilon, self._view = epsilon, 0
        self._views, self._clicks = np.zeros(len(ARMS)), np.zeros(len(ARMS))

    def choose(self, context: Vector, rng: np.random.Generator) -> int:
        if rng.random() < self._epsilon or not self._views.any():
            return int(rng.integers(len(ARMS)))
        rates = self._clicks / np.maximum(self._views, 1e-9)
        return int(rates.argmax())

    def seen(self, arm: int, context: Vector) -> int:
        self._view += 1
        self._views *= DISCOUNT
        self._clicks *= DISCOUNT
        self._views[arm] += 1
        return self._view

    def clicked(self, arm: int, context: Vector, view: int) -> None:
        self._clicks[arm] += DISCOUNT ** (self._view - view)


POLICIES: dict[str, Callable[[], Learner]] = {
    "contextual": lambda: Live(lambda slot: Contextual(published("home", slot), LEAST)),
    "thompson": lambda: Live(lambda slot: Thompson(published("home", slot), LEAST)),
    "epsilon-greedy, 0.1": lambda: Greedy(0.1),
    "epsilon-greedy, 0.05": lambda: Greedy(0.05),
    "uniform": lambda: Live(lambda _: Uniform()),
}


def run(make: Callable[[], Learner], views: int, seed: int, *, alike: bool = False) -> Vector:
    """The regret of each view: by how much the best arm for its visitor was likelier to be clicked."""
    of, learner = world(seed, alike=alike), make()
    rng, own = np.random.default_rng((2, seed)), np.random.default_rng((3, seed))
    regret = np.zeros(views)
    waiting: list[tuple[float, int, Vector, int]] = []
    for n in range(views):
        kind, context = visitor(of, rng)
        chances, luck, late = of.tastes[int(2 * n >= views), kind], rng.random(), rng.exponential(LATE)
        arm = learner.choose(context, own)
        regret[n] = chances.max() - chances[arm]
        view = learner.seen(arm, context)
        if luck < chances[arm]:
            waiting.append((n + late, arm, context, view))
        for one in [one for one in waiting if one[0] <= n]:
            waiting.remove(one)
            learner.clicked(*one[1:])
    return regret
