"""The home page's shelf: what this visitor is likely to look at next."""

from __future__ import annotations

from serving.placement import Placement

PLACEMENT = Placement(
    name="home_for_you",
    recommenders=("session_table", "category_popular", "nearest"),
    explain="What this visitor is likely to look at next, by this visit and the ones before.",
)
