"""How long the machine runs: short by default, for hours with ``HYPOTHESIS_PROFILE=long`` (nightly).

The long one needs ``pytest -o faulthandler_timeout=0``, or it is ended as a test that hangs.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"


def budget(examples: int, steps: int = 40, *, factor: int = 40) -> settings:
    """Settings for so many runs of so many steps, `factor` times as many runs in the long profile."""
    return settings(
        max_examples=examples * factor if LONG else examples,
        stateful_step_count=steps * 2 if LONG else steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
