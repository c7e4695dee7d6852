"""Estimates against a known truth."""

from __future__ import annotations

import numpy as np
import pytest

from serving.off_policy.estimate import LEAST_ESS_DR, Shown, Slots, estimate
from tests.off_policy.choices import COMMON, RARE, Setting, simulated_choices
from tests.off_policy.coverage import Found, covered
from tests.off_policy.simulated import BETTER, LIVE, PLACES, Logging, simulated

LIKE_LIVE = Logging(LIVE.order, 0.3)
SEEDS = 200


def hold(found: list[Found], logs: int) -> None:
    """All three answered; coverage and bias are within 3 standard deviations of what so many logs can tell."""
    assert [one.estimator for one in found] == ["ips", "snips", "dr"]
    slack = 3 * (0.05 * 0.95 / logs) ** 0.5
    for one in found:
        assert one.logs > 0.98 * logs
        assert 0.93 - slack <= one.held["score"] <= min(0.97 + slack, 1 - 1 / logs), one
        assert abs(one.bias_in_errors) <= 3, one


@pytest.mark.parametrize("target", [BETTER, LIKE_LIVE])
def test_intervals_hold_the_true_value_of_another_order_in_95_of_100_logs(target: Logging) -> None:
    logs = (simulated(LIVE, target, visitors=500, seed=seed) for seed in range(SEEDS))
    hold(covered(logs, target.worth(), ["score"]), SEEDS)


@pytest.mark.parametrize("setting", [COMMON, RARE])
def test_intervals_hold_the_true_value_of_another_choice_be_clicks_common_or_rare(setting: Setting) -> None:
    logs = (simulated_choices(setting, seed) for seed in range(SEEDS))
    hold(covered(logs, setting.truth, ["score"]), SEEDS)


def test_intervals_of_what_was_seen_alone_would_hold_too_seldom_where_clicks_are_rare() -> None:
    logs = (simulated_choices(RARE, seed) for seed in range(SEEDS))
    assert all(one.held["normal"] < 0.93 for one in covered(logs, RARE.truth, ["score", "normal"]))


def test_nothing_clicked_is_zero_with_room_above() -> None:
    slots, shown = simulated_choices(COMMON, 1)
    found = estimate(slots._replace(reward=np.zeros(len(slots.reward))), shown)
    for value in (found.ips, found.snips):
        assert value is not None
        low, high = value.interval
        assert (value.value, low) == (0.0, 0.0)
        assert 1 / found.ess < high < 6 / found.ess


def test_everything_clicked_is_one_with_room_below() -> None:
    slots, shown = simulated_choices(COMMON, 1)
    found = estimate(slots._replace(reward=np.ones(len(slots.reward))), shown).snips
    assert found is not None
    assert found.value == pytest.approx(1.0)
    assert 1 - 6 / 600 < found.interval[0] < found.interval[1] <= 1


def test_a_policy_is_not_above_itself_and_a_better_one_is_by_the_truth() -> None:
    slots, shown = simulated(LIVE, BETTER, visitors=2_000, seed=1)
    better, logged = (estimate(slots, one) for one in (shown, shown._replace(at=slots.propensity)))
    assert better.snips is not None
    assert logged.snips is not None
    assert logged.snips.above(logged.snips) == (0.0, (0.0, 0.0))
    low, high = better.snips.above(logged.snips)[1]
    assert 0 < low < BETTER.worth() - LIVE.worth() < high


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


def test_visitors_are_what_is_independent_not_their_shelves() -> None:
    slots, shown = simulated(LIVE, LIVE, visitors=400, seed=9)
    alone = _of_their_own(slots)
    together, apart = (estimate(one, shown).snips for one in (slots, alone))
    assert together is not None
    assert apart is not None
    assert together.seen > 1.05 * apart.seen


def _of_their_own(slots: Slots) -> Slots:
    """The same log, each shelf another visitor's."""
    shelf = np.arange(len(slots.visitor)) // PLACES
    return slots._replace(visitor=shelf, shelves=np.ones(shelf[-1] + 1))


def test_a_policy_that_shows_nothing_of_the_log_is_no_crash() -> None:
    slots, shown = simulated(LIVE, LIVE, visitors=100, seed=10)
    nothing = Shown(np.zeros(len(shown.at)), shown.place, shown.cell, shown.probability)
    assert estimate(slots, nothing).reason
