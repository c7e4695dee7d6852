"""What an online model is: an estimator that learns one example at a time and refuses what would poison it.

A file in `stream/learners/` is one model and exposes ``MODEL``, its estimator class; nothing else has to be told of it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from stream.published import Linear, finite


class Estimator(ABC):
    """One online binary classifier, made without arguments.

    Attributes
    ----------
    name: the model's name.
    key: the key of its records in `feedback`, which says in which partition it learns.
    features: names of the features, in the order in which values are given.
    limit: the largest absolute value that a feature may have.
    """

    name: ClassVar[str]
    key: ClassVar[str]
    features: tuple[str, ...]
    limit: float

    def admits(self, features: Sequence[float]) -> bool:
        """Whether the features can be learnt: as many as named, finite and within the limit."""
        return len(features) == len(self.features) and all(
            math.isfinite(value) and abs(value) <= self.limit for value in features
        )

    def learn(self, features: Sequence[float], label: bool) -> bool:
        """Learn one example; false if it was refused, and then nothing has changed."""
        if not self.admits(features):
            return False
        before = self.state()
        self.update(features, label)
        if finite(self.state()):
            return True
        self.load(before)
        return False

    def begins(self, features: Sequence[float]) -> bool:
        """Whether the example starts a new group of dependent ones; each is its own unless a model says otherwise."""
        return True

    @abstractmethod
    def update(self, features: Sequence[float], label: bool) -> None:
        """Learn one admitted example."""

    @abstractmethod
    def predict(self, features: Sequence[float]) -> float:
        """The probability that the label is true."""

    @abstractmethod
    def scorer(self) -> Linear:
        """What serving needs to predict the same."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Everything learnt, as dicts, lists and numbers."""

    @abstractmethod
    def load(self, state: dict[str, Any]) -> None:
        """Become the estimator whose `state` this was; `ModelRefusedError` if it cannot be."""
