"""What every binary model in `stream/learners/` passes; a new file there is picked up by itself."""

from __future__ import annotations

import doctest
import hashlib
import importlib
import math
import random
import statistics
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import stream.learners
from stream.estimator import Estimator
from stream.learner import LearnerFold
from stream.learners import models, names
from stream.progressive import Metrics, Progress
from stream.published import LARGEST_BYTES, ModelRefusedError, Published, Version, load_published, seal
from stream.signals.session import SESSIONS_A_DAY
from tests.learners.streams import Agent, Labelled

BINARY: dict[str, type[Estimator]] = {name: made for name, made in models().items() if issubclass(made, Estimator)}
MODELS = sorted(BINARY)
SESSION = 6  # examples at most


@pytest.fixture(params=MODELS)
def make(request: pytest.FixtureRequest) -> type[Estimator]:
    return BINARY[request.param]


def examples(model: Estimator, count: int, *, seed: int) -> Iterator[Labelled]:
    """Features within the limit; the label follows the first half of them, with noise."""
    rng = random.Random(seed)
    half = len(model.features) // 2 + 1
    for _ in range(count):
        features = [rng.uniform(0, model.limit / 3) for _ in model.features]
        odds = sum(features[:half]) - half * model.limit / 6 - 1
        yield Labelled(features, rng.random() < 1 / (1 + math.exp(-odds)))


def taught(make: type[Estimator], count: int, *, seed: int = 1) -> Estimator:
    model = make()
    for features, label in examples(model, count, seed=seed):
        assert model.learn(features, label)
    return model


def version_of(model: Estimator, **changes: Any) -> Version:
    made = Version(
        model=model.name,
        version=3,
        learnt=7,
        refused=1,
        at=1,
        features=list(model.features),
        scorer=model.scorer(),
        state=model.state(),
        metrics=Metrics(),
    )
    return msgspec.structs.replace(made, **changes)


def test_a_model_is_called_as_its_file_and_names_its_features_once(make: type[Estimator]) -> None:
    assert (Path(stream.learners.__path__[0]) / f"{make.name}.py").exists()
    assert make.name in names()
    assert len(set(make().features)) == len(make().features) > 0


def test_its_docstring_has_the_usual_order_and_an_example_that_runs(make: type[Estimator]) -> None:
    text = make.__doc__ or ""
    sections = [text.find(f"\n    {name}\n    ---") for name in ("Parameters", "Examples", "References")]
    assert -1 not in sections
    assert sections == sorted(sections)
    module = importlib.import_module(make.__module__)
    tried = doctest.testmod(module)
    assert tried.attempted > 3
    assert tried.failed == 0


def test_a_model_that_has_learnt_nothing_still_answers(make: type[Estimator]) -> None:
    model = make()
    assert 0 < model.predict([0.0] * len(model.features)) < 1


def test_it_learns(make: type[Estimator]) -> None:
    model, progress = make(), Progress()
    for features, label in examples(model, 1_500, seed=2):
        progress.count(model.predict(features), label)
        model.learn(features, label)
    found = progress.metrics()
    assert found.auc_low is not None
    assert found.auc_low > 0.7


def test_a_dump_learns_on_as_if_nothing_had_happened(make: type[Estimator]) -> None:
    stream = list(examples(make(), 2_000, seed=3))
    whole, first = make(), make()
    for features, label in stream:
        whole.learn(features, label)
    for features, label in stream[:1_000]:
        first.learn(features, label)
    second = make()
    second.load(msgspec.msgpack.decode(msgspec.msgpack.encode(first.state())))
    for features, label in stream[1_000:]:
        second.learn(features, label)
    assert msgspec.msgpack.encode(second.state()) == msgspec.msgpack.encode(whole.state())
    assert [second.predict(one.features) for one in stream] == [whole.predict(one.features) for one in stream]


def test_loading_forgets_what_was_learnt_before(make: type[Estimator]) -> None:
    used, fresh = taught(make, 300), make()
    used.load(make().state())
    for features, label in examples(used, 50, seed=9):
        used.learn(features, label)
        fresh.learn(features, label)
    assert used.state() == fresh.state()


def test_another_process_with_another_hash_seed_learns_the_same(make: type[Estimator]) -> None:
    script = f"""
        import hashlib, random, msgspec
        from stream.learners import models, names
        model, rng = models()[{make.name!r}](), random.Random(5)
        for _ in range(200):
            model.learn([rng.uniform(0, model.limit / 3) for _ in model.features], rng.random() < 0.3)
        print(hashlib.sha256(msgspec.msgpack.encode(model.state())).hexdigest())
    """
    told = {
        subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script)],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(stream.learners.__path__[0]).parents[1])},
        ).stdout.strip()
        for seed in ("1", "77")
    }
    model, rng = make(), random.Random(5)
    for _ in range(200):
        model.learn([rng.uniform(0, model.limit / 3) for _ in model.features], rng.random() < 0.3)
    assert told == {hashlib.sha256(msgspec.msgpack.encode(model.state())).hexdigest()}


@pytest.mark.parametrize("poison", [math.nan, math.inf, -math.inf, 1e308, -1e308])
def test_poison_is_refused_and_changes_nothing(make: type[Estimator], poison: float) -> None:
    model = taught(make, 100)
    before = msgspec.msgpack.encode(model.state())
    for place in range(len(model.features)):
        features = [1.0] * len(model.features)
        features[place] = poison
        assert not model.learn(features, label=True)
    assert msgspec.msgpack.encode(model.state()) == before


