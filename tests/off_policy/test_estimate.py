"""Estimates against a known truth."""

from __future__ import annotations

import numpy as np
import pytest

from serving.off_policy.estimate import LEAST_ESS_DR, Shown, Slots, Value, estimate
from tests.off_policy.simulated import PLACES, Logging, simulated

LIVE = Logging(np.tile(np.arange(PLACES), (2, 1)), 0.6)
BETTER = Logging(np.array([[0, 1, 2, 3, 4], [4, 3, 2, 1, 0]]), 0.1)
LIKE_LIVE = Logging(LIVE.order, 0.3)
SEEDS = 200


def covers(value: Value, truth: float) -> bool:
    low, high = value.interval
    return low <= truth <= high


@pytest.mark.parametrize("target", [BETTER, LIKE_LIVE])
def test_intervals_hold_the_true_value_of_another_policy_in_95_of_100_logs(target: Logging) -> None:
    truth, held = target.worth(), {"snips": 0, "dr": 0}
    off = []
    for seed in range(SEEDS):
        slots, shown = simulated(LIVE, target, visitors=500, seed=seed)
        found = estimate(slots, shown, seed=seed, repeats=200)
        assert found.snips is not None
        assert found.dr is not None
        held["snips"] += covers(found.snips, truth)
        held["dr"] += covers(found.dr, truth)
        off.append((found.snips.value - truth, found.dr.value - truth))
    # 95 of 100 with three standard deviations of what 200 logs can tell
    assert all(0.90 <= count / SEEDS <= 0.995 for count in held.values()), held
    assert np.abs(np.mean(off, axis=0)).max() < 0.02 * truth


def test_the_better_policy_is_seen_to_be_better() -> None:
    slots, shown = simulated(LIVE, BETTER, visitors=2_000, seed=1)
    found = estimate(slots, shown)
    assert found.snips is not None
    assert BETTER.worth() > LIVE.worth()
    logged = slots.reward.sum() / slots.shelves.sum()
    assert found.snips.interval[0] > logged


def test_what_was_logged_is_its_own_mean() -> None:
    slots, shown = simulated(LIVE, LIVE, visitors=300, seed=2)
    found = estimate(slots, shown._replace(at=slots.propensity))
    assert found.snips is not None
    assert found.snips.value == pytest.approx(slots.reward.sum() / slots.shelves.sum())
    assert found.ess == pytest.approx(len(slots.reward))
    assert found.weights.mean == pytest.approx(1.0)


def test_the_effective_sample_shrinks_as_policies_differ_more() -> None:
    steps = [Logging(BETTER.order, shuffled) for shuffled in (0.9, 0.5, 0.2, 0.0)]
    sizes = [estimate(*simulated(LIVE, step, visitors=1_000, seed=3)).ess for step in steps]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < sizes[0] / 2


def test_a_log_without_randomness_cannot_tell_of_another_order_and_says_so() -> None:
    slots, shown = simulated(Logging(LIVE.order, 0.0), Logging(BETTER.order, 0.0), visitors=1_000, seed=4)
    found = estimate(slots, shown)
    assert (found.snips, found.dr) == (None, None)
    assert "nothing in this log was random" in found.reason


def test_a_place_that_the_log_never_fills_so_is_no_support() -> None:
    slots, shown = simulated(LIVE, BETTER, visitors=1_000, seed=5)
    shown = shown._replace(at=np.where(slots.of_stratum == 0, 0.0, shown.at))
    found = estimate(slots, shown)
    assert found.snips is None
    assert "had no chance" in found.reason


@pytest.mark.parametrize("factor", [0.5, 1.6])
def test_propensities_that_are_wrong_are_found_out(factor: float) -> None:
    found = estimate(*simulated(LIVE, Logging(BETTER.order, 0.0), visitors=2_000, seed=6, factor=factor))
    assert found.snips is None
    assert found.reason


def test_too_few_are_no_estimate_and_a_few_more_no_doubly_robust_one() -> None:
    few = estimate(*simulated(LIVE, BETTER, visitors=8, seed=7))
    assert few.snips is None
    assert "Too little" in few.reason
    some = estimate(*simulated(LIVE, BETTER, visitors=50, seed=7))
    assert some.snips is not None
    assert some.dr is None
    assert f"{LEAST_ESS_DR:.0f}" in some.reason_dr


def test_a_weight_that_would_decide_alone_is_clipped_and_reported() -> None:
    slots, shown = simulated(LIVE, LIKE_LIVE, visitors=1_000, seed=8)
    propensity = slots.propensity.copy()
    propensity[0] = 1e-6
    found = estimate(slots._replace(propensity=propensity), shown)
    assert found.weights.clipped == 1
    assert found.weights.clipped_share > 0.5
    assert found.snips is None


def test_visitors_are_resampled_not_their_shelves() -> None:
    slots, shown = simulated(LIVE, LIVE, visitors=400, seed=9)
    alone = _of_their_own(slots)
    together, apart = (estimate(one, shown, repeats=400).snips for one in (slots, alone))
    assert together is not None
    assert apart is not None
    assert together.repeats.std() > 1.05 * apart.repeats.std()


def _of_their_own(slots: Slots) -> Slots:
    """The same log, each shelf another visitor's."""
    shelf = np.arange(len(slots.visitor)) // PLACES
    return slots._replace(visitor=shelf, shelves=np.ones(shelf[-1] + 1))


def test_a_policy_that_shows_nothing_of_the_log_is_no_crash() -> None:
    slots, shown = simulated(LIVE, LIVE, visitors=100, seed=10)
    nothing = Shown(np.zeros(len(shown.at)), shown.place, shown.cell, shown.probability)
    assert estimate(slots, nothing).reason
