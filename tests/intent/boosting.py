"""Gradient boosting in batch: what an online model is held against.

Binomial deviance, regression trees of three levels on histograms, one Newton step a leaf. It sees all examples as
often as it has trees, where the online model sees each once.

References
----------
[^1]: Friedman, J. H. (2001). Greedy function approximation: a gradient boosting machine. Annals of Statistics 29(5).
[^2]: Chen, T., Guestrin, C. (2016). XGBoost: a scalable tree boosting system. KDD (gains and leaves, eq. 5 and 7).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tests.intent.visits import Labels, Matrix

TREES = 150
RATE = 0.08
DEPTH = 3
BINS = 64
LEAST_HESSIAN = 2.0
RIDGE = 1.0

Places = NDArray[np.int64]


class Split(NamedTuple):
    """Go left where the feature's bin is at most `bin`; a split of None is a leaf."""

    feature: int
    bin: int


class Boosting:
    """Learns at once from all rows; scores are log-odds."""

    def __init__(self, values: Matrix, bought: Labels) -> None:
        shares = np.linspace(0, 1, BINS + 1)[1:-1]
        self._edges = [np.unique(np.quantile(column, shares)) for column in values.T]
        self._start = float(np.log(bought.mean() / (1 - bought.mean())))
        self._trees: list[tuple[list[Split | None], Matrix]] = []
        binned, scores = self._binned(values), np.full(len(bought), self._start)
        for _ in range(TREES):
            chance = 1 / (1 + np.exp(-scores))
            self._trees.append(_tree(binned, chance - bought, chance * (1 - chance)))
            scores += RATE * _scored(binned, *self._trees[-1])

    def scores(self, values: Matrix) -> Matrix:
        """The log-odds of each row."""
        binned = self._binned(values)
        scores: Matrix = np.full(len(values), self._start)
        for tree in self._trees:
            scores += RATE * _scored(binned, *tree)
        return scores

    def _binned(self, values: Matrix) -> Places:
        columns = [np.searchsorted(edges, column) for edges, column in zip(self._edges, values.T, strict=True)]
        return np.column_stack(columns)


def _tree(binned: Places, gradient: Matrix, hessian: Matrix) -> tuple[list[Split | None], Matrix]:
    """A tree as a heap: node `k` has children `2k + 1` and `2k + 2`."""
    splits: list[Split | None] = [None] * (2**DEPTH - 1)
    at = np.zeros(len(binned), np.int64)
    for node in range(len(splits)):
        here = at == node
        splits[node] = split = _best(binned[here], gradient[here], hessian[here])
        if split is not None:
            at[here] = 2 * node + 1 + (binned[here, split.feature] > split.bin)
    size = 2 ** (DEPTH + 1) - 1
    steps = -np.bincount(at, gradient, size) / (np.bincount(at, hessian, size) + RIDGE)
    return splits, steps


def _best(binned: Places, gradient: Matrix, hessian: Matrix) -> Split | None:
    """The split that gains most; none if none gains."""
    width = binned.shape[1]
    flat = (binned + BINS * np.arange(width)).ravel()
    slope = np.bincount(flat, np.repeat(gradient, width), BINS * width).reshape(width, BINS).cumsum(axis=1)
    curve = np.bincount(flat, np.repeat(hessian, width), BINS * width).reshape(width, BINS).cumsum(axis=1)
    total, weight = gradient.sum(), hessian.sum()
    gain = slope**2 / (curve + RIDGE) + (total - slope) ** 2 / (weight - curve + RIDGE)
    gain[(curve < LEAST_HESSIAN) | (weight - curve < LEAST_HESSIAN)] = -np.inf
    feature, place = np.unravel_index(int(gain.argmax()), gain.shape)
    if gain[feature, place] <= total**2 / (weight + RIDGE):
        return None
    return Split(int(feature), int(place))


def _scored(binned: Places, splits: list[Split | None], steps: Matrix) -> Matrix:
    at = np.zeros(len(binned), np.int64)
    for node, split in enumerate(splits):
        if split is not None:
            here = at == node
            at[here] = 2 * node + 1 + (binned[here, split.feature] > split.bin)
    found: Matrix = steps[at]
    return found
