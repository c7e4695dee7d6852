"""Choices: of a shelf that a shopper saw, which item came next, or that none did; and how a model of them is scored.

The model is a nested logit of two levels. Which item: a softmax over the shelf of the utilities ``weights · features``.
Whether any: a logistic function of the shelf's inclusive value, the log of the sum of exp(utility), so

    P(item) = 1 / (1 + exp(-(gate · (1, log Σ exp u)))) · exp(u_item) / Σ exp u

Learning and serving score with the functions here, on the features as they are logged (float16), so that both give the
same numbers. Nothing here imports River.

References
----------
McFadden, D. (1978). Modelling the choice of residential location. In Spatial Interaction Theory and Planning Models.
"""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from typing import NamedTuple, TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Matrix: TypeAlias = NDArray[np.float64]
LONGEST = 100
"""Items of a shelf that may be learnt from."""


class Choice(NamedTuple):
    """A labelled shelf.

    Parameters
    ----------
    features: [items, features], float64, as logged.
    chosen: place of the item that came next, -1 if none of the shelf did.
    weight: how much the example counts, such as an inverse propensity.
    """

    features: Matrix
    chosen: int
    weight: float = 1.0


class Nested(Struct, tag="nested", frozen=True):
    """What serving needs of a model: a weight for each feature, and the gate's constant and slope."""

    weights: list[float]
    gate: list[float]


class Scored(NamedTuple):
    """A shelf's utilities [items], and the probability that any of it comes next."""

    utilities: Matrix
    any_probability: float

    def probabilities(self) -> Matrix:
        """For each item, the probability that it comes next."""
        shares: Matrix = softmax(self.utilities)
        shares *= self.any_probability
        return shares


def score(scorer: Nested, features: Matrix) -> Scored:
    """Score a shelf of at least one item."""
    utilities: Matrix = features @ np.array(scorer.weights)
    return Scored(utilities, gate(scorer, inclusive_value(utilities)))


def gate(scorer: Nested, inclusive: float) -> float:
    """The probability that any item of a shelf with this inclusive value comes next."""
    constant, slope = scorer.gate
    return sigmoid(constant + slope * inclusive)


def softmax(utilities: Matrix) -> Matrix:
    """Shares that add up to 1."""
    shares: Matrix = np.exp(utilities - utilities.max())
    shares /= shares.sum()
    return shares


def inclusive_value(utilities: Matrix) -> float:
    """``log Σ exp u``."""
    highest = float(utilities.max())
    return highest + math.log(float(np.exp(utilities - highest).sum()))


def sigmoid(log_odds: float) -> float:
    """The probability of these log-odds."""
    return 1 / (1 + math.exp(-min(max(log_odds, -30.0), 30.0)))


def packed(features: NDArray[np.float16]) -> str:
    """Features as they are logged: base64 of little-endian float16, row by row."""
    return b64encode(features.astype("<f2", order="C").tobytes()).decode()


def unpacked(text: str, width: int) -> Matrix:
    """The features [items, width] in a log; raises ValueError."""
    flat = np.frombuffer(b64decode(text, validate=True), "<f2")
    if not width or len(flat) % width or not 0 < len(flat) <= LONGEST * width:
        raise ValueError(f"{len(flat)} numbers are not 1 to {LONGEST} rows of {width}")
    return flat.astype(np.float64).reshape(-1, width)
