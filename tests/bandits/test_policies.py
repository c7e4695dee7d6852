"""Policies of a slot: what serving computes is what was learnt, and their probabilities are probabilities."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river.linear_model import BayesianLinearRegression
from river.proba import Beta

from stream.bandits.features import CONTEXT, LIMIT, SCALES, WIDTH, Vector, logged
from stream.bandits.policies import Contextual, Policy, Thompson, Uniform
from stream.bandits.published import Published, load_slot, seal
from stream.bandits.slot import ARMS, DISCOUNT, NOISE, Slot, published
from stream.published import ModelRefusedError

LEAST = 0.02


def contexts(number: int, seed: int = 1) -> list[Vector]:
    made = np.random.default_rng(seed).normal(size=(number, WIDTH)).clip(-LIMIT, LIMIT)
    made[:, 0] = 1.0
    return [logged(one) for one in made]


def taught(rewards: list[bool], *, arms: int = 1) -> Slot:
    """A slot whose arms were shown in turn, each view with its reward at once."""
    slot = Slot()
    for n, (context, reward) in enumerate(zip(contexts(len(rewards)), rewards, strict=True)):
        arm = f"a/{n % arms}"
        view = slot.trial(arm, context, n)
        if reward:
            slot.reward(arm, context, view, n)
    return slot


def rewarded(number: int, seed: int = 2) -> list[bool]:
    return [bool(one) for one in np.random.default_rng(seed).random(number) < 0.3]


def undiscounted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream.bandits.slot.DISCOUNT", 1.0)


def test_numpy_scores_as_river_does(monkeypatch: pytest.MonkeyPatch) -> None:
    undiscounted(monkeypatch)
    rewards, river = rewarded(60), BayesianLinearRegression(alpha=1, beta=NOISE)
    for context, reward in zip(contexts(60), rewards, strict=True):
        river.learn_one(dict(enumerate(SCALES * context)), float(reward))  # type: ignore[no-untyped-call]
    policy = Contextual(published("home", taught(rewards)), LEAST)
    for context in contexts(20, seed=9):
        found = river.predict_one(dict(enumerate(SCALES * context)), with_dist=True)  # type: ignore[no-untyped-call]
        means, deviations = policy.scores(["a/0"], context)
        assert means[0] == pytest.approx(found.mu, rel=1e-9)
        assert deviations[0] ** 2 + 1 / NOISE == pytest.approx(found.sigma**2, rel=1e-9)


def test_what_was_never_seen_scores_as_river_before_it_learns() -> None:
    policy = Contextual(published("home", Slot()), LEAST)
    river = BayesianLinearRegression(alpha=1, beta=NOISE)
    context = contexts(1)[0]
    means, deviations = policy.scores(["new"], context)
    found = river.predict_one(dict(enumerate(SCALES * context)), with_dist=True)  # type: ignore[no-untyped-call]
    assert (means[0], deviations[0] ** 2 + 1 / NOISE) == pytest.approx((found.mu, found.sigma**2))


def test_counts_are_rivers_beta(monkeypatch: pytest.MonkeyPatch) -> None:
    undiscounted(monkeypatch)
    beta, rewards = Beta(), rewarded(80)
    for reward in rewards:
        beta.update(reward)  # type: ignore[no-untyped-call]
    found = published("home", taught(rewards))
    assert (1 + found.hits[0], 1 + found.misses[0]) == (beta.alpha, beta.beta)


@settings(max_examples=40, deadline=None)
@given(
    shown=st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=60),
    order=st.randoms(note_method_calls=False),
)
def test_when_a_reward_comes_changes_nothing(shown: list[tuple[int, bool]], order: object) -> None:
    """Sufficient statistics add: rewards after all views, in any order, are rewards at once."""
    at_once, late, waiting = Slot(), Slot(), []
    for (arm, reward), context in zip(shown, contexts(len(shown)), strict=True):
        view = at_once.trial(f"a/{arm}", context, 0)
        assert late.trial(f"a/{arm}", context, 0) == view
        if reward:
            at_once.reward(f"a/{arm}", context, view, 0)
            waiting.append((f"a/{arm}", context, view))
    order.shuffle(waiting)  # type: ignore[attr-defined]
    for arm_id, context, view in waiting:
        late.reward(arm_id, context, view, 0)
    one, other = published("home", at_once), published("home", late)
    assert one.hits == pytest.approx(other.hits)
    assert one.misses == pytest.approx(other.misses, abs=1e-9)
    assert np.frombuffer(one.means) == pytest.approx(np.frombuffer(other.means), abs=1e-9)
    assert np.frombuffer(one.covariances) == pytest.approx(np.frombuffer(other.covariances), abs=1e-9)


def test_a_trial_fades_with_the_views_of_the_whole_slot() -> None:
    slot = taught([True] + [False] * 9, arms=1)
    other = contexts(1)[0]
    for _ in range(200):
        slot.trial("b/0", other, 0)
    found = published("home", slot)
    assert found.hits[found.arms.index("a/0")] == pytest.approx(DISCOUNT**209)
    assert found.misses[found.arms.index("b/0")] == pytest.approx((1 - DISCOUNT**200) / (1 - DISCOUNT))


def test_what_is_forgotten_is_as_uncertain_as_what_was_never_seen() -> None:
    slot, other = taught(rewarded(50)), contexts(1)[0]
    slot.arms["a/0"].at -= 30_000
    policy = Contextual(published("home", slot), LEAST)
    means, deviations = policy.scores(["a/0", "new"], other)
    assert means[0] == pytest.approx(means[1], abs=1e-9)
    assert deviations[0] == pytest.approx(deviations[1])


def policies(slot: Slot) -> list[Policy]:
    made = published("home", slot)
    return [Uniform(), Thompson(made, LEAST), Contextual(made, LEAST)]


@settings(max_examples=60, deadline=None)
@given(number=st.integers(1, 80), seed=st.integers(0, 50), learnt=st.integers(0, 40))
def test_probabilities_add_up_and_nobody_is_left_out(number: int, seed: int, learnt: int) -> None:
    arms = [f"a/{n}" for n in range(number)]
    for policy in policies(taught(rewarded(learnt), arms=3)):
        found = policy.probabilities(arms, contexts(1, seed)[0])
        assert found.shape == (number,)
        assert found.sum() == pytest.approx(1.0)
        assert found.min() >= min(LEAST, 1 / number) - 1e-12
        assert (found == policy.probabilities(arms, contexts(1, seed)[0])).all()


def test_the_same_bytes_give_the_same_probabilities_in_another_process() -> None:
    slot, context = taught(rewarded(90), arms=5), contexts(1)[0]
    arms = [f"a/{n}" for n in range(6)]
    packed = msgspec.msgpack.encode(seal(published("home", slot)))
    for kind in (Thompson, Contextual):
        mine, theirs = kind(published("home", slot), LEAST), kind(load_slot(packed), LEAST)
        assert (mine.probabilities(arms, context) == theirs.probabilities(arms, context)).all()
        assert mine.version == theirs.version == slot.learnt


def test_the_arm_that_pays_is_shown_most() -> None:
    slot = Slot()
    for n, context in enumerate(contexts(300)):
        view = slot.trial(f"a/{n % 3}", context, 0)
        if n % 3 == 1 and n % 2:
            slot.reward("a/1", context, view, 0)
    for policy in policies(slot)[1:]:
        assert policy.probabilities(["a/0", "a/1", "a/2"], logged(np.eye(WIDTH)[0])).argmax() == 1


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), 1e3])
def test_a_context_that_is_none_teaches_no_regression(wrong: float) -> None:
    slot = taught(rewarded(30))
    before, context = published("home", slot), contexts(1)[0]
    context[3] = wrong
    slot.reward("a/0", context, slot.trial("b/0", context, 0), 0)
    slot.trial("b/0", context[:-1], 0)
    after = published("home", slot)
    assert slot.refused == 2
    assert after.misses[1] > 1
    assert np.isfinite(np.frombuffer(after.means)).all()
    assert np.frombuffer(after.means)[WIDTH:].any() == np.frombuffer(before.means)[WIDTH:].any()


def test_an_arm_whose_state_is_of_another_release_begins_anew() -> None:
    slot, context = taught(rewarded(30)), contexts(1)[0]
    slot.arms["a/0"].precision = slot.arms["a/0"].precision[:-8]
    slot.trial("a/0", context, 0)
    fresh = Slot()
    fresh.trial("a/0", context, 0)
    assert published("home", slot).covariances == published("home", fresh).covariances
    assert slot.arms["a/0"].counts.views == 31


def test_a_slot_remembers_so_many_arms_those_seen_last() -> None:
    slot = Slot()
    for n, context in enumerate(contexts(ARMS + 10)):
        slot.trial(f"a/{n}", context, 0)
    assert list(slot.arms) == [f"a/{n}" for n in range(10, ARMS + 10)]
    slot.reward("a/0", contexts(1)[0], 1, 0)
    assert len(slot.arms) == ARMS


@pytest.mark.parametrize("place", [3, 60, 400, -5])
def test_changed_bytes_are_refused(place: int) -> None:
    packed = bytearray(msgspec.msgpack.encode(seal(published("home", taught(rewarded(10))))))
    packed[place] ^= 1
    with pytest.raises(ModelRefusedError):
        load_slot(bytes(packed))


def spoilt(**changes: object) -> Published:
    return msgspec.structs.replace(published("home", taught(rewarded(10), arms=2)), **changes)


@pytest.mark.parametrize(
    "broken",
    [
        {"hits": [1.0, float("nan")]},
        {"misses": [-1.0, 0.0]},
        {"arms": ["a/0"]},
        {"features": list(CONTEXT[:-1])},
        {"means": b"\x00" * 8},
        {"covariances": np.full((2, WIDTH, WIDTH), np.inf).tobytes()},
    ],
)
def test_what_no_learning_gives_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises(ModelRefusedError):
        load_slot(msgspec.msgpack.encode(seal(spoilt(**broken))))
