"""What is the intent model's own: its bounds, its start, its safety net."""

from __future__ import annotations

import math
import random
import statistics
from itertools import chain

import pytest

from stream.features import FEATURE_LIMIT, INTENT_FEATURES
from stream.learners.intent import Intent
from stream.progressive import Progress
from tests.learners.streams import visits

WIDE = len(INTENT_FEATURES)
EXTREMES = ([FEATURE_LIMIT] * WIDE, [0.0] * WIDE, [-FEATURE_LIMIT, FEATURE_LIMIT] * (WIDE // 2) + [0.0] * (WIDE % 2))


def taught(sessions: int = 500) -> Intent:
    model = Intent()
    for features, label in chain.from_iterable(visits(sessions, seed=31)):
        model.learn(features, label)
    return model


def test_it_begins_at_one_buying_session_in_twenty() -> None:
    assert Intent().predict([5.0] * WIDE) == pytest.approx(0.05, abs=0.003)


@pytest.mark.parametrize("label", [True, False])
@pytest.mark.parametrize("features", EXTREMES)
def test_one_example_moves_any_log_odds_by_a_fifth_at_most(features: list[float], label: bool) -> None:
    model = taught()
    for _ in range(30):
        before = model.scorer()
        model.learn(features, label)
        after = model.scorer()
        weights = math.dist(before.weights, after.weights)
        assert weights * after.norm + abs(after.intercept - before.intercept) <= 0.2 + 1e-12


@pytest.mark.parametrize("label", [True, False])
@pytest.mark.parametrize("features", EXTREMES[:2])
def test_a_session_of_extremes_changes_no_prediction_by_a_fifth(features: list[float], label: bool) -> None:
    model = taught()
    typical = [one.features for one in chain.from_iterable(visits(100, seed=32))]
    before = [model.predict(one) for one in typical]
    for _ in range(6):
        model.learn(features, label)
    assert max(abs(model.predict(one) - old) for one, old in zip(typical, before, strict=True)) < 0.2


def test_a_start_near_the_truth_keeps_time_out_of_the_scores() -> None:
    gains = []
    for seed in range(8):
        found = {}
        for intercept in (0.0, -3.0):
            model, progress = Intent(intercept=intercept), Progress()
            for one in visits(400, seed=seed, buyers=0.02):
                for n, (features, label) in enumerate(one):
                    progress.count(model.predict(features), label, begins=n == 0)
                    model.learn(features, label)
            found[intercept] = progress.metrics().auc or 0.0
        gains.append(found[-3.0] - found[0.0])
    assert statistics.mean(gains) > 0.06


def test_a_visitors_day_of_extremes_widens_no_scale_much() -> None:
    model = taught()
    before = model.scorer().deviations
    for _ in range(18):
        model.learn([FEATURE_LIMIT] * WIDE, label=True)
    after = model.scorer().deviations
    floor = FEATURE_LIMIT / 128
    assert all(new <= max(1.15 * old, floor) for old, new in zip(before, after, strict=True))


def test_a_feature_that_never_varied_may_begin_to() -> None:
    model, rng = Intent(("a", "b")), random.Random(1)
    for _ in range(300):
        model.learn([rng.random() * 30, 0.0], rng.random() < 0.5)
    for _ in range(600):
        label = rng.random() < 0.5
        model.learn([rng.random() * 30, 20.0 * label], label)
    assert model.predict([15.0, 20.0]) > 0.75
    assert model.predict([15.0, 0.0]) < 0.25


def test_it_follows_a_shop_that_changes() -> None:
    model, rng = Intent(("a",)), random.Random(2)
    for turned in (False, True):
        for _ in range(1_500):
            high = rng.random() < 0.5
            model.learn([40.0 if high else 10.0], (high != turned) if rng.random() < 0.9 else (high == turned))
        assert (model.predict([40.0]) > 0.7) is not turned
        assert (model.predict([10.0]) > 0.7) is turned


def test_a_step_beyond_all_numbers_is_taken_back() -> None:
    model = Intent(learning_rate=1e308, intercept_learning_rate=1e308)
    before = model.state()
    refused = 0
    for features, label in chain.from_iterable(visits(50, seed=3)):
        known = model.state()
        if not model.learn(features, label):
            refused += 1
            assert model.state() == known
    assert refused > 10
    assert model.state() != before
    assert all(math.isfinite(weight) for weight in model.scorer().weights)
