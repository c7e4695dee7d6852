"""How well purchase intent is learnt in one pass on real visits: ``python -m tests.intent``.

The area under the ROC curve on random 70/30 splits of UCI's online shoppers, with and without `PageValues`; beside the
live estimator gradient boosting in batch on the same split. Means over the splits, with Student's 95 % intervals
(the splits are of the same visits, so another shop's differ more).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.table import Table

from tests.intent.measure import Found, found
from tests.intent.visits import FILE, LEAKS, visits

SEEDS = range(10)
STUDENT = 2.262
"""Student's t for 95 % and nine degrees of freedom."""


def interval(values: Sequence[float]) -> str:
    """The mean, and Student's 95 % interval for it."""
    half = STUDENT * np.std(values, ddof=1) / len(SEEDS) ** 0.5
    return f"{np.mean(values):.3f} [{np.mean(values) - half:.3f}, {np.mean(values) + half:.3f}]"


def row(label: str, splits: Sequence[Found]) -> tuple[str, ...]:
    cost = f"{np.mean([one.learn_us for one in splits]):.0f} / {np.mean([one.predict_us for one in splits]):.0f}"
    lowest = f"{min(one.online for one in splits):.3f}"
    return label, interval([one.online for one in splits]), lowest, interval([one.batch for one in splits]), cost


def main() -> None:
    if not FILE.exists():
        sys.exit(f"{FILE} is not there: set LIVESHELF_TEST_DATA to the folder of the data sets.")
    known = visits()
    made = Table("AUC", "one pass, live model", "lowest split", "batch boosting", "µs learn / predict")
    for label, those in ((f"with {LEAKS}", known), (f"without {LEAKS}", known.without(LEAKS))):
        made.add_row(*row(label, [found(those, seed) for seed in SEEDS]))
    Console().print(f"{len(known.bought)} visits, {known.bought.mean():.1%} bought, {len(SEEDS)} splits", made)


if __name__ == "__main__":
    main()
