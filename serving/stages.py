"""Which stages a placement's candidates go through, and in which order."""

from __future__ import annotations

from collections.abc import Sequence

from serving.stage import Context, Stage


def stages(context: Context) -> Sequence[Stage]:  # noqa: ARG001
    """Those that have something to do now."""
    return ()
