"""A model of choices learns what is taken, tells honest probabilities, and lets nothing bad in."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.choice import Choice, Matrix, Nested, packed, score, unpacked
from stream.chooser import Chooser
from stream.published import ModelRefusedError

NAMES = ("liked", "noise", "far")


def shelf(rng: np.random.Generator, items: int = 8) -> Matrix:
    return rng.normal(size=(items, 3)).astype(np.float16).astype(np.float64)


def shopper(features: Matrix, rng: np.random.Generator) -> int:
    """Takes an item by a known nested logit, or none."""
    odds = np.exp(2.0 * features[:, 0])
    if rng.random() < 0.4:
        return -1
    return int(rng.choice(len(odds), p=odds / odds.sum()))


def taught(examples: int = 3_000, seed: int = 5) -> Chooser:
    rng = np.random.default_rng(seed)
    model = Chooser(NAMES, (0.0, 0.0, 0.0))
    for _ in range(examples):
        features = shelf(rng)
        assert model.learn(Choice(features, shopper(features, rng)))
    return model


def test_it_finds_the_weights_of_a_shopper_who_chooses_by_a_logit() -> None:
    liked, noise, far = taught().scorer().weights
    assert 1.7 < liked < 2.3
    assert abs(noise) < 0.2
    assert abs(far) < 0.2


def test_its_probabilities_are_those_with_which_things_happen() -> None:
    model, rng = taught(), np.random.default_rng(8)
    expected = happened = taken = 0.0
    for _ in range(2_000):
        features = shelf(rng)
        probabilities = model.scores(features).probabilities()
        best = int(probabilities.argmax())
        chosen = shopper(features, rng)
        expected += probabilities[best]
        happened += chosen == best
        taken += chosen >= 0
        assert probabilities.sum() < 1.0
    assert expected == pytest.approx(happened, rel=0.15)
    assert model.scores(shelf(rng)).any_probability == pytest.approx(taken / 2_000, abs=0.12)


@given(st.integers(0, 2**32 - 1), st.integers(1, 100))
def test_what_is_published_scores_as_the_estimator_does(seed: int, items: int) -> None:
    rng, model = np.random.default_rng(seed), Chooser(NAMES, (1.0, 0.0, 0.0))
    for _ in range(5):
        model.learn(Choice(shelf(rng), int(rng.integers(-1, 8))))
    features = shelf(rng, items)
    logged = unpacked(packed(features.astype(np.float16)), len(NAMES))
    published = msgspec.msgpack.decode(msgspec.msgpack.encode(model.scorer()), type=Nested)
    np.testing.assert_allclose(
        score(published, logged).probabilities(), model.scores(features).probabilities(), rtol=1e-12
    )


def test_a_state_brought_back_learns_on_as_if_nothing_had_been() -> None:
    model, rng = taught(50), np.random.default_rng(1)
    other = Chooser(NAMES, (0.0, 0.0, 0.0))
    other.load(msgspec.msgpack.decode(msgspec.msgpack.encode(model.state())))
    for _ in range(20):
        features = shelf(rng)
        choice = Choice(features, shopper(features, rng), 0.7)
        model.learn(choice)
        other.learn(choice)
    assert other.state() == model.state()


@pytest.mark.parametrize(
    "bad",
    [
        Choice(np.full((3, 3), np.nan), 0),
        Choice(np.full((3, 3), np.inf), 0),
        Choice(np.full((3, 3), 65.0), 0),
        Choice(np.zeros((3, 2)), 0),
        Choice(np.zeros((0, 3)), -1),
        Choice(np.zeros((101, 3)), 0),
        Choice(np.zeros((3, 3)), 3),
        Choice(np.zeros((3, 3)), -2),
        Choice(np.zeros((3, 3)), 0, float("nan")),
        Choice(np.zeros((3, 3)), 0, -1.0),
        Choice(np.zeros(3), 0),
    ],
)
def test_what_would_spoil_it_is_refused_and_changes_nothing(bad: Choice) -> None:
    model = taught(20)
    before = model.state()
    assert not model.learn(bad)
    assert model.state() == before


@given(st.integers(0, 2**32 - 1), st.floats(0.0, 10.0))
def test_one_example_moves_no_weight_further_than_the_rate(seed: int, weight: float) -> None:
    model, rng = taught(10), np.random.default_rng(seed)
    before = np.array(model.scorer().weights + model.scorer().gate)
    extreme = rng.choice([-64.0, 0.0, 64.0], size=(20, 3))
    model.learn(Choice(extreme, int(rng.integers(-1, 20)), weight))
    after = np.array(model.scorer().weights + model.scorer().gate)
    assert (np.abs(after - before) <= model.learning_rate + 1e-9).all()


def test_a_shelf_that_was_ignored_teaches_the_gate_alone() -> None:
    model = taught(50)
    before = model.scorer()
    model.learn(Choice(shelf(np.random.default_rng(2)), -1))
    assert model.scorer().weights == before.weights
    assert model.scorer().gate != before.gate


@pytest.mark.parametrize(
    "change",
    [
        {"weights": [float("nan"), 0.0, 0.0]},
        {"weights": [0.0]},
        {"squares": [-1.0, 0.0, 0.0]},
        {"gate": [0.0]},
        {"features": ["other", "noise", "far"]},
        {"weights": "none"},
    ],
)
def test_a_state_that_no_learning_gives_is_refused(change: dict[str, object]) -> None:
    model = taught(5)
    with pytest.raises(ModelRefusedError):
        model.load(model.state() | change)


@pytest.mark.parametrize("text", ["", "AAAA", "not base64!", "AA==" * 3])
def test_features_of_another_shape_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        unpacked(text, 3)
