"""The two logs of `open_bandit`, uniformly random and Bernoulli Thompson sampling, each asked about the other's policy.

The data set does not tell what Thompson sampling would have drawn for the impressions of the random log. It is taken
for what it was over the week, each item's share of its position in its own log (no context goes into it): an estimate,
too, from 10,000 draws, whose error is small beside that of 38 clicks. There are no visitors: each impression is one.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rich.table import Table

from serving.off_policy.estimate import Estimate, Ints, Shown, Slots, estimate
from serving.off_policy.interval import Floats, Value

FOLDER = Path(os.environ.get("LIVESHELF_TEST_DATA", "../shared/data")) / "open_bandit"
NAMES = ("random", "bts")
ITEMS, POSITIONS = 80, 3


def missing() -> str:
    """Why the logs can't be read, empty if they can."""
    absent = [one for name in NAMES if not (one := FOLDER / f"{name}_all.parquet").exists()]
    return f"no {absent[0]}: set LIVESHELF_TEST_DATA to the folder of the data sets" if absent else ""


class Log(NamedTuple):
    """By impression: `position` from 0, `item`, `propensity`, `click`."""

    position: Ints
    item: Ints
    propensity: Floats
    click: Floats

    @property
    def slots(self) -> Slots:
        count = len(self.item)
        stratum = np.repeat(np.arange(POSITIONS), ITEMS)
        cell = self.position * ITEMS + self.item
        return Slots(np.arange(count), cell, self.click, self.propensity, stratum, np.ones(count), POSITIONS)

    @property
    def policy(self) -> Floats:
        """[position, item]: each item's share of the position."""
        counts = np.zeros((POSITIONS, ITEMS))
        np.add.at(counts, (self.position, self.item), 1.0)
        found: Floats = counts / counts.sum(axis=1, keepdims=True)
        return found

    def shown(self, policy: Floats) -> Shown:
        place, item = np.indices((len(self.item), ITEMS))
        cell = self.position[:, None] * ITEMS + item
        return Shown(policy[self.position, self.item], place.ravel(), cell.ravel(), policy[self.position].ravel())


UNIFORM = np.full((POSITIONS, ITEMS), 1.0 / ITEMS)


def read(folder: Path, name: str) -> Log:
    import pandas  # noqa: ICN001

    rows = pandas.read_parquet(
        folder / f"{name}_all.parquet", columns=["position", "item_id", "propensity_score", "click"]
    )
    return Log(
        rows["position"].to_numpy(np.int64) - 1, rows["item_id"].to_numpy(np.int64),
        rows["propensity_score"].to_numpy(np.float64), rows["click"].to_numpy(np.float64),
    )  # fmt: skip


class Answer(NamedTuple):
    """What `log` says of the policy of the other log, and what that earned there."""

    log: str
    policy: str
    found: Estimate
    truth: Value


def answers(folder: Path) -> list[Answer]:
    random, bts = (read(folder, name) for name in NAMES)
    return [
        Answer("bts", "random", estimate(bts.slots, bts.shown(UNIFORM)), _earned(random)),
        Answer("random", "bts", estimate(random.slots, random.shown(bts.policy)), _earned(bts)),
    ]


def _earned(log: Log) -> Value:
    """The log's own clicks an impression."""
    value = estimate(log.slots, log.shown(UNIFORM)._replace(at=log.propensity)).snips
    assert value is not None
    return value


def compared(folder: Path) -> Table:
    made = Table("log", "policy", "it earned", "IPS", "SNIPS", "doubly robust", "effective", "most weight", "clipped",
                 title="open_bandit: clicks in 1,000 impressions, 95 % intervals")  # fmt: skip
    for one in answers(folder):
        weights, estimates = one.found.weights, (one.truth, one.found.ips, one.found.snips, one.found.dr)
        made.add_row(
            one.log, one.policy, *(_told(value, one.found.reason) for value in estimates), f"{one.found.ess:.0f}",
            f"{weights.most:.0f}", f"{weights.clipped_share:.1%}",
        )  # fmt: skip
    return made


def _told(value: Value | None, reason: str) -> str:
    if value is None:
        return reason
    low, high = value.interval
    return f"{1_000 * value.value:.2f} ({1_000 * low:.2f} … {1_000 * high:.2f})"
