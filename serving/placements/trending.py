"""What many shoppers look at now; the same for everyone but for what they have or do not want."""

from __future__ import annotations

from serving.placement import Placement

PLACEMENT = Placement(
    name="trending",
    recommenders=("popular",),
    explain="What many shoppers look at now.",
)
