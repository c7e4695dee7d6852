"""Online models of choices: which item of a shelf comes next, and whether any does."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from msgspec import Struct, ValidationError, convert, to_builtins
from river import base, optim

from stream.choice import LONGEST, Choice, Matrix, Nested, Scored, inclusive_value, score, sigmoid, softmax
from stream.entries import CHOICES
from stream.features import CHOICE_FEATURES, CHOICE_LIMIT, CHOICE_START, GATE_START
from stream.published import ModelRefusedError, finite

GATE = ("constant", "slope")


class Learnt(Struct):
    """The estimator's state: weights and AdaGrad's sums of squares in the features' order, then the gate's."""

    features: list[str]
    weights: list[float]
    squares: list[float]
    gate: list[float]
    gate_squares: list[float]


class Chooser(base.Estimator):
    """Nested logit of two levels, learnt online: a softmax over the items of a shelf, and whether any is taken.

    A choice teaches the weights by the gradient of its log-likelihood among the items of the shelf, whatever else the
    shopper could have done; the gate learns from every shelf whether the next item was one of it. A shelf that was
    ignored does not teach the weights: tried, that cost 4 points of MRR@20, as what was ignored is most often a shelf
    that could not know better. AdaGrad bounds what one example can do: no weight moves by more than `learning_rate`.

    Parameters
    ----------
    features
        Names of the features, in the order of the columns.
    start
        Weights to begin with.
    gate
        The gate's constant and slope to begin with.
    learning_rate
        AdaGrad's rate.
    prior
        AdaGrad's sums of squares to begin with: how strongly the start is believed.
    limit
        The largest absolute value of a feature.

    Examples
    --------
    >>> import numpy as np
    >>> from stream.choice import Choice

    Shoppers who take the item of the highest value, whichever place it has:

    >>> rng = np.random.default_rng(7)
    >>> model = Chooser(features=("value",), start=(0.0,))
    >>> hits = 0
    >>> for _ in range(500):
    ...     shelf = rng.normal(size=(5, 1))
    ...     taken = int(shelf[:, 0].argmax())
    ...     hits += int(model.scores(shelf).utilities.argmax()) == taken
    ...     learnt = model.learn(Choice(shelf, taken))
    >>> hits > 490
    True

    One value that is not a number is refused; the model stays as it was:

    >>> before = model.state()
    >>> model.learn(Choice(np.array([[np.nan]]), 0))
    False
    >>> model.state() == before
    True

    References
    ----------
    [^1]: McFadden, D. (1974). Conditional logit analysis of qualitative choice behavior. In Frontiers in Econometrics.
    [^2]: Duchi, J., Hazan, E. and Singer, Y. (2011). Adaptive subgradient methods for online learning and stochastic
        optimization. JMLR 12.

    """

    name: ClassVar[str] = "choices"
    key: ClassVar[str] = CHOICES

    def __init__(
        self,
        features: tuple[str, ...] = CHOICE_FEATURES,
        start: tuple[float, ...] = CHOICE_START,
        gate: tuple[float, float] = GATE_START,
        learning_rate: float = 0.15,
        prior: float = 30.0,
        limit: float = CHOICE_LIMIT,
    ) -> None:
        self.features = features
        self.start = start
        self.gate = gate
        self.learning_rate = learning_rate
        self.prior = prior
        self.limit = limit
        self._weights: dict[Any, Any] = dict(zip(features, start, strict=True))
        self._gate: dict[Any, Any] = dict(zip(GATE, gate, strict=True))
        self._optimizer, self._gate_optimizer = optim.AdaGrad(learning_rate), optim.AdaGrad(learning_rate)
        self._optimizer.g2.update(dict.fromkeys(features, prior))
        self._gate_optimizer.g2.update(dict.fromkeys(GATE, prior))

    def admits(self, choice: Choice) -> bool:
        """Whether the example can be learnt: the right shape, finite values within the limit, a place that exists."""
        shape = choice.features.shape
        return (
            len(shape) == 2
            and shape[1] == len(self.features)
            and 0 < shape[0] <= LONGEST
            and -1 <= choice.chosen < shape[0]
            and 0.0 <= choice.weight <= self.limit
            and bool((np.abs(choice.features) <= self.limit).all())
        )

    def learn(self, choice: Choice) -> bool:
        """Learn one example; false if it was refused, and then nothing has changed."""
        if not self.admits(choice):
            return False
        before = self._learnt()
        self._update(choice)
        if finite(to_builtins(self._learnt())):
            return True
        self._become(before)
        return False

    def scores(self, features: Matrix) -> Scored:
        """How a shelf scores now."""
        return score(self.scorer(), features)

    def scorer(self) -> Nested:
        """What serving needs to score the same."""
        return Nested(list(self._weights.values()), list(self._gate.values()))

    def state(self) -> dict[str, Any]:
        """Everything learnt, as dicts, lists and numbers."""
        built: dict[str, Any] = to_builtins(self._learnt())
        return built

    def load(self, state: dict[str, Any]) -> None:
        """Become the estimator whose `state` this was; `ModelRefusedError` if it cannot be."""
        try:
            learnt = convert(state, Learnt)
        except ValidationError as error:
            raise ModelRefusedError(f"the model's state cannot be read ({error})") from error
        if tuple(learnt.features) != self.features:
            raise ModelRefusedError("the model's state belongs to other features: it has to learn anew")
        sizes = {len(learnt.weights), len(learnt.squares)}, {len(learnt.gate), len(learnt.gate_squares)}
        if sizes != ({len(self.features)}, {len(GATE)}):
            raise ModelRefusedError("the model's state has values missing: bring a version back")
        if not finite(state) or min(*learnt.squares, *learnt.gate_squares) < 0:
            raise ModelRefusedError("the model's state holds numbers that no learning gives: bring a version back")
        self._become(learnt)

    def _update(self, choice: Choice) -> None:
        features, chosen, weight = choice
        utilities = features @ np.array(list(self._weights.values()))
        inclusive = inclusive_value(utilities)
        constant, slope = self._gate.values()
        error = weight * (sigmoid(constant + slope * inclusive) - (chosen >= 0))
        self._gate_optimizer.step(self._gate, {"constant": error, "slope": error * inclusive})
        if chosen >= 0:
            gradient = weight * (softmax(utilities) @ features - features[chosen])
            self._optimizer.step(self._weights, dict(zip(self.features, gradient.tolist(), strict=True)))

    def _learnt(self) -> Learnt:
        squares, gate_squares = self._optimizer.g2, self._gate_optimizer.g2
        return Learnt(
            list(self.features),
            list(self._weights.values()),
            [float(squares[name]) for name in self.features],
            list(self._gate.values()),
            [float(gate_squares[name]) for name in GATE],
        )

    def _become(self, learnt: Learnt) -> None:
        self._weights = dict(zip(self.features, learnt.weights, strict=True))
        self._gate = dict(zip(GATE, learnt.gate, strict=True))
        self._optimizer.g2.update(zip(self.features, learnt.squares, strict=True))
        self._gate_optimizer.g2.update(zip(GATE, learnt.gate_squares, strict=True))
