"""Which of the creatives that may stand in a slot does: a policy gives each its probability, a draw decides.

The draw is a hash of the visitor's pseudonym, their newest event and the slot: as long as nothing happened, nothing
changes, and the probability on record is the one by which it was drawn.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from serving.exploration import draw
from stream.bandits.features import Vector
from stream.bandits.policies import Policy, Uniform

NOTHING: Vector = np.zeros(0)


class Chosen(NamedTuple):
    """The policy by which a slot's arm is drawn, and one that is only asked beside it."""

    policy: Policy
    shadow: Policy | None = None


UNIFORM = Chosen(Uniform())
"""What there is before anything was learnt."""


class Policies(Protocol):
    """The policies of all slots."""

    def of(self, slot: str) -> Chosen:
        """Those of a slot."""


def drawn(probabilities: Vector, pid: str, event_id: str, slot: str) -> int:
    """Which one a visitor after their newest event draws in a slot."""
    where = draw(pid, event_id, slot).whether * probabilities.sum()
    found = int(np.searchsorted(np.cumsum(probabilities), where, side="right"))
    return min(found, len(probabilities) - 1)
