"""The decision about a slot: a pure function of its campaigns, who asks, a policy and a context.

```
campaigns by priority ─▶ those that may stand ─▶ the highest ─▶ all their arms ─▶ policy ─▶ draw ─▶ one, or none
```
Of whoever nothing may be known gets the default creative of the first campaign, the same for all of them, without a
policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from serving.banners.campaign import Campaign
from serving.banners.creative import Arm
from serving.banners.policy import NOTHING, UNIFORM, Chosen, drawn
from serving.banners.standing import REASONS, Reason, Standing, Whom, enough, standing
from stream.bandits.features import Vector

ARMS = 64
"""Of so many at most one is drawn; more campaigns of one priority wait until those before them are over."""


class Draw(NamedTuple):
    """By what an arm was drawn: the policy's probabilities of the arms, and what it was told of the visit.

    `shadow`: another policy's probabilities of the same arms, if one was asked.
    """

    probabilities: Sequence[float]
    context: Vector
    shadow: Sequence[float] | None


class Choice(NamedTuple):
    """What a slot shows.

    `arms` might have stood there, `chosen` (-1: none) does, of a `campaign`; `draw` says how; `reason`, why none does.
    """

    arms: Sequence[Arm]
    chosen: int
    campaign: Campaign | None
    draw: Draw | None
    reason: Reason | None

    @property
    def arm(self) -> Arm | None:
        """What is shown."""
        return self.arms[self.chosen] if self.chosen >= 0 else None


class Seed(NamedTuple):
    """What the draw is made from."""

    pid: str
    event_id: str
    slot: str


def choose(
    campaigns: Sequence[Campaign], whom: Whom, seed: Seed, by: Chosen = UNIFORM, context: Vector = NOTHING
) -> Choice:
    """What these campaigns of a slot, in their order, show to whoever asks."""
    if not campaigns:
        return _none("no_campaign")
    if enough(whom):
        return _none("daily_cap")
    found, reason = _highest(campaigns, whom)
    if reason is not None:
        return _none(reason)
    if whom.shopper is None:
        return Choice(found[0].arms, 0, found[0].campaign, None, None)
    pairs = [(arm, one.campaign) for one in found for arm in one.arms][:ARMS]
    arms = [arm for arm, _ in pairs]
    ids = [one.id for one in arms]
    probabilities = by.policy.probabilities(ids, context)
    chosen = drawn(probabilities, *seed)
    shadow = None if by.shadow is None else by.shadow.probabilities(ids, context).tolist()
    return Choice(arms, chosen, pairs[chosen][1], Draw(probabilities.tolist(), context, shadow), None)


def _highest(campaigns: Sequence[Campaign], whom: Whom) -> tuple[list[Standing], Reason | None]:
    """Those of the highest priority that may stand; without any, what came nearest to it."""
    found: list[Standing] = []
    nearest = 0
    for one in campaigns:
        if found and one.document.priority < found[0].campaign.document.priority:
            break
        stands = standing(one, whom)
        if stands.arms:
            found.append(stands)
        elif stands.reason is not None:
            nearest = max(nearest, REASONS.index(stands.reason))
    return found, None if found else REASONS[nearest]


def _none(reason: Reason) -> Choice:
    return Choice((), -1, None, None, reason)
