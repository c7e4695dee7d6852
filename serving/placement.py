"""What a placement is: a named place in the shop, which generators fill it and what it does without evidence.

A file in `serving/placements/` is one kind and exposes ``PLACEMENT``; nothing else has to be told of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DAY_S = 86_400
ITEMS = 12
MOST_ITEMS = 100


@dataclass(frozen=True, slots=True)
class Placement:
    """One kind of placement.

    Parameters
    ----------
    name: what a request asks for.
    recommenders: names of the candidate generators, in any order (their tiers rank them).
    explain: one sentence for marketers.
    evidence: what happens without anything to go by: ``popular`` shows what is popular and says so, ``hide`` nothing.
    page: whether the items of the page (`item_id`, `item_ids`) lead and the visit's own follow.
    repeats: whether items of this visit may come back for their own sake, and not only as neighbours of others.
    bought_days: how long what the visitor bought is not shown.
    version: of these settings; decisions carry it.
    click_window_s, view_window_s: how long after a click, or after being seen, a purchase is credited.
    """

    name: str
    recommenders: tuple[str, ...]
    explain: str
    evidence: Literal["popular", "hide"] = "popular"
    page: bool = False
    repeats: bool = True
    bought_days: int = 30
    version: int = 1
    click_window_s: int = 7 * DAY_S
    view_window_s: int = DAY_S
