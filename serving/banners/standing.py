"""Whether a campaign may stand in a slot for a visitor at a moment, and if not, why not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias, get_args

from serving.banners.campaign import Campaign
from serving.banners.caps import capped, full, rests
from serving.banners.creative import Arm
from serving.banners.spent import Counts, exhausted
from serving.rules.segment import Shopper
from stream.signals import banners

Reason: TypeAlias = Literal[
    "no_campaign", "not_now", "spent", "not_known", "not_audience", "dismissed", "capped", "resting", "daily_cap"
]
"""Why a slot shows nothing; the later in this list, the nearer a campaign came to being shown."""
REASONS: tuple[Reason, ...] = get_args(Reason)


class Limits(NamedTuple):
    """What ends for everybody alike.

    `a_day`: how many banners one visitor is shown within 24 hours, over all slots; `counts`: what campaigns have had.
    """

    a_day: int
    counts: Counts


class Whom(NamedTuple):
    """Who is asked for, at `now` (ms); `shopper` is None where nothing may be known of them."""

    shopper: Shopper | None
    limits: Limits
    now: int

    @property
    def seen(self) -> banners.State | None:
        """What they saw of banners."""
        return None if self.shopper is None else banners.SIGNAL.of(self.shopper.visitor)


class Standing(NamedTuple):
    """A campaign's arms that may stand; without any, why."""

    campaign: Campaign
    arms: Sequence[Arm]
    reason: Reason | None = None


def standing(campaign: Campaign, whom: Whom) -> Standing:
    """How the campaign stands for whoever asks, but for the cap over all slots."""
    reason = _refused(campaign, whom)
    if reason is not None:
        return Standing(campaign, (), reason)
    seen = whom.seen
    if seen is None:
        return Standing(campaign, campaign.defaults)
    arms = [one for one in campaign.arms if not rests(seen.items.get(one.id), campaign.rest, whom.now)]
    return Standing(campaign, arms, None if arms else "resting")


def _refused(campaign: Campaign, whom: Whom) -> Reason | None:
    """Why none of the campaign's arms may stand, without a look at each."""
    if not campaign.schedule.open(whom.now // 1000):
        return "not_now"
    if exhausted(campaign, whom.limits.counts):
        return "spent"
    seen = whom.seen
    if seen is None or whom.shopper is None:
        return None if campaign.audience is None and campaign.defaults else "not_known"
    if campaign.audience is not None and not campaign.audience(whom.shopper):
        return "not_audience"
    if campaign.name in seen.dismissed:
        return "dismissed"
    return "capped" if capped(campaign, seen, whom.now) else None


def enough(whom: Whom) -> bool:
    """Whether they have seen as many banners as any visitor may within a day."""
    seen = whom.seen
    return seen is not None and full(seen, whom.limits.a_day, whom.now)
