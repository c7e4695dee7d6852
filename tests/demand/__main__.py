"""How good forecasts of tomorrow's units are: ``python -m tests.demand``; ``… tune`` shows what was chosen from.

On Online Retail: the 200 best-selling items, the last two fifths of the days, one step ahead. Tuned are the three
rates, on other items (201 to 400) and other days (the first three fifths).
"""

from __future__ import annotations

import sys
from itertools import product
from unittest.mock import patch

import numpy as np

from stream.demand import daily
from tests.demand.forecasts import moving_average, moving_median, nothing, ours, seasonal_naive
from tests.demand.online_retail import DATA, sales, units
from tests.demand.scores import TRAINED, Score, scored

ITEMS = 200
OURS = "Holt-Winters, as served"
BEGIN = 56
GRID = ((0.05, 0.1, 0.2), (0.001, 0.01), (0.05, 0.1, 0.2))


def compared() -> dict[str, dict[str, Score]]:
    """All days, and only those on which the shop was open."""
    items = sales().items[:ITEMS]
    sold = units(items)
    forecasts = {
        OURS: ours(items),
        "seasonal naive, 7 days": seasonal_naive(sold),
        "moving average, 7 days": moving_average(sold, 7),
        "moving average, 28 days": moving_average(sold, 28),
        "moving median, 28 days": moving_median(sold, 28),
        "nothing is sold": nothing(sold),
    }
    days = slice(int(sold.shape[1] * TRAINED), None)
    opened = (units(sales().items).sum(axis=0) > 0).astype(float)
    return {
        "all days": scored(sold, forecasts, OURS, days),
        "open days": scored(sold, forecasts, OURS, days, opened),
    }


def tune() -> None:
    """MASE by the rates of level, trend and season."""
    items = sales().items[ITEMS : 2 * ITEMS]
    sold = units(items)
    days = slice(BEGIN, int(sold.shape[1] * TRAINED))
    for level, trend, season in product(*GRID):
        with patch.multiple(daily, LEVEL=level, TREND=trend, SEASON=season):
            made = ours(items)
        scale = np.abs(sold[:, 7 : days.stop] - sold[:, : days.stop - 7]).mean(axis=1)
        error = np.abs(made - sold)[:, days][scale > 0] / scale[scale > 0, None]
        print(f"level {level:<5} trend {trend:<5} season {season:<5} MASE {np.nanmean(error):.4f}")


def main(arguments: list[str]) -> int:
    """Print the comparison, or what was tuned."""
    if not DATA.exists():
        print(f"There is no {DATA}; LIVESHELF_TEST_DATA says where the data sets are.")
        return 1
    if arguments == ["tune"]:
        tune()
        return 0
    for title, scores in compared().items():
        print(
            f"MASE, {title}, {ITEMS} items, last {1 - TRAINED:.0%} [95 % over items and weeks]; how much more than ours"
        )
        for name, one in scores.items():
            more = "" if name == OURS else "  {:+.3f} [{:+.3f}, {:+.3f}]".format(*one.more)
            print(f"  {name:<26} {one.mase:.3f} [{one.low:.3f}, {one.high:.3f}]{more}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
