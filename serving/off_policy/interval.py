"""95 % intervals that hold where rewards are rare: a score interval, its variance the larger of two.

Where 4 in 1,000 click, the variance that was seen is too small whenever no click with a large weight was among those
few, which is most of the time: intervals that stand on it alone hold the truth too seldom (`python -m tests.off_policy`
shows two beside these). All weights are known, though, those of what nobody clicked too. So there are two variances of
Σ share × reward:

- seen: the squares of what each visitor moves the estimate by (its influence), as one visitor's places are alike;
- expected: Σ share² q (1 - q), q the rate of what stood there, drawn to that of all (`estimate.py`).

The larger one is taken, and as a rate's variance grows with the rate, the interval is what Wilson (1927) makes of it:
all x with (value - x)² ≤ z² × factor × x (1 - x / most), which lies within [0, most] and is not symmetric.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Interval = tuple[float, float]

Z = 1.959964


class Value(NamedTuple):
    """An estimate: `value`, at most `most`.

    By visitor, `influence`: by how much it moves the value. By place, `share`: what a reward there adds to the value;
    and `rate`: the probability of one.
    """

    value: float
    influence: Floats
    share: Floats
    rate: Floats
    most: float

    @property
    def seen(self) -> float:
        """The variance by visitor."""
        count = len(self.influence)
        return float((self.influence**2).sum()) * count / max(count - 1, 1)

    @property
    def expected(self) -> float:
        """The variance by the rates."""
        return float((self.share**2 * self.rate * (1.0 - self.rate)).sum())

    @property
    def interval(self) -> Interval:
        mean = float(self.share @ self.rate)
        factors = (_factor(self.seen, self.value, self.most), _factor(self.expected, mean, self.most))
        return score(self.value, max(factors), self.most)

    def above(self, other: Value) -> tuple[float, Interval]:
        """By how much it is more than `other`, of the same log; a difference may be negative, so a normal interval."""
        value = self.value - other.value
        both = Value(value, self.influence - other.influence, self.share - other.share, self.rate, np.inf)
        off = Z * max(both.seen, both.expected) ** 0.5
        return value, (value - off, value + off)


def score(value: float, factor: float, most: float) -> Interval:
    """Wilson's interval, the variance being `factor` × value × (1 - value / most)."""
    slack = Z * Z * factor
    whole = 1.0 + slack / most
    middle = (value + slack / 2) / whole
    off = max(middle * middle - value * value / whole, 0.0) ** 0.5
    return max(middle - off, 0.0), min(middle + off, most)


def _factor(variance: float, value: float, most: float) -> float:
    unit = value * (1.0 - value / most)
    return variance / unit if unit > 0 else 0.0
