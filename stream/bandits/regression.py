"""Bayesian linear regression that forgets, and whose rewards may come after their trials."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from river.linear_model import BayesianLinearRegression

from stream.bandits.features import CONTEXT, Vector
from stream.published import ModelRefusedError

Matrix = NDArray[np.float64]


class DiscountedRegression(BayesianLinearRegression):
    """River's Bayesian linear regression with a discounted past, an undiscounted prior, and additive rewards.

    A trial is River's `learn_one` with reward 0; `reward` adds what came of it later, to the same numbers as if it had
    been known at once. River's own `smoothing` is not used: it lets the prior fade with the past, until a direction in
    which nothing was seen of late has no precision and nothing can be inverted. River's `alpha` stays 1, as another one
    gives precision and covariance of different priors (River 0.26); features are scaled instead.

    Parameters
    ----------
    beta
        Precision of the noise.
    width
        How many features.

    Examples
    --------
    >>> import numpy as np
    >>> late, at_once = DiscountedRegression(4.0, 2), DiscountedRegression(4.0, 2)
    >>> x = np.array([1.0, 0.5])
    >>> late.trial(x)
    >>> late.forget(0.9)
    >>> late.reward(x, 0.9)
    >>> at_once.learn_one({0: 1.0, 1: 0.5}, 1.0)
    >>> at_once.forget(0.9)
    >>> bool(np.allclose(late.moments()[0], at_once.moments()[0]))
    True

    References
    ----------
    [^1]: Russac, Y., Vernade, C. and Cappé, O. (2019). Weighted linear bandits for non-stationary environments.
    [^2]: Bishop, C. M. (2006). Pattern Recognition and Machine Learning, section 3.3.
    """

    def __init__(self, beta: float, width: int = len(CONTEXT)) -> None:
        super().__init__(alpha=1, beta=beta)
        self._idx = {place: place for place in range(width)}
        self._cap = width
        self._ss_arr, self._ss_inv_arr = np.eye(width), np.eye(width, order="F")
        self._eta_arr, self._m_arr = np.zeros(width), np.zeros(width)

    def load(self, precision: bytes, natural: bytes, factor: float = 1.0) -> None:
        """Become the regression of `state`, and `forget`; `ModelRefusedError` for numbers that it cannot be."""
        width = self._cap
        upper, eta = np.frombuffer(precision, "<f8"), np.frombuffer(natural, "<f8")
        if (len(upper), len(eta)) != (width * (width + 1) // 2, width):
            raise ModelRefusedError(f"the arm's state is not one of {width} features: it begins anew")
        if not (np.isfinite(upper).all() and np.isfinite(eta).all()):
            raise ModelRefusedError("the arm's state holds a number that is not finite: it begins anew")
        full = np.empty((width, width))
        rows, columns = _upper(width)
        full[rows, columns] = full[columns, rows] = upper
        self._become(full, eta, factor)

    def state(self) -> tuple[bytes, bytes]:
        """Everything learnt: the upper triangle of the precision, and precision · mean; float64, little-endian."""
        upper = self._ss_arr[_upper(self._cap)]
        return upper.astype("<f8").tobytes(), self._eta_arr.astype("<f8").tobytes()

    def forget(self, factor: float) -> None:
        """Let all that was learnt count `factor` of what it did; the prior stays."""
        self._become(self._ss_arr, self._eta_arr, factor)

    def trial(self, x: Vector) -> None:
        """Something was tried, and nothing has come of it yet."""
        self.learn_one(dict(enumerate(x.tolist())), 0.0)  # type: ignore[no-untyped-call]  # River's

    def reward(self, x: Vector, amount: float) -> None:
        """A trial's reward, as much as the trial still counts."""
        self._eta_arr += self.beta * amount * x
        self._m_dirty = True

    def moments(self) -> tuple[Vector, Matrix]:
        """The weights' mean and covariance."""
        self._ensure_m()
        return self._m_arr.copy(), self._ss_inv_arr.copy()

    def _become(self, precision: Matrix, natural: Vector, factor: float) -> None:
        self._ss_arr, self._eta_arr = factor * precision, factor * natural
        self._ss_arr.flat[:: self._cap + 1] += 1.0 - factor
        self._ss_inv_arr = np.asfortranarray(np.linalg.inv(self._ss_arr))
        self._m_dirty = True


@cache
def _upper(width: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return np.triu_indices(width)
