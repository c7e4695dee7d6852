"""Which of the creatives that may stand in a slot does: a policy gives each its probability, a draw decides.

The draw is a hash of the visitor's pseudonym, their newest event and the slot: as long as nothing happened, nothing
changes, and the probability on record is the one by which it was drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from serving.exploration import draw

Context = NDArray[np.float64]
NOTHING: Context = np.zeros(0)


class Policy(Protocol):
    """Chooses among arms; `version` is that of what it has learnt, 0 where that is nothing."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> int: ...

    def probabilities(self, arms: Sequence[str], context: Context) -> NDArray[np.float64]:
        """One for each arm; they sum to 1, and each is at least the slot's share of exploration."""


class Policies(Protocol):
    """The policies of all slots."""

    def of(self, slot: str) -> Policy:
        """The policy that chooses in a slot."""


class Uniform:
    """Each arm as often as any other: what there is before anything was learnt."""

    name, version = "uniform", 0

    def probabilities(self, arms: Sequence[str], context: Context) -> NDArray[np.float64]:
        """The same for each."""
        return np.full(len(arms), 1 / len(arms))


class AllUniform:
    """`Uniform` in every slot."""

    def __init__(self) -> None:
        self._policy = Uniform()

    def of(self, slot: str) -> Policy:
        return self._policy


def drawn(probabilities: NDArray[np.float64], pid: str, event_id: str, slot: str) -> int:
    """Which one a visitor after their newest event draws in a slot."""
    where = draw(pid, event_id, slot).whether * probabilities.sum()
    found = int(np.searchsorted(np.cumsum(probabilities), where, side="right"))
    return min(found, len(probabilities) - 1)
