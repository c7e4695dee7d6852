"""Whatever fails, in whatever order: every record counts once, and state is a fold of the log."""

from __future__ import annotations

from collections import Counter
from itertools import product
from typing import ClassVar

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from stream.state.keys import Tag
from tests.simulator.machine import Shop
from tests.simulator.profile import LONG, budget
from tests.simulator.world import Outcome

pytestmark = pytest.mark.timeout(0 if LONG else 600)

TestShop = Shop.TestCase
TestShop.settings = budget(700)

FAULTS = {f"{kind} {outcome.name}" for kind, outcome in product(("read", "send", "commit"), Outcome)}
KILLS = {f"killed at {kind}" for kind in ("read", "send", "commit")}
STORIES = {"commit refused", "tail lost", "late arrival", "outcome matched", "outcome unmatched"}
ENDS = {"applied", "duplicates", "dropped", "dead"}
COUNTED = {"seen", "first", "repeats", "followed", "together", "led", "bought", "claimed", "label True", "label False"}
SEARCHED = {"searched", "listed", "taken", "named query"}

ROUNDS = 10


class Watched(Shop):
    """Remembers what happened in all its runs."""

    happened: ClassVar[Counter[str]] = Counter()

    def teardown(self) -> None:
        super().teardown()
        counts = self.recount.counts
        self.happened.update(self.world.happened)
        joined = self.judge.joined()
        self.happened.update({"outcome matched": joined.matched, "outcome unmatched": joined.unmatched})
        for outcomes in self.recount.outcomes:
            self.happened.update(outcomes)
        self.happened.update(self.recount.searches.entries)
        self.happened["named query"] += len(self.world.memory.rankings[Tag("queries", 0)])
        self.happened.update({f"label {label}": number for label, number in counts.examples.items()})
        self.happened.update({name: sum(counted.values()) for name, counted in counts._asdict().items()})


def test_the_machine_gets_to_what_it_is_for() -> None:
    """Every fault at every kind of call, every end that a record can come to, and everything that is counted.

    Not derandomized, as Hypothesis is by itself where CI is set: all rounds would be the same one.
    """
    few = settings(budget(300, factor=1), database=None, phases=[Phase.generate], derandomize=False)
    missing = FAULTS | KILLS | STORIES | ENDS | COUNTED | SEARCHED
    for _ in range(ROUNDS):
        if missing:
            run_state_machine_as_test(Watched, settings=few)
            missing = {what for what in missing if not Watched.happened[what]}
    assert not missing, f"in {ROUNDS} rounds these never happened"
