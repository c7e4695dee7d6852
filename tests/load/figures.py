"""What a bench found: named figures, each with its unit and, where there is one, its goal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from typing import Any

from msgspec import Struct


class Figure(Struct, frozen=True):
    """One number. `goal` is a bound from above, with `floor` from below; None where nothing was promised."""

    bench: str
    name: str
    value: float
    unit: str
    goal: float | None = None
    floor: bool = False

    @property
    def met(self) -> bool | None:
        if self.goal is None:
            return None
        return self.value >= self.goal if self.floor else self.value <= self.goal


Say = Callable[[str], None]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of all are not above."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def latencies(bench: str, label: str, values_ms: Sequence[float], goals: dict[str, float]) -> list[Figure]:
    """p50, p90, p99 and the largest; `goals` maps some of these names to bounds."""
    shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
    return [
        Figure(bench, f"{label} {name}", round(percentile(values_ms, share), 3), "ms", goals.get(name))
        for name, share in shares.items()
    ]


def as_document(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    return [
        {"bench": f.bench, "name": f.name, "value": f.value, "unit": f.unit, "goal": f.goal, "met": f.met}
        for f in figures
    ]
