"""What a slot would show, as it is and with a draft: one request, one snapshot; nothing is kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import UNSET, Meta, Raw, Struct

from serving.banners.campaign import Campaign, Document
from serving.banners.decide import Choice, Seed, choose
from serving.banners.policy import Chosen
from serving.banners.slots import by_slot
from serving.banners.standing import Reason, Whom, enough, standing
from stream.bandits.features import Vector


class Asked(NamedTuple):
    """A slot asked for by somebody, its policies and what they are told, and all campaigns that there are."""

    slot: str
    whom: Whom
    seed: Seed
    by: Chosen
    context: Vector
    campaigns: Sequence[Campaign]


class ArmShare(Struct, frozen=True):
    """A creative that may stand there, and by which probability it does."""

    promotion_id: str
    probability: float


class BannerSide(Struct, frozen=True):
    """What the slot shows: `banner` and `reason` as an answer has them; `notes` say why a campaign takes no part."""

    banner: Annotated[Raw, Meta(extra_json_schema={"type": ["object", "null"]})]
    reason: Reason | None
    arms: list[ArmShare]
    notes: list[str]


class BannerPreview(Struct, frozen=True):
    """What a slot shows without the draft and with it (null: none was sent); `warnings`: what is odd about it."""

    slot: str
    without: BannerSide
    with_: BannerSide | None = msgspec.field(name="with")
    warnings: list[str] = []


def preview(asked: Asked, draft: Campaign | None) -> BannerPreview:
    """Both sides; a draft that is switched off is looked at as if it were on."""
    others = [one for one in asked.campaigns if draft is None or one.name != draft.name]
    after = None if draft is None else _side(asked, [*others, _on(draft)])
    return BannerPreview(asked.slot, _side(asked, asked.campaigns), after, [] if draft is None else _odd(asked, draft))


def _odd(asked: Asked, draft: Campaign) -> list[str]:
    elsewhere = [] if asked.slot in draft.document.slots else [f"The draft is not for the slot `{asked.slot}`."]
    return [*elsewhere, *warnings(draft)]


def warnings(campaign: Campaign) -> list[str]:
    """What is odd about a campaign."""
    found = []
    for creative, arm in zip(campaign.document.creatives, campaign.arms, strict=True):
        if creative.html is not None and arm.html != creative.html.strip():
            found.append(
                f"Creative `{creative.name}`: its HTML is shown as {arm.html!r}; the rest may not stand in a page."
            )
    if campaign.defaults and campaign.audience is not None:
        found.append("Its default creative is shown to nobody: of whom it is for, nothing may be known of an audience.")
    return found


def _on(campaign: Campaign) -> Campaign:
    document = msgspec.structs.replace(campaign.document, enabled=True)
    return msgspec.structs.replace(campaign, document=document)


def _side(asked: Asked, campaigns: Sequence[Campaign]) -> BannerSide:
    here = by_slot(campaigns).get(asked.slot, ())
    choice = choose(here, asked.whom, asked.seed, asked.by, asked.context)
    shown = b"null" if choice.arm is None else choice.arm.banner(asked.slot).encode()
    return BannerSide(Raw(shown), choice.reason, _shares(choice), [*_notes(asked, here, campaigns)])


def _shares(choice: Choice) -> list[ArmShare]:
    shares = [1.0] * len(choice.arms) if choice.draw is None else choice.draw.probabilities
    return [ArmShare(arm.id, share) for arm, share in zip(choice.arms, shares, strict=True)]


def _notes(asked: Asked, here: Sequence[Campaign], campaigns: Iterable[Campaign]) -> Iterable[str]:
    """Why each campaign of the slot takes no part."""
    for one in campaigns:
        if asked.slot in one.document.slots and not one.document.enabled:
            yield f"`{one.name}` is switched off."
    if enough(asked.whom):
        yield f"This visitor has seen {asked.whom.limits.a_day} banners within 24 hours, as many as anybody is shown."
        return
    all_of_them = [standing(one, asked.whom) for one in here]
    highest = max((one.campaign.document.priority for one in all_of_them if one.arms), default=None)
    for stands in all_of_them:
        if stands.reason is not None:
            yield f"`{stands.campaign.name}` {_why(stands.reason, stands.campaign.document)}."
        elif highest is not None and stands.campaign.document.priority < highest:
            yield f"`{stands.campaign.name}` gives way to a campaign of higher priority."


def _why(reason: Reason, document: Document) -> str:
    frequency, rest = document.frequency, document.rest_after
    if reason == "capped" and frequency is not UNSET:
        return f"was seen {frequency.impressions} times within {frequency.hours} hours, as often as it may be"
    if reason == "resting" and rest is not UNSET:
        return (
            f"rests: each creative was seen {rest.impressions} times without a click, the last within {rest.days} days"
        )
    return _WHY[reason]


_WHY: Final[dict[Reason, str]] = {
    "not_now": "is not on at this time: its schedule says so. `at` previews another",
    "spent": "has had all of its budget",
    "not_known": "is not for those of whom nothing may be known: it has an audience, or no default creative",
    "not_audience": "is for an audience that this visitor is not in",
    "dismissed": "stays away: this visitor dismissed one of its banners",
}
