"""What a slot's policies earn where tastes are known and change half-way: ``python -m tests.bandits [SEEDS]``.

Regret is how many clicks fewer than the best possible choice was to be expected to earn, over `VIEWS` views; intervals
are 95 % of bootstrapped means over the seeds, differences are paired by seed. About 15 minutes for 20 seeds.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from timeit import repeat

import numpy as np
from rich.console import Console
from rich.table import Table

from stream.bandits.features import Vector
from stream.bandits.policies import Contextual, Thompson
from stream.bandits.slot import Slot, published
from tests.bandits.simulated import LEAST, POLICIES, run, visitor, world

VIEWS = 12_000
BLOCK = 1_000
DRAWS = 10_000


def interval(values: Vector, digits: int = 0) -> str:
    """The mean over seeds, and where 95 % of bootstrapped means lie."""
    drawn = np.random.default_rng(0).choice(values, (DRAWS, len(values))).mean(axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return f"{values.mean():.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def measured(name: str, seeds: int, *, alike: bool = False) -> Vector:
    """Each seed's regret by view, [seeds, views]."""
    with ProcessPoolExecutor() as pool:
        return np.array(list(pool.map(partial(_run, name, alike), range(seeds))))


def _run(name: str, alike: bool, seed: int) -> Vector:
    return run(POLICIES[name], VIEWS, seed, alike=alike)


def totals(title: str, regrets: dict[str, Vector]) -> Table:
    columns = ("policy", "regret", "contextual earns more by", "regret a view by 1,000 views (half-way all changes)")
    table = Table(*columns, title=title)
    mine = regrets["contextual"].sum(axis=1)
    for name, found in regrets.items():
        more = "" if name == "contextual" else interval(found.sum(axis=1) - mine)
        blocks = found.mean(axis=0).reshape(-1, BLOCK).mean(axis=1)
        table.add_row(name, interval(found.sum(axis=1)), more, " ".join(f"{value:.3f}" for value in blocks))
    return table


def recovered(regrets: Vector) -> tuple[Vector, Vector, Vector]:
    """Of each seed the regret a view before the change, just after it, and from 2,000 views after it on for a block."""
    half = regrets.shape[1] // 2
    spans = ((half - BLOCK, half), (half, half + 100), (half + 2 * BLOCK, half + 3 * BLOCK))
    before, shock, after = (regrets[:, start:end].mean(axis=1) for start, end in spans)
    return before, shock, after


def microseconds() -> Table:
    """What it costs, on this machine, per call."""
    slot, rng, of = Slot(), np.random.default_rng(1), world(0)
    arms = [f"spring/{n}" for n in range(8)]
    contexts = [visitor(of, rng)[1] for _ in range(400)]
    for n, context in enumerate(contexts):
        slot.reward(arms[n % 8], context, slot.trial(arms[n % 8], context, 0), 0)
    made = published("home", slot)
    contextual, thompson, context = Contextual(made, LEAST), Thompson(made, LEAST), contexts[0]
    view = slot.views
    table = Table("8 arms", "µs")
    for label, call in {
        "probabilities, contextual": lambda: contextual.probabilities(arms, context),
        "probabilities, thompson": lambda: thompson.probabilities(arms, context),
        "probabilities, thompson, of arms that were not asked for yet": lambda: Thompson(made, LEAST).probabilities(
            arms, context
        ),
        "learn a view": lambda: slot.trial(arms[0], context, 0),
        "learn a reward": lambda: slot.reward(arms[1], context, view, 0),
        "publish": lambda: published("home", slot),
        "build a policy": lambda: Contextual(made, LEAST),
    }.items():
        table.add_row(label, f"{min(repeat(call, number=200, repeat=9)) / 200 * 1e6:.0f}")
    return table


def main(seeds: int = 20) -> None:
    out = Console(width=160)
    out.print(microseconds())
    regrets = {name: measured(name, seeds) for name in POLICIES}
    out.print(totals("tastes differ by kind of visitor", regrets))
    before, shock, after = recovered(regrets["contextual"])
    out.print(
        f"contextual, regret a view: {interval(before, 3)} before the change, {interval(shock, 3)} in the 100 views "
        f"after it, {interval(after, 3)} from the 2,000th on; made up for of what the change cost: "
        f"{(shock - after).mean() / (shock - before).mean():.1%}"
    )
    alike = {name: measured(name, seeds, alike=True) for name in POLICIES}
    out.print(totals("all visitors like the same: what a context costs that says nothing", alike))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
