"""The way back: what the visitor looked at last."""

from __future__ import annotations

from serving.placement import Placement

PLACEMENT = Placement(
    name="recently_viewed",
    recommenders=("viewed",),
    explain="What the visitor looked at last, newest first, over all visits.",
    evidence="hide",
)
