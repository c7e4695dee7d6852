"""Models in memory while a record is folded: what is stored of one, when a version comes, and the way back.

A binary model and a model of choices differ in what an example is and in how well they say what came true; they have
versions, restarts and rollbacks in common.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar

from msgspec import Struct, field

from stream.choice import Choice, Nested
from stream.chooser import Chooser
from stream.entries import Example
from stream.estimator import Estimator
from stream.fold import State
from stream.progressive import Metrics, Progress
from stream.published import Linear, ModelRefusedError, Sealed, Version, seal, unseal
from stream.tested import CALM, Tested, loss_by

FIRST_AFTER = 20
EVERY = 100
KEPT = 20


class Working(Struct):
    """One model while it learns.

    `state` is the estimator's (empty: not begun), `learnt` the examples behind it, `refused` all those refused;
    `version` the newest number given, `current` the published one, `due` the examples until the next; `at` the newest
    example's time (ms). `restarts` counts states that this release could not use, the last of them at version `anew`;
    `said` is the last refusal, or why a version came back by itself. `tested`: of a model of choices.
    """

    state: dict[str, Any] = field(default_factory=dict)
    learnt: int = 0
    refused: int = 0
    version: int = 0
    current: int = 0
    due: int = FIRST_AFTER
    at: int = 0
    rollbacks: int = 0
    restarts: int = 0
    anew: int = 0
    said: str = ""
    progress: Progress = field(default_factory=Progress)
    tested: Tested | None = None


def version_key(model: str, version: int) -> str:
    """The short key of one version."""
    return f"version:{model}:{version}"


def kept_versions(working: Working) -> range:
    """The numbers of a model's versions that are still kept, oldest first."""
    return range(max(1, working.version - KEPT + 1), working.version + 1)


class Model(Protocol):
    """What versions are made of: `Estimator`, `Chooser`."""

    @property
    def name(self) -> str:
        """The model's name."""

    @property
    def features(self) -> tuple[str, ...]:
        """The names of its features."""

    def scorer(self) -> Linear | Nested:
        """What serving needs."""

    def state(self) -> dict[str, Any]:
        """Everything learnt."""

    def load(self, state: dict[str, Any]) -> None:
        """Become the model whose state this was; `ModelRefusedError` if it cannot be."""


M = TypeVar("M", bound=Model)


class Live(ABC, Generic[M]):
    """One model; `state` is where its versions lie."""

    def __init__(self, working: Working, model: M, state: State) -> None:
        self.working, self.model, self._state = working, model, state
        if working.state:
            self._revive()

    def roll_back(self, number: int) -> None:
        """An operator wants a version back; `said` tells why it does not come."""
        working = self.working
        sealed = self._state.read(version_key(self.model.name, number))
        if sealed is None or number not in kept_versions(working):
            working.said = f"version {number} is not one of the last {KEPT}: nothing was rolled back"
            return
        try:
            self.bring_back(sealed)
        except ModelRefusedError as error:
            working.said = f"version {number} was not brought back: {error}"

    def bring_back(self, sealed: Sealed) -> None:
        """Go on from an earlier version; `ModelRefusedError` if this release cannot."""
        version, working = unseal(sealed), self.working
        self.model.load(version.state)
        working.learnt, working.current, working.due = version.learnt, version.version, EVERY
        working.rollbacks += 1
        working.said = ""
        self.validate_anew()
        self._state.put(f"model:{self.model.name}", sealed)

    def keep(self) -> Working:
        """The model as it is stored."""
        self.working.state = self.model.state()
        return self.working

    @abstractmethod
    def metrics(self) -> Metrics:
        """How good it was on examples before it learnt them."""

    @abstractmethod
    def validate_anew(self) -> None:
        """The scores so far were another model's."""

    def published(self, sealed: Sealed) -> None:
        """A version has come."""

    def counted(self, at: int) -> None:
        """An example was learnt; a version comes where one is due."""
        working = self.working
        working.learnt += 1
        working.at = max(working.at, at)
        working.due -= 1
        if working.due <= 0:
            self._publish()

    def _publish(self) -> None:
        working, model, state = self.working, self.model, self._state
        working.version += 1
        working.current, working.due = working.version, EVERY
        sealed = seal(
            Version(
                model=model.name,
                version=working.version,
                learnt=working.learnt,
                refused=working.refused,
                at=working.at,
                features=list(model.features),
                scorer=model.scorer(),
                state=model.state(),
                metrics=self.metrics(),
            )
        )
        state.put(f"model:{model.name}", sealed)
        state.put(version_key(model.name, working.version), sealed)
        if working.version > KEPT:
            state.put(version_key(model.name, working.version - KEPT), None)
        self.published(sealed)

    def _revive(self) -> None:
        working = self.working
        try:
            self.model.load(working.state)
        except ModelRefusedError as error:
            working.restarts += 1
            working.anew = working.version
            working.said = str(error)
            working.learnt, working.due = 0, FIRST_AFTER
            self.validate_anew()


class LiveBinary(Live[Estimator]):
    """A model that learns labelled examples."""

    def learn(self, example: Example) -> None:
        """Test, then learn."""
        working, model = self.working, self.model
        features, label = example.features, example.label
        probability = model.predict(features) if model.admits(features) else 0.0
        if not model.learn(features, label):
            working.refused += 1
            return
        working.progress.count(probability, label, begins=model.begins(features))
        self.counted(example.at)

    def metrics(self) -> Metrics:
        return self.working.progress.metrics()

    def validate_anew(self) -> None:
        self.working.progress = Progress()


class LiveChoices(Live[Chooser]):
    """A model that learns choices, and that its last good version replaces when it does worse."""

    def learn(self, choice: Choice, placement: str, at: int) -> None:
        """Test, compare with the last good version, then learn."""
        working, model = self.working, self.model
        scored = model.scores(choice.features) if model.admits(choice) else None
        if not model.learn(choice) or scored is None:
            working.refused += 1
            return
        loss = self._tested.count(placement, choice, scored)
        good = self._good
        if good is not None and self._tested.compare(loss, loss_by(good, choice)):
            self._revert()
        else:
            self.counted(at)

    def metrics(self) -> Metrics:
        return self._tested.metrics()

    def validate_anew(self) -> None:
        self.working.tested = Tested(reverted=self._tested.reverted)

    def published(self, sealed: Sealed) -> None:
        """What does not do worse than the last good version is the next."""
        if self._tested.good is None or self._tested.worse < CALM:
            self._trust(sealed)

    def bring_back(self, sealed: Sealed) -> None:
        super().bring_back(sealed)
        self._trust(sealed)

    @property
    def _tested(self) -> Tested:
        if self.working.tested is None:
            self.working.tested = Tested()
        return self.working.tested

    @cached_property
    def _good(self) -> Nested | None:
        """How the last good version scores."""
        sealed = self._tested.good
        try:
            scorer = None if sealed is None else unseal(sealed).scorer
        except ModelRefusedError:
            return None
        return scorer if isinstance(scorer, Nested) else None

    def _trust(self, sealed: Sealed) -> None:
        self._tested.trust(sealed)
        self.__dict__.pop("_good", None)

    def _revert(self) -> None:
        tested = self._tested
        worse, since, sealed = tested.worse, tested.since, tested.good
        assert sealed is not None
        self.bring_back(sealed)
        self._tested.reverted += 1
        self.working.said = (
            f"version {self.working.current} came back by itself: what was learnt since did worse than it by "
            f"{worse:.1f} nats over {since} choices"
        )
