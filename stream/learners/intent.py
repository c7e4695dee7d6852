"""Intent: the probability that the running session ends in a purchase."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct, ValidationError, convert, to_builtins
from river import base, compose, linear_model, optim, preprocessing, utils

from stream.estimator import Estimator
from stream.features import FEATURE_LIMIT, INTENT_FEATURES, begins_session
from stream.published import Linear, ModelRefusedError, Published, bounded, finite, load_published

__all__ = ["MODEL", "Intent", "Published", "load_published"]


class Scaler(preprocessing.StandardScaler):
    """River's scaler, told no value further than `reach` deviations from its mean once it knows `trust` of them.

    Otherwise a few extreme values widen a scale at once, and with it change every prediction. `floor` is the least
    deviation, so that a feature that never varied may begin to.
    """

    def __init__(self, floor: float, reach: float = 3.0, trust: int = 20) -> None:
        super().__init__()
        self.floor = floor
        self.reach = reach
        self.trust = trust

    def learn_one(self, x: dict[Any, float]) -> None:
        within = {name: self._within(name, value) for name, value in x.items()}
        super().learn_one(within)  # type: ignore[no-untyped-call]

    def _within(self, name: Any, value: float) -> float:
        if self.counts[name] < self.trust:
            return value
        mean = self.means[name]
        span = self.reach * max(self.vars[name] ** 0.5, self.floor)
        return float(min(max(value, mean - span), mean + span))


class Bound(base.Transformer):
    """Bounds each scaled value and the length of all together, so that no example pulls harder than `norm` allows."""

    def __init__(self, clip: float, norm: float) -> None:
        self.clip = clip
        self.norm = norm

    def transform_one(self, x: dict[Any, Any]) -> dict[Any, Any]:
        return dict(zip(x, bounded(list(x.values()), self.clip, self.norm), strict=True))


class Learnt(Struct):
    """The estimator's state: the regression's, its optimizer's and the scaler's, values in the features' order."""

    features: list[str]
    intercept: float
    iterations: int
    weights: list[float]
    counts: list[int]
    means: list[float]
    vars: list[float]


class Intent(Estimator):
    """Purchase intent of the running session by online logistic regression on standardised features.

    Learns in one pass by stochastic gradient descent at a constant rate, so that it follows a shop that changes; its
    scaler averages over the whole past and follows slowly. The intercept starts at one buying session in twenty: begun
    at one in two, the first thousand scores tell the time rather than the intent. An example with the wrong number of
    features, with one that is not finite or beyond `limit` is refused. At given scales one example moves the log-odds
    of any other by at most ``learning_rate * norm ** 2 + intercept_learning_rate`` (0.2), so a session by at most 1.2.

    Parameters
    ----------
    features
        Names of the features, in the order in which values are given.
    learning_rate
        Step of the weights.
    intercept_learning_rate
        Step of the intercept.
    intercept
        Log-odds to start from.
    clip
        Standardised values are bounded to this many standard deviations.
    norm
        The largest length of an example's standardised values together.
    limit
        The largest absolute value of a feature before it is standardised.

    Examples
    --------
    >>> from river import datasets, metrics

    >>> pages = datasets.Phishing()
    >>> first, _ = next(iter(pages))
    >>> model = Intent(features=tuple(first))
    >>> auc = metrics.ROCAUC(n_thresholds=100)
    >>> for page, is_phishing in pages:
    ...     features = list(page.values())
    ...     auc.update(is_phishing, model.predict(features))
    ...     learnt = model.learn(features, is_phishing)
    >>> f"{auc.get():.2f}"
    '0.94'

    One value that is not a number is refused; the model stays as it was:

    >>> before = model.state()
    >>> model.learn([float("nan")] * len(first), True)
    False
    >>> model.state() == before
    True

    References
    ----------
    [^1]: Bottou, L. (2012). Stochastic gradient descent tricks. In Neural Networks: Tricks of the Trade, 421-436.
    [^2]: Sakar, C. O. et al. (2019). Real-time prediction of online shoppers' purchasing intention using multilayer
        perceptron and LSTM recurrent neural networks. Neural Computing and Applications 31, 6893-6908.

    """

    name = key = "intent"

    def __init__(
        self,
        features: tuple[str, ...] = INTENT_FEATURES,
        learning_rate: float = 0.02,
        intercept_learning_rate: float = 0.02,
        intercept: float = -3.0,
        clip: float = 3.0,
        norm: float = 3.0,
        limit: float = FEATURE_LIMIT,
    ) -> None:
        self.features = features
        self.clip = clip
        self.norm = norm
        self.limit = limit
        self._scaler = Scaler(floor=limit / 128)
        self._regression = linear_model.LogisticRegression(
            optimizer=optim.SGD(learning_rate), intercept_lr=intercept_learning_rate, intercept_init=intercept
        )
        self._pipeline = compose.Pipeline(self._scaler, Bound(clip, norm), self._regression)

    def begins(self, features: Sequence[float]) -> bool:
        return begins_session(features)

    def update(self, features: Sequence[float], label: bool) -> None:
        self._pipeline.learn_one(dict(zip(self.features, features, strict=True)), label)

    def predict(self, features: Sequence[float]) -> float:
        probabilities = self._pipeline.predict_proba_one(dict(zip(self.features, features, strict=True)))
        return float(probabilities[True])

    def scorer(self) -> Linear:
        learnt = self._learnt()
        deviations = [variance**0.5 for variance in learnt.vars]
        return Linear(learnt.intercept, learnt.weights, learnt.means, deviations, self.clip, self.norm)

    def state(self) -> dict[str, Any]:
        built: dict[str, Any] = to_builtins(self._learnt())
        return built

    def load(self, state: dict[str, Any]) -> None:
        try:
            learnt = convert(state, Learnt)
        except ValidationError as error:
            raise ModelRefusedError(f"the model's state cannot be read ({error})") from error
        self._check(learnt)
        names = self.features
        self._scaler.counts.clear()
        self._scaler.counts.update(dict(zip(names, learnt.counts, strict=True)))
        self._scaler.means.update(zip(names, learnt.means, strict=True))
        self._scaler.vars.update(zip(names, learnt.vars, strict=True))
        self._regression.intercept = learnt.intercept
        self._regression.optimizer.n_iterations = learnt.iterations
        self._regression._weights = utils.VectorDict(dict(zip(names, learnt.weights, strict=True)))  # noqa: SLF001

    def _learnt(self) -> Learnt:
        names, scaler, weights = self.features, self._scaler, self._regression.weights
        return Learnt(
            list(names),
            float(self._regression.intercept),
            self._regression.optimizer.n_iterations,
            [float(weights.get(name, 0.0)) for name in names],
            [scaler.counts.get(name, 0) for name in names],
            [float(scaler.means.get(name, 0.0)) for name in names],
            [float(scaler.vars.get(name, 0.0)) for name in names],
        )

    def _check(self, learnt: Learnt) -> None:
        if tuple(learnt.features) != self.features:
            raise ModelRefusedError("the model's state belongs to other features: it has to learn anew")
        lengths = {len(learnt.weights), len(learnt.counts), len(learnt.means), len(learnt.vars)}
        if lengths != {len(self.features)}:
            raise ModelRefusedError("the model's state has values missing: bring a version back")
        if not finite(to_builtins(learnt)) or min(learnt.vars, default=0.0) < 0:
            raise ModelRefusedError("the model's state holds numbers that no learning gives: bring a version back")


MODEL = Intent
