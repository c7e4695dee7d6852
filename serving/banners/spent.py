"""What a campaign has had of its budget, by what the stream counts of each slot's arms (`stream/bandits`).

Counted is what a slot's policy learns from: impressions and clicks of visitors who agreed, once a decision, about a
second after they happened. What comes in between is above the budget, and what teaches nothing (floods) is not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from msgspec import UNSET

from serving.banners.campaign import Campaign

Counts: TypeAlias = Callable[[str], Mapping[str, Sequence[int]]]
"""Of a slot the arms that were seen there, each with its impressions, its clicks, and more."""


def exhausted(campaign: Campaign, counts: Counts) -> bool:
    """Whether the campaign has had what its budget lets."""
    budget = campaign.document.budget
    if budget is UNSET:
        return False
    seen, clicked = had(campaign, counts)
    return (budget.impressions is not None and seen >= budget.impressions) or (
        budget.clicks is not None and clicked >= budget.clicks
    )


def had(campaign: Campaign, counts: Counts) -> tuple[int, int]:
    """The campaign's impressions and clicks, over all its slots; those of creatives that are gone count as well."""
    prefix = f"{campaign.name}/"
    found = [one for slot in campaign.document.slots for arm, one in counts(slot).items() if arm.startswith(prefix)]
    return sum(one[0] for one in found), sum(one[1] for one in found)
