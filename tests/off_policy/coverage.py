"""Coverage and bias of the estimators over simulated logs, other intervals beside those that liveshelf reports."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from rich.table import Table

from serving.off_policy.estimate import Shown, Slots, estimate
from serving.off_policy.interval import Floats, Interval, Value, Z

ESTIMATORS = ("ips", "snips", "dr")
Log = tuple[Slots, Shown]


def normal(value: Value, _: int) -> Interval:
    """The textbook's: z standard errors to both sides."""
    off = Z * value.seen**0.5
    return value.value - off, value.value + off


def bootstrap(value: Value, seed: int) -> Interval:
    """Percentiles of 200 Poisson bootstraps over visitors, of the linearised estimate."""
    repeats = value.value + _times(len(value.influence), seed) @ value.influence
    low, high = np.quantile(repeats, [0.025, 0.975])
    return float(low), float(high)


@lru_cache(maxsize=1)
def _times(visitors: int, seed: int) -> Floats:
    return np.random.default_rng(seed).poisson(1.0, (200, visitors)).astype(np.float64)


INTERVALS: Mapping[str, Callable[[Value, int], Interval]] = {
    "score": lambda value, _: value.interval, "normal": normal, "bootstrap": bootstrap
}  # fmt: skip


class Found(NamedTuple):
    """Of one estimator over `logs`: its mean error, also in Monte-Carlo standard errors, and which share held."""

    estimator: str
    logs: int
    truth: float
    bias: float
    bias_in_errors: float
    held: Mapping[str, float]
    width: float


class _Seen(NamedTuple):
    value: float
    intervals: Mapping[str, Interval]


def covered(logs: Iterable[Log], truth: float, names: Sequence[str] = tuple(INTERVALS)) -> list[Found]:
    """Each estimator over those logs that it answers; one answer has no spread, and is none."""
    seen: dict[str, list[_Seen]] = {name: [] for name in ESTIMATORS}
    for seed, log in enumerate(logs):
        found = estimate(*log)
        for estimator in ESTIMATORS:
            value: Value | None = getattr(found, estimator)
            if value is not None:
                seen[estimator].append(_Seen(value.value, {name: INTERVALS[name](value, seed) for name in names}))
    return [_of(estimator, of, truth) for estimator, of in seen.items() if len(of) > 1]


def _of(estimator: str, seen: Sequence[_Seen], truth: float) -> Found:
    off = np.array([one.value for one in seen]) - truth
    error = off.std(ddof=1) / len(off) ** 0.5
    held = {
        name: float(np.mean([low <= truth <= high for low, high in (one.intervals[name] for one in seen)]))
        for name in seen[0].intervals
    }
    widths = [one.intervals["score"][1] - one.intervals["score"][0] for one in seen]
    return Found(
        estimator, len(seen), truth, float(off.mean()), float(off.mean() / error), held, float(np.median(widths))
    )


def table(title: str, found: Iterable[Found]) -> Table:
    made = Table(
        "estimator",
        "logs",
        "truth",
        "bias",
        "in Monte-Carlo errors",
        *(f"{name} holds" for name in INTERVALS),
        "median width",
        title=title,
    )
    for one in found:
        held = [f"{one.held[name]:.1%}" for name in INTERVALS]
        made.add_row(
            one.estimator, str(one.logs), f"{one.truth:.5f}", f"{one.bias:+.6f}", f"{one.bias_in_errors:+.2f}", *held,
            f"{one.width:.4f}",
        )  # fmt: skip
    return made
