"""Real visits of an online shop (UCI 468), each with whether it ended in a purchase, told in the live model's scale.

Counts, seconds and shares become sixteenths of a logarithm as in `stream/features.py`; what is a name becomes a flag.
`PageValues` is computed after the fact and leaks the label: every figure is told with and without it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

FILE = Path(os.environ.get("LIVESHELF_TEST_DATA", "../shared/data")) / "online_shoppers/sessions_feb_oct.parquet"
LEAKS: Final = "PageValues"
TRAINING_SHARE: Final = 0.7
_UNIT = 16
_COUNTED = (
    "Administrative",
    "Administrative_Duration",
    "Informational",
    "Informational_Duration",
    "ProductRelated",
    "ProductRelated_Duration",
    LEAKS,
)
_THOUSANDTHS = ("BounceRates in %", "ExitRates in %", "SpecialDay (probability)")
_NAMED = ("Month", "OperatingSystems", "Browser", "Region", "TrafficType", "VisitorType", "Weekend")

Matrix = NDArray[np.float64]
Labels = NDArray[np.bool_]


class Visits(NamedTuple):
    """One row of `values` a visit, in the order of `features`; `bought` says how it ended."""

    features: tuple[str, ...]
    values: Matrix
    bought: Labels

    def without(self, name: str) -> Visits:
        """The same visits without one feature."""
        kept = [place for place, feature in enumerate(self.features) if feature != name]
        return Visits(tuple(self.features[place] for place in kept), self.values[:, kept], self.bought)

    def split(self, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The rows to learn, in a random order, and those to test."""
        order = np.random.default_rng(seed).permutation(len(self.bought))
        cut = int(TRAINING_SHARE * len(order))
        return order[:cut], order[cut:]


def visits() -> Visits:
    """All visits of the file."""
    import pandas as pd

    table = pd.read_parquet(FILE)
    columns = {name: _logarithm(table[name].to_numpy(float)) for name in _COUNTED}
    columns |= {name: _logarithm(1_000 * table[name].to_numpy(float)) for name in _THOUSANDTHS}
    for name in _NAMED:
        said = table[name].astype(str).to_numpy()
        columns |= {f"{name}={value}": np.where(said == value, float(_UNIT), 0.0) for value in sorted(set(said))}
    return Visits(tuple(columns), np.column_stack(list(columns.values())), table["Revenue"].to_numpy(bool))


def _logarithm(values: Matrix) -> Matrix:
    found: Matrix = np.rint(_UNIT * np.log1p(values))
    return found
