"""A published model: what the learner agent writes and serving reads.

A version is msgpack with a format number and a SHA-256 of its body; it is checked for finite numbers before it is
sealed and again when it is opened. Nothing here executes what was stored (no pickle), and nothing here imports River,
so that serving scores without loading it.

Errors
------
ModelRefusedError (ValueError): the bytes are not a version that can be trusted; keep using the one you have.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from stream.choice import Nested
from stream.features import CHOICE_FEATURES, INTENT_FEATURES
from stream.progressive import Metrics

FORMAT = 1
LARGEST_BYTES = 256 * 1024
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class ModelRefusedError(ValueError):
    """A model that must not be used, and why."""


class Linear(Struct, tag="linear", frozen=True):
    """Log-odds = intercept + Σ weight · `bounded`((x - mean) / deviation); a feature with deviation 0 counts nothing.

    Each scaled value is bounded to ±`clip`, then all of them together to a vector no longer than `norm`.
    """

    intercept: float
    weights: list[float]
    means: list[float]
    deviations: list[float]
    clip: float
    norm: float


def bounded(values: Sequence[float], clip: float, norm: float) -> list[float]:
    """The values, each within ±`clip` and together a vector of at most length `norm`.

    One function for learning and for serving: sums are taken in the same order, so both agree to the last bit.
    """
    clipped = [value if -clip <= value <= clip else clip if value > 0 else -clip for value in values]
    squares = 0.0
    for value in clipped:
        squares += value * value
    if squares <= norm * norm:
        return clipped
    shrink = norm / math.sqrt(squares)
    return [value * shrink for value in clipped]


class Version(Struct, frozen=True):
    """One version of a model.

    `learnt` and `refused` count examples since the model's beginning, `at` is the newest example's time (ms);
    `scorer` is what serving needs, `state` the estimator's whole state, which a rollback brings back.
    """

    model: str
    version: int
    learnt: int
    refused: int
    at: int
    features: list[str]
    scorer: Linear | Nested
    state: dict[str, Any]
    metrics: Metrics


class Sealed(Struct, array_like=True, frozen=True):
    """A version as it is stored; `checksum` is the body's SHA-256."""

    format: int
    checksum: bytes
    body: bytes


def seal(version: Version) -> Sealed:
    """Pack a version; `ModelRefusedError` if a number in it is not finite or its scorer is not whole."""
    _check(version)
    body = msgspec.msgpack.encode(version)
    return Sealed(FORMAT, hashlib.sha256(body).digest(), body)


def unseal(sealed: Sealed) -> Version:
    """Check and unpack a version; `ModelRefusedError` with the reason otherwise."""
    if sealed.format != FORMAT:
        raise ModelRefusedError(f"the model has format {sealed.format}, this release reads {FORMAT}: use one release")
    if len(sealed.body) > LARGEST_BYTES:
        raise ModelRefusedError(f"the model has {len(sealed.body)} bytes, at most {LARGEST_BYTES} are allowed")
    if hashlib.sha256(sealed.body).digest() != sealed.checksum:
        raise ModelRefusedError("the model's checksum is wrong, its bytes were changed: roll back to another version")
    try:
        version = msgspec.msgpack.decode(sealed.body, type=Version)
    except _UNREADABLE as error:
        raise ModelRefusedError(f"the model cannot be read ({error}): roll back to another version") from error
    _check(version)
    return version


