"""How well off-policy estimates hold: ``python -m tests.off_policy``.

Coverage of the 95 % intervals and bias over 1,000 simulated logs of known truth, of slots where one of five creatives
is chosen (common and rare rewards) and of shelves; then what each of the two real logs of `open_bandit` says of the
other's policy, beside what that earned.
"""

from __future__ import annotations

import argparse

from rich.console import Console

from tests.off_policy.choices import COMMON, RARE, simulated_choices
from tests.off_policy.coverage import covered, table
from tests.off_policy.open_bandit import FOLDER, compared, missing
from tests.off_policy.simulated import BETTER, LIVE, simulated


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.off_policy")
    parser.add_argument("--seeds", type=int, default=1_000, help="simulated logs of each setting")
    seeds = range(parser.parse_args().seeds)
    console = Console(width=140)
    for setting in (COMMON, RARE):
        logs = (simulated_choices(setting, seed) for seed in seeds)
        console.print(table(f"one creative a decision, {setting.name} rewards", covered(logs, setting.truth)))
    shelves = (simulated(LIVE, BETTER, visitors=500, seed=seed) for seed in seeds)
    console.print(table("shelves of five", covered(shelves, BETTER.worth())))
    console.print(missing() or compared(FOLDER))


if __name__ == "__main__":
    main()
