"""What a slot's bandit is told of a visitor: the names, in order, and how far each may move a reward.

`serving/banners/context.py` computes them; they are logged as float16, so learning and serving see the same numbers.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Vector: TypeAlias = NDArray[np.float64]

FACTORS = 8
BUCKETS = 8
_SCALES: dict[str, float] = {
    "bias": 0.5,
    **{f"factor_{n}": 0.3 for n in range(FACTORS)},
    **{f"category_{n}": 0.3 for n in range(BUCKETS)},
    "mobile": 0.15,
    "desktop": 0.15,
    "hour_sin": 0.1,
    "hour_cos": 0.1,
    "returning": 0.15,
}
CONTEXT: tuple[str, ...] = tuple(_SCALES)
"""Names of the context's numbers; all lie within ±`LIMIT`."""
SCALES: Vector = np.array(list(_SCALES.values()))
"""A priori standard deviation of each one's weight, in rewards."""
WIDTH = len(CONTEXT)
LIMIT = 4.0


def admits(context: Vector) -> bool:
    """Whether it can be learnt from: as long as it has to be, finite and within the limit."""
    return len(context) == WIDTH and bool((np.abs(context) <= LIMIT).all())  # NaN is not


def logged(context: Vector) -> Vector:
    """The context as the log has it: float16's numbers, which both learning and serving use."""
    kept: Vector = context.astype("<f2").astype(np.float64)
    return kept


def unpacked(packed: bytes) -> Vector:
    """The context in a log; raises ValueError for half a number."""
    found: Vector = np.frombuffer(packed, "<f2").astype(np.float64)
    return found