@pytest.mark.parametrize("surplus", [-1, 1])
def test_a_wrong_number_of_features_is_refused(make: type[Estimator], surplus: int) -> None:
    model = taught(make, 100)
    before = model.state()
    assert not model.learn([1.0] * (len(model.features) + surplus), label=True)
    assert not model.learn([], label=True)
    assert model.state() == before


def test_learning_that_ends_in_no_number_is_taken_back(make: type[Estimator]) -> None:
    class Broken(make):  # type: ignore[misc, valid-type]
        broken = False

        def state(self) -> dict[str, Any]:
            state: dict[str, Any] = super().state()
            return {**state, "intercept": math.nan} if self.broken else state

        def update(self, features: Any, label: bool) -> None:
            super().update(features, label)
            self.broken = True

        def load(self, state: dict[str, Any]) -> None:
            super().load(state)
            self.broken = False

    model = Broken()
    before = model.state()
    assert not model.learn([1.0] * len(model.features), label=True)
    assert model.state() == before


def test_every_number_stays_finite_at_the_limits(make: type[Estimator]) -> None:
    model, rng = make(), random.Random(4)
    for _ in range(500):
        assert model.learn([rng.choice((-model.limit, 0.0, model.limit)) for _ in model.features], rng.random() < 0.5)
    seal(version_of(model))


def test_serving_scores_exactly_as_the_model(make: type[Estimator]) -> None:
    for learnt in (0, 1, 2, 50, 1_000):
        model = taught(make, learnt)
        published = load_published(msgspec.msgpack.encode(seal(version_of(model))), model.features)
        extremes = [[0.0] * len(model.features), [model.limit] * len(model.features)]
        for features in [one.features for one in examples(model, 100, seed=8)] + extremes:
            assert published.predict(features) == model.predict(features)


def test_one_visitor_cannot_move_the_world(make: type[Estimator]) -> None:
    """A visitor's session, and the most that one may teach in a day, in the worst places with the wrong label."""
    model = taught(make, 1_000)
    known, typical = model.state(), [one.features for one in examples(model, 200, seed=6)]
    before = [model.predict(features) for features in typical]
    wide = len(model.features)
    for features in ([model.limit] * wide, [0.0] * wide, typical[0]):
        for label in (True, False):
            model.load(known)
            for learnt in range(1, SESSION * SESSIONS_A_DAY + 1):
                model.learn(features, label)
                if learnt in {SESSION, SESSION * SESSIONS_A_DAY}:
                    moved = [abs(model.predict(one) - old) for one, old in zip(typical, before, strict=True)]
                    assert statistics.mean(moved) < (0.06 if learnt == SESSION else 0.15)


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.pop("features"),
        lambda state: state["features"].__setitem__(0, "another"),
        lambda state: state["features"].pop(),
        lambda state: state.update(features=5),
    ],
)
def test_a_state_of_other_features_is_refused(make: type[Estimator], change: Any) -> None:
    model, state = make(), taught(make, 50).state()
    before = model.state()
    change(state)
    with pytest.raises(ModelRefusedError):
        model.load(state)
    assert model.state() == before


def test_a_state_with_one_number_missing_or_not_finite_is_refused(make: type[Estimator]) -> None:
    state = taught(make, 50).state()
    vectors = [name for name, value in state.items() if isinstance(value, list) and isinstance(value[0], float)]
    assert vectors
    for name in vectors:
        for wrong in (state[name][1:], [math.nan, *state[name][1:]], ["x", *state[name][1:]], None):
            with pytest.raises(ModelRefusedError):
                make().load({**state, name: wrong})


def test_it_costs_what_an_agent_can_pay(make: type[Estimator]) -> None:
    """Generous bounds: they fail for a model that does not belong on the hot path, not on a busy machine."""
    model = taught(make, 50)
    version = version_of(model)
    published = Published(version)
    stream = list(examples(model, 200, seed=7))
    assert least_us(lambda one: model.learn(one.features, one.label), stream) < 1_000
    assert least_us(lambda one: model.predict(one.features), stream) < 200
    assert least_us(lambda one: published.predict(one.features), stream) < 50
    assert len(seal(version).body) < LARGEST_BYTES / 8


def least_us(call: Any, stream: list[Labelled]) -> float:
    spent = []
    for one in stream:
        begun = time.perf_counter_ns()
        call(one)
        spent.append(time.perf_counter_ns() - begun)
    return min(spent) / 1_000


def test_a_model_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "haste.py").write_text(
        textwrap.dedent("""
            from stream.learners.intent import Intent

            class Haste(Intent):
                name = "haste"

                def __init__(self):
                    super().__init__(features=("seconds", "events"))

            MODEL = Haste
        """)
    )
    monkeypatch.setattr(stream.learners, "__path__", [*stream.learners.__path__, str(tmp_path)])
    models.cache_clear()
    try:
        assert {*MODELS, "haste"} <= models().keys()
        agent = Agent("haste")
        agent.teach([[Labelled([float(n % 3), 1.0], n % 3 == 0)] for n in range(30)])
        assert agent.working().learnt == 30
        assert isinstance(agent.fold, LearnerFold)
    finally:
        models.cache_clear()
        sys.modules.pop("stream.learners.haste")
