"""How sure the measures are: 95 % intervals of the bootstrap, with whole sessions drawn.

The events of one session depend on one another, so that intervals by event would be too narrow.

References
----------
Efron, B., Tibshirani, R. (1993). An introduction to the bootstrap. Chapter 13 (percentile intervals).
Field, C., Welsh, A. (2007). Bootstrapping clustered data. JRSS B 69.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

RESAMPLES = 1_000
LEVEL = 95
_SEED = 20
_AT_ONCE = 4_000_000


def intervals(sessions: npt.NDArray[np.int64], values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Bounds of the means of columns, from the same draws for all columns.

    Parameters
    ----------
    sessions: by row, the session's number.
    values: rows × columns.

    Returns
    -------
    columns × 2, the lower and the upper bound; not a number where there are no rows.
    """
    if not len(sessions):
        return np.full((values.shape[1], 2), np.nan)
    sums = drawn(sessions, values)
    return bounds(sums[:, 1:] / sums[:, :1])


def drawn(sessions: npt.NDArray[np.int64], values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """By resample, the number of its rows (at least one is given), then the sum of each column over them."""
    numbers, codes = np.unique(sessions, return_inverse=True)
    sums = np.column_stack([np.bincount(codes, column, len(numbers)) for column in (np.ones(len(codes)), *values.T)])
    return np.concatenate([times @ sums for times in _draws(len(numbers))])


def bounds(found: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The bounds of each column of what the resamples gave; not a number where a resample gave none."""
    low = (100 - LEVEL) / 2
    between: npt.NDArray[np.float64] = np.percentile(found, [low, 100 - low], axis=0).T
    return between


def as_pair(bounds: npt.NDArray[np.float64]) -> list[float] | None:
    """The bounds of one column for JSON, which has no word for what is not a number."""
    return None if np.isnan(bounds).any() else [round(float(bound), 5) for bound in bounds]


def rounded(column: npt.NDArray[np.float64]) -> float | None:
    """The mean of a column for JSON."""
    return round(float(column.mean()), 5) if len(column) else None


def _draws(sessions: int) -> Iterator[npt.NDArray[np.float64]]:
    """How many times each session is drawn, resamples × sessions, together `RESAMPLES` rows."""
    rng = np.random.default_rng(_SEED)
    step = max(1, min(RESAMPLES, _AT_ONCE // sessions))
    for start in range(0, RESAMPLES, step):
        count = min(step, RESAMPLES - start)
        drawn = rng.integers(sessions, size=(count, sessions)) + sessions * np.arange(count)[:, None]
        yield np.bincount(drawn.ravel(), minlength=count * sessions).reshape(count, sessions).astype(np.float64)
