"""A product page's shelf: what shoppers of this item went on to."""

from __future__ import annotations

from serving.placement import Placement

PLACEMENT = Placement(
    name="pdp_also_bought",
    recommenders=("session_table", "category_popular", "nearest"),
    explain="What shoppers of this item went on to; the visit's other items have a say, too.",
    page=True,
    repeats=False,
)
