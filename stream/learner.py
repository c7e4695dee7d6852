"""The learner agent: labelled examples → online models and their published versions.

Owns ``{feedback:p}``. Each example is first predicted, then learnt (test, then learn), so every published version says
how good the model was on examples that it had not seen. A version is published after a number of examples, never after
a time: the fold knows no clock, and a replay publishes the same versions.

An operator's rollback is a record in the same topic. It makes an earlier version current and lets learning go on from
there; the validation begins anew, as the old scores were another model's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct, field

from stream.derived import CONTROL, DerivedFold
from stream.entries import Example, FeedbackEntry, Rollback
from stream.estimator import Estimator
from stream.fold import CLOCK, MARKS, Batch, Emit, Family, Record, State
from stream.learners import models
from stream.progressive import Progress
from stream.published import ModelRefusedError, Sealed, Version, seal, unseal

FIRST_AFTER = 20
EVERY = 100
KEPT = 20


class Working(Struct):
    """One model while it learns.

    `state` is the estimator's (empty: not begun), `learnt` the examples behind it, `refused` all those refused;
    `version` the newest number given, `current` the published one, `due` the examples until the next; `at` the newest
    example's time (ms). `restarts` counts states that this release could not use, `said` is the last refusal.
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
    said: str = ""
    progress: Progress = field(default_factory=Progress)


LEARNER = Family("learner", Working, "one model while it learns: weights, scales, validation, counts", "model")
MODEL = Family("model", Sealed, "one model's current version, as serving reads it", "model")
VERSION = Family("version", Sealed, f"one of a model's last {KEPT} versions, to roll back to", "model:version")


class Live:
    """One model in memory while a record is folded."""

    def __init__(self, working: Working, estimator: Estimator) -> None:
        self.working = working
        self.estimator = estimator
        if working.state:
            self._revive()

    def learn(self, example: Example) -> Version | None:
        """Test, then learn; a version where one is due."""
        working, estimator = self.working, self.estimator
        features, label = example.features, example.label
        probability = estimator.predict(features) if estimator.admits(features) else 0.0
        if not estimator.learn(features, label):
            working.refused += 1
            return None
        working.progress.count(probability, label, begins=estimator.begins(features))
        working.learnt += 1
        working.at = max(working.at, example.at)
        working.due -= 1
        return None if working.due > 0 else self._next()

    def bring_back(self, version: Version) -> None:
        """Go on from an earlier version; `ModelRefusedError` if this release cannot."""
        self.estimator.load(version.state)
        working = self.working
        working.learnt, working.current, working.due = version.learnt, version.version, EVERY
        working.rollbacks += 1
        working.said = ""
        working.progress = Progress()

    def keep(self) -> Working:
        """The model as it is stored."""
        self.working.state = self.estimator.state()
        return self.working

    def _next(self) -> Version:
        working, estimator = self.working, self.estimator
        working.version += 1
        working.current, working.due = working.version, EVERY
        return Version(
            model=estimator.name,
            version=working.version,
            learnt=working.learnt,
            refused=working.refused,
            at=working.at,
            features=list(estimator.features),
            scorer=estimator.scorer(),
            state=estimator.state(),
            metrics=working.progress.metrics(),
        )

    def _revive(self) -> None:
        try:
            self.estimator.load(self.working.state)
        except ModelRefusedError as error:
            working = self.working
            working.restarts += 1
            working.said = str(error)
            working.learnt, working.due, working.progress = 0, FIRST_AFTER, Progress()


class LearnerFold(DerivedFold[FeedbackEntry]):
    """Learns every model of `stream/learners/` from its examples."""

    name = "learner"
    topic = "feedback"
    families = (LEARNER, MODEL, VERSION, CLOCK, MARKS)
    ranking: Family | None = None
    entry_type = FeedbackEntry

    def __init__(self) -> None:
        super().__init__()
        self._models = models()
        self._live: dict[str, Live] = {}
        self._unknown: set[str] = set()

    def entry_keys(self, entries: Sequence[FeedbackEntry]) -> Iterable[str]:
        for entry in entries:
            yield f"learner:{entry.model}"
            if isinstance(entry, Rollback):
                yield version_key(entry.model, entry.version)

    def fold(self, record: Record, decoded: Any, state: State, emit: Emit) -> None:
        self._live.clear()
        self._unknown.clear()
        super().fold(record, decoded, state, emit)
        for model, live in self._live.items():
            state.put(f"learner:{model}", live.keep())
        if self._unknown:
            names = ", ".join(sorted(self._unknown))
            emit.dead_letter(record, "schema", f"no model is called {names}: was it removed, or is this release older?")

    def apply(self, entry: FeedbackEntry, state: State, emit: Emit) -> None:
        make = self._models.get(entry.model)
        if make is None:
            self._unknown.add(entry.model)
            return
        live = self._live.get(entry.model)
        if live is None:
            working = state.read(f"learner:{entry.model}") or Working()
            live = self._live[entry.model] = Live(working, make())
        if isinstance(entry, Example):
            version = live.learn(entry)
            if version is not None:
                _publish(version, state)
        else:
            _roll_back(entry, live, state)


def version_key(model: str, version: int) -> str:
    """The short key of one version."""
    return f"version:{model}:{version}"


def kept_versions(working: Working) -> range:
    """The numbers of a model's versions that are still kept, oldest first."""
    return range(max(1, working.version - KEPT + 1), working.version + 1)


def rollback_record(model: str, version: int) -> bytes:
    """The value of the record, keyed by the model, that brings a version back."""
    return msgspec.msgpack.encode(Batch((CONTROL, 0), [Rollback(0, 0, model, version)]))


def _publish(version: Version, state: State) -> None:
    sealed = seal(version)
    state.put(f"model:{version.model}", sealed)
    state.put(version_key(version.model, version.version), sealed)
    if version.version > KEPT:
        state.put(version_key(version.model, version.version - KEPT), None)


def _roll_back(entry: Rollback, live: Live, state: State) -> None:
    working = live.working
    sealed = state.read(version_key(entry.model, entry.version))
    if sealed is None or entry.version not in kept_versions(working):
        working.said = f"version {entry.version} is not one of the last {KEPT}: nothing was rolled back"
        return
    try:
        live.bring_back(unseal(sealed))
    except ModelRefusedError as error:
        working.said = f"version {entry.version} was not brought back: {error}"
        return
    state.put(f"model:{entry.model}", sealed)
