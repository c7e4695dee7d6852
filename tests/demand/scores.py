"""MASE of one-step forecasts, with intervals over items and weeks.

References
----------
Hyndman, R. J. and Koehler, A. B. (2006). Another look at measures of forecast accuracy. International Journal of
Forecasting 22(4).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tests.demand.online_retail import Floats

TRAINED = 0.6
DRAWS = 2_000


class Score(NamedTuple):
    """A mean with its 95 % interval; `more`: by how much more than ours it errs."""

    mase: float
    low: float
    high: float
    more: tuple[float, float, float]


def scored(
    sold: Floats, forecasts: Mapping[str, Floats], ours: str, days: slice, open_: Floats | None = None
) -> dict[str, Score]:
    """Each forecast's mean absolute error on `days`, over the seasonal-naive one's in the first `TRAINED` of all days.

    Only days for which all have a forecast count, and with `open_` only those on which it is true.
    """
    trained = int(sold.shape[1] * TRAINED)
    scale = np.abs(sold[:, 7:trained] - sold[:, : trained - 7]).mean(axis=1)
    counts = np.isfinite(np.stack([*forecasts.values()])).all(axis=0) & (scale > 0)[:, None]
    if open_ is not None:
        counts &= open_.astype(bool)[None, :]
    counts, safe = counts[:, days].astype(float), np.where(scale > 0, scale, 1.0)[:, None]
    errors = {name: np.nan_to_num(np.abs(made - sold) / safe)[:, days] * counts for name, made in forecasts.items()}
    rng, (n, length) = np.random.default_rng(1), counts.shape
    weeks = -(-length // 7)
    draws: dict[str, list[float]] = {name: [] for name in forecasts}
    for _ in range(DRAWS):
        items = rng.multinomial(n, np.full(n, 1 / n)).astype(float)
        drawn = np.repeat(rng.multinomial(weeks, np.full(weeks, 1 / weeks)), 7)[:length].astype(float)
        total = items @ counts @ drawn
        for name, one in errors.items():
            draws[name].append(items @ one @ drawn / total)
    own, sampled = errors[ours].sum() / counts.sum(), np.array(draws[ours])
    return {name: _score(one.sum() / counts.sum(), own, np.array(draws[name]), sampled) for name, one in errors.items()}


def _score(mean: float, own: float, draws: Floats, sampled: Floats) -> Score:
    low, high = np.percentile(draws, [2.5, 97.5])
    least, most = np.percentile(draws - sampled, [2.5, 97.5])
    return Score(float(mean), float(low), float(high), (float(mean - own), float(least), float(most)))
