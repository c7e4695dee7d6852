"""What a campaign is: a document as `schemas/campaign.json` says, checked and compiled.

```
slots, when, audience ─▶ frequency, rest_after (of this visitor) ─▶ priority ─▶ one of its creatives
```
It is data, as rules are. There is no field that would lay a banner over the page.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from serving.banners.creative import Arm, Creative, arm
from serving.config import BadDocument, read
from serving.config.documents import Kind
from serving.placement import Name
from serving.rules import schedule, segment
from serving.rules.schedule import Schedule, When
from serving.rules.segment import Holds
from stream.signals import banners

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
Goal: TypeAlias = Literal["clicks", "conversions"]
Most: TypeAlias = Annotated[int, Meta(ge=1, le=10**9)]
Times: TypeAlias = Annotated[int, Meta(ge=1, le=banners.TIMES)]


class Frequency(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At most so many impressions of the campaign a visitor within so many hours."""

    impressions: Times
    hours: Annotated[int, Meta(ge=1, le=720)]

    @property
    def ms(self) -> int:
        return self.hours * HOUR_MS


class Rest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """After how many impressions without a click a creative rests for a visitor, and for how long."""

    impressions: Times
    days: Annotated[int, Meta(ge=1, le=90)]

    @property
    def ms(self) -> int:
        return self.days * DAY_MS


class Budget(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """After so many impressions or clicks, of all visitors together, the campaign is over."""

    impressions: Most | None = None
    clicks: Most | None = None


class Document(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What can be said of a campaign.

    Parameters
    ----------
    name: what answers call it; `explain` one sentence for marketers and shoppers.
    slots: named places of pages, where one of its creatives may stand.
    priority: where several campaigns may stand in a slot, the highest does.
    when, audience: its time and whom it is for; left out: always, everybody.
    goal: what its creatives are chosen for.
    budget: when it is over.
    frequency, rest_after: what one visitor is spared.
    """

    name: Name
    explain: Annotated[str, Meta(min_length=1, max_length=1_000)]
    enabled: bool = True
    slots: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=20)]
    priority: Annotated[int, Meta(ge=-100, le=100)] = 0
    when: When = When()
    audience: dict[str, Any] | UnsetType = UNSET
    goal: Goal = "clicks"
    budget: Budget | UnsetType = UNSET
    frequency: Frequency | UnsetType = UNSET
    rest_after: Rest | UnsetType = UNSET
    creatives: Annotated[tuple[Creative, ...], Meta(min_length=1, max_length=20)]


class Campaign(Struct, frozen=True, eq=False):
    """A campaign in force.

    Attributes
    ----------
    document: what was said; `version` its revision.
    schedule, audience: when and for whom; an audience of None is everybody.
    frequency, rest: what one visitor is spared; None: nothing.
    arms: its creatives; `defaults` the one of them, if any, for those of whom nothing may be known.
    """

    document: Document
    version: int
    schedule: Schedule
    audience: Holds | None
    frequency: Frequency | None
    rest: Rest | None
    arms: tuple[Arm, ...]
    defaults: tuple[Arm, ...]

    @property
    def name(self) -> str:
        return self.document.name

    @property
    def order(self) -> tuple[int, str]:
        """Campaigns are asked in ascending order of this."""
        return -self.document.priority, self.document.name


def campaign(document: Any, name: str, version: int = 1) -> Campaign:
    """The campaign that a JSON document of this name says; raises `BadDocument`."""
    try:
        said = read(document, Document, name)
    except BadDocument as error:
        raise _refusal(error) from None
    _check(said)
    arms = tuple(arm(name, said.goal, one, f"/creatives/{place}") for place, one in enumerate(said.creatives))
    return Campaign(
        document=said,
        version=version,
        schedule=schedule.compiled(said.when),
        audience=None if said.audience is UNSET else segment.compiled(said.audience, "/audience"),
        frequency=None if said.frequency is UNSET else said.frequency,
        rest=None if said.rest_after is UNSET else said.rest_after,
        arms=arms,
        defaults=tuple(one for one in arms if one.default),
    )


KIND: Final[Kind[Campaign]] = Kind("campaign", campaign, MappingProxyType({}))
"""Campaigns as a kind of document that marketers edit; none is built in."""


def _refusal(error: BadDocument) -> BadDocument:
    """Where, and what instead; of what there is on purpose not, why."""
    field = error.pointer.rpartition("/")[2]
    if field.replace("-", "_").lower() in _OVERLAYS:
        return BadDocument(error.pointer, _NO_OVERLAY)
    words = _WORDS.get(field) or _WORDS.get(error.pointer.rpartition("/")[0].rpartition("/")[2], ())
    return BadDocument(error.pointer, f"{error.detail} There are {', '.join(words)}." if words else error.detail)


def _check(document: Document) -> None:
    """Refuse what the types cannot."""
    if len(set(document.slots)) < len(document.slots):
        raise BadDocument("/slots", "Each slot once.")
    names = [one.name for one in document.creatives]
    for place, name in enumerate(names):
        if name in names[:place]:
            raise BadDocument(f"/creatives/{place}/name", "Another creative of this campaign has this name already.")
    if document.budget == Budget():
        raise BadDocument("/budget", 'Say how many: {"impressions": 10000}, {"clicks": 500}, or both.')
    defaults = [place for place, one in enumerate(document.creatives) if one.default]
    if len(defaults) > 1:
        raise BadDocument(f"/creatives/{defaults[1]}/default", "A campaign has one default creative at most.")


_OVERLAYS = frozenset(
    {"type", "display", "format", "overlay", "popup", "pop_up", "popover", "modal", "lightbox", "interstitial"}
    | {"sticky", "toast", "exit_intent", "takeover", "fullscreen"}
)
_NO_OVERLAY = (
    "A banner stands in its slot and nowhere else: there is no overlay, no pop-up and no interstitial, on purpose, "
    "because they keep shoppers from what they came for. Leave the field out, and give the banner a slot on the page."
)
_WORDS = {"goal": ("clicks", "conversions"), "weekdays": schedule.DAYS}