def finite(value: object) -> bool:
    """Whether every number in nested dicts and lists is finite."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(finite, value.values()))
    if isinstance(value, list):
        return all(map(finite, value))
    return True


class Ready:
    """A version ready to score; immutable, safe to share between requests.

    Attributes
    ----------
    model, version, learnt, refused, at, metrics: as in `Version`.
    features: names of what it scores by, in order.
    """

    __slots__ = ("at", "features", "learnt", "metrics", "model", "refused", "version")

    def __init__(self, version: Version) -> None:
        self.model = version.model
        self.version = version.version
        self.learnt = version.learnt
        self.refused = version.refused
        self.at = version.at
        self.metrics = version.metrics
        self.features = tuple(version.features)


class PublishedChoices(Ready):
    """A model of choices; `stream.choice.score` takes its `scorer`."""

    __slots__ = ("scorer",)

    def __init__(self, version: Version) -> None:
        super().__init__(version)
        if not isinstance(version.scorer, Nested):
            raise ModelRefusedError(f"{version.model} is no model of choices")
        self.scorer = version.scorer


class Published(Ready):
    """A binary model."""

    __slots__ = ("_rows", "_scorer")

    def __init__(self, version: Version) -> None:
        super().__init__(version)
        if not isinstance(version.scorer, Linear):
            raise ModelRefusedError(f"{version.model} is no binary model")
        self._scorer = scorer = version.scorer
        self._rows = list(zip(scorer.means, (one or math.inf for one in scorer.deviations), strict=True))

    @property
    def proven(self) -> bool:
        """Whether it tells buyers from others better than chance, with 95 % confidence."""
        return self.metrics.auc_low is not None and self.metrics.auc_low > 0.5

    def predict(self, features: Sequence[float]) -> float:
        """The probability, for features in the order of `features`; `ValueError` if there are more or fewer."""
        log_odds = 0.0
        for weight, value in zip(self._scorer.weights, self._scaled(features), strict=True):
            log_odds += weight * value
        return _sigmoid(log_odds + self._scorer.intercept)

    def contributions(self, features: Sequence[float]) -> dict[str, float]:
        """What each feature adds to the log-odds against an average example, the largest effect first."""
        parts = {
            name: weight * value
            for name, weight, value in zip(self.features, self._scorer.weights, self._scaled(features), strict=True)
        }
        return dict(sorted(parts.items(), key=lambda part: (-abs(part[1]), part[0])))

    def _scaled(self, features: Sequence[float]) -> list[float]:
        scaled = [(x - mean) / deviation for (mean, deviation), x in zip(self._rows, features, strict=True)]
        return bounded(scaled, self._scorer.clip, self._scorer.norm)


def load_published(packed: bytes, features: tuple[str, ...] = INTENT_FEATURES) -> Published:
    """The binary model in `packed`, the value of `model:<name>` or `version:<name>:<n>`.

    Parameters
    ----------
    packed: the stored bytes.
    features: the names that the caller will compute, in order.

    Raises
    ------
    ModelRefusedError: broken, changed or non-finite bytes, another format, or a model made for other features.
    """
    return Published(_opened(packed, features))


def load_choices(packed: bytes, features: tuple[str, ...] = CHOICE_FEATURES) -> PublishedChoices:
    """The model of choices in `packed`; as `load_published`."""
    return PublishedChoices(_opened(packed, features))


def _opened(packed: bytes, features: tuple[str, ...]) -> Version:
    if len(packed) > 2 * LARGEST_BYTES:
        raise ModelRefusedError(f"the model has {len(packed)} bytes, at most {LARGEST_BYTES} are allowed")
    try:
        sealed = msgspec.msgpack.decode(packed, type=Sealed)
    except _UNREADABLE as error:
        raise ModelRefusedError(f"these bytes are no published model ({error})") from error
    version = unseal(sealed)
    if tuple(version.features) != features:
        raise ModelRefusedError(
            f"version {version.version} of {version.model} was learnt on other features than this release "
            "computes: wait for this release's learner to publish"
        )
    return version


def _check(version: Version) -> None:
    scorer, width = version.scorer, len(version.features)
    if isinstance(scorer, Nested):
        whole = (len(scorer.weights), len(scorer.gate)) == (width, 2)
    else:
        whole = {len(scorer.weights), len(scorer.means), len(scorer.deviations)} == {width}
    if not whole:
        raise ModelRefusedError(f"the model has {width} features, but not as many weights, means and deviations")
    if not finite(msgspec.to_builtins(version)):
        raise ModelRefusedError("the model holds a number that is not finite: it would answer nonsense")
    if isinstance(scorer, Linear) and (min(scorer.clip, scorer.norm) <= 0 or min(scorer.deviations, default=0.0) < 0):
        raise ModelRefusedError("the model's scales are negative: it would answer nonsense")


def _sigmoid(log_odds: float) -> float:
    if log_odds < -30:
        return 0.0
    return 1.0 if log_odds > 30 else 1 / (1 + math.exp(-log_odds))
