from __future__ import annotations

import math
import random
from itertools import product

import msgspec
import pytest

from stream.progressive import WINDOW, Metrics, Progress, Tally, area


def sigmoid(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))


def counted(scores: list[tuple[float, bool]], *, begins: bool = True) -> Progress:
    progress = Progress()
    for log_odds, label in scores:
        progress.count(sigmoid(log_odds), label, begins=begins)
    return progress


def test_nothing_is_claimed_without_examples() -> None:
    assert Progress().metrics() == Metrics()


def test_no_area_is_claimed_without_both_classes() -> None:
    found = counted([(0.0, False)] * 50).metrics()
    assert (found.examples, found.positives, found.auc, found.auc_low) == (50, 0, None, None)
    assert found.log_loss == pytest.approx(math.log(2))


def test_the_area_is_the_share_of_pairs_in_order() -> None:
    rng = random.Random(1)
    scores = [(round(rng.gauss(label, 1), 1) + 0.05, bool(label)) for label in rng.choices((0, 1), (5, 1), k=400)]
    hits = [one for one, label in scores if label]
    misses = [one for one, label in scores if not label]
    wins = sum((a > b) + (a == b) / 2 for a, b in product(hits, misses))
    assert counted(scores).metrics().auc == pytest.approx(wins / (len(hits) * len(misses)), abs=2e-3)


def test_few_examples_that_agree_perfectly_prove_little() -> None:
    few = counted([(2.0, True)] * 3 + [(-2.0, False)] * 3).metrics()
    many = counted([(2.0, True)] * 300 + [(-2.0, False)] * 300).metrics()
    assert few.auc == many.auc == 1.0
    assert few.auc_high == many.auc_high == 1.0
    assert few.auc_low is not None
    assert many.auc_low is not None
    assert few.auc_low < 0.6
    assert many.auc_low > 0.95


@pytest.mark.parametrize(("shift", "alike"), [(0.0, 0.9), (1.0, 0.9), (1.0, 0.0)])
def test_the_interval_holds_the_truth_though_a_sessions_examples_are_alike(shift: float, alike: float) -> None:
    truth = (1 + math.erf(shift / 2)) / 2
    assert sum(_holds(truth, shift, alike, seed) for seed in range(200)) >= 184  # 95 % of 200, less two standard errors


def _holds(truth: float, shift: float, alike: float, seed: int) -> bool:
    rng, progress = random.Random(seed), Progress()
    for _ in range(150):
        label, shared = rng.random() < 0.2, rng.gauss(0, 1)
        for n in range(rng.randint(1, 6)):
            score = alike**0.5 * shared + (1 - alike) ** 0.5 * rng.gauss(0, 1) + shift * label
            progress.count(sigmoid(score - 2), label, begins=n == 0)
    found = progress.metrics()
    assert found.auc_low is not None
    assert found.auc_high is not None
    return found.auc_low <= truth <= found.auc_high


def test_examples_of_one_session_count_as_less_than_as_many_sessions() -> None:
    scores = [(0.5, True)] * 40 + [(-0.5, False)] * 40 + [(0.5, False)] * 10
    apart, together = counted(scores).metrics(), Progress()
    for n, (log_odds, label) in enumerate(scores):
        together.count(sigmoid(log_odds), label, begins=n % 5 == 0)
    found = together.metrics()
    assert found.auc == apart.auc
    assert found.auc_low is not None
    assert apart.auc_low is not None
    assert found.auc_low < apart.auc_low


def test_log_loss_is_the_mean_in_nats_and_certainty_costs_a_finite_amount() -> None:
    progress = Progress()
    progress.count(0.8, label=True)
    progress.count(0.8, label=False)
    found = progress.metrics()
    assert found.log_loss == pytest.approx(-(math.log(0.8) + math.log(0.2)) / 2)
    assert found.base_log_loss == pytest.approx(math.log(2))
    progress.count(1.0, label=False)
    progress.count(0.0, label=True)
    loss = progress.metrics().log_loss
    assert loss is not None
    assert math.isfinite(loss)


def test_old_examples_make_room_in_windows_that_do_not_cut_a_session() -> None:
    progress = Progress()
    for n in range(6 * 1_668):
        progress.count(0.9, label=True, begins=n % 6 == 0)
    for n in range(6):
        progress.count(0.1, label=False, begins=n == 0)
    found = progress.metrics()
    assert WINDOW < found.examples <= 2 * WINDOW
    assert progress.before.examples % 6 == 0
    for n in range(6 * 1_670):
        progress.count(0.1, label=False, begins=n % 6 == 0)
    assert progress.metrics().positives == 0


def test_the_state_survives_its_bytes() -> None:
    rng = random.Random(2)
    whole, half = Progress(), Progress()
    for n in range(400):
        example = (rng.random(), rng.random() < 0.2)
        whole.count(*example, begins=n % 3 == 0)
        half.count(*example, begins=n % 3 == 0)
        if n == 199:
            half = msgspec.msgpack.decode(msgspec.msgpack.encode(half), type=Progress)
    assert half == whole
    assert len(msgspec.msgpack.encode(half)) < 2_000


def test_an_area_of_nothing_is_none() -> None:
    assert area(Tally(), Tally()) is None
