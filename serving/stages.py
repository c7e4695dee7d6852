"""Which stages a placement's candidates go through, and in which order."""

from __future__ import annotations

from collections.abc import Sequence

from serving.rules import stage as rules
from serving.slate import diversity, rotation
from serving.stage import Context, Stage


def stages(context: Context) -> Sequence[Stage]:
    """Those that have something to do now."""
    return [one.stage for one in (rules, rotation, diversity) if one.applies(context)]
