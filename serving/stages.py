"""Which stages a placement's candidates go through, and in which order."""

from __future__ import annotations

from collections.abc import Sequence

from serving.rules.stage import stage as rules
from serving.stage import Context, Stage


def stages(context: Context) -> Sequence[Stage]:
    """Those that have something to do now."""
    return (rules,) if context.acting is not None and context.acting.bits else ()
