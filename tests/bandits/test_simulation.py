"""Where the truth is known: less regret than without a context, and a change of taste is followed.

`python -m tests.bandits` is the same at length.
"""

from __future__ import annotations

import numpy as np
import pytest

from stream.bandits.features import Vector
from tests.bandits.simulated import POLICIES, run

SEEDS, VIEWS, BLOCK = 2, 6_000, 1_000
OTHERS = ("thompson", "epsilon-greedy, 0.1")


@pytest.fixture(scope="module")
def regrets() -> dict[str, Vector]:
    return {
        name: np.array([run(POLICIES[name], VIEWS, seed) for seed in range(SEEDS)]) for name in ("contextual", *OTHERS)
    }


@pytest.mark.parametrize("other", OTHERS)
def test_a_context_earns_more(regrets: dict[str, Vector], other: str) -> None:
    assert (regrets["contextual"].sum(axis=1) < 0.8 * regrets[other].sum(axis=1)).all()


def test_a_change_of_taste_is_made_up_for_within_2000_views(regrets: dict[str, Vector]) -> None:
    found, half = regrets["contextual"].mean(axis=0), VIEWS // 2
    before, shock = found[half - BLOCK : half].mean(), found[half : half + 100].mean()
    after = found[half + 2 * BLOCK : half + 3 * BLOCK].mean()
    assert shock > 2 * before
    assert shock - after > 0.85 * (shock - before)
