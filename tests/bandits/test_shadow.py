"""What a policy would have earned where another chose, against what it does earn."""

from __future__ import annotations

import numpy as np

from stream.bandits.shadow import LARGEST_WEIGHT, Estimate, Verdict, weight

RATES = np.array([0.3, 0.1, 0.05])
MINE, THEIRS = np.array([0.8, 0.1, 0.1]), np.array([0.2, 0.3, 0.5])
TRUTH = float(MINE @ RATES)


def logged(views: int, seed: int) -> Verdict:
    rng, found, late = np.random.default_rng(seed), Estimate(), []
    for _ in range(views):
        arm = int(rng.choice(3, p=THEIRS))
        found.trial(weight(MINE[arm], THEIRS[arm]))
        if rng.random() < RATES[arm]:
            late.append(weight(MINE[arm], THEIRS[arm]))
    for one in late:
        found.reward(one)
    verdict = found.verdict()
    assert verdict is not None
    return verdict


def test_its_interval_holds_the_truth_as_often_as_it_says() -> None:
    verdicts = [logged(1_500, seed) for seed in range(200)]
    held = np.mean([abs(one.would_earn - TRUTH) <= one.would_earn_error for one in verdicts])
    gained = np.mean([abs(one.gain - (TRUTH - THEIRS @ RATES)) <= one.gain_error for one in verdicts])
    assert 0.9 <= held <= 0.99
    assert 0.9 <= gained <= 0.99


def test_a_better_policy_is_known_for_one_before_it_is_live() -> None:
    found = logged(1_500, 1)
    assert found.gain - found.gain_error > 0
    assert found.effective_views < found.views


def test_the_policy_that_chose_gains_nothing_and_loses_nothing() -> None:
    found = Estimate()
    for n in range(100):
        found.trial(1.0)
        if n % 4 == 0:
            found.reward(1.0)
    verdict = found.verdict()
    assert verdict is not None
    assert (verdict.would_earn, verdict.gain, verdict.gain_error) == (0.25, 0.0, 0.0)
    assert verdict.effective_views == 100


def test_nothing_is_said_of_what_nobody_saw() -> None:
    assert Estimate().verdict() is None
    assert weight(1.0, 0.001) == LARGEST_WEIGHT
