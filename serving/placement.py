"""What a placement is: a named place in the shop, which generators fill it and what it does without evidence.

It is data: `schemas/placement.json` describes the document that marketers edit, and each file in `serving/placements/`
is a built-in one.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from serving.config import BadDocument, pointed
from serving.filters.rule import BadFilter, Rule, compiled
from serving.recommenders import recommenders

DAY_S = 86_400
ITEMS = 12
MOST_ITEMS = 100
KIND = "placement"

Name: TypeAlias = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}\Z")]
ItemId: TypeAlias = Annotated[str, Meta(min_length=1, max_length=128)]
Share: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
Cap: TypeAlias = Annotated[int, Meta(ge=1, le=MOST_ITEMS)]
WindowS: TypeAlias = Annotated[int, Meta(ge=0, le=30 * DAY_S)]


class Rotation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """After how many shelves without interest an item sinks, and for how long after it was last seen."""

    after: Annotated[int, Meta(ge=1, le=100)]
    rest_hours: Annotated[int, Meta(ge=1, le=720)] = 24


class Caps(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many items of one category, one brand and one group of variants a shelf has at most; None: any number."""

    category: Cap | None = None
    brand: Cap | None = None
    item_group_id: Cap = 1


class Explore(Struct, frozen=True, forbid_unknown_fields=True):
    """`share`: of a placement's impressions, that go to items that few have seen; at most one a shelf."""

    share: Annotated[float, Meta(ge=0, le=0.2)]


class Document(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be said of a placement.

    Parameters
    ----------
    name: what a request asks for; `title` what shoppers read above the shelf, `explain` one sentence for marketers.
    recommenders: names of the candidate generators, in any order (their tiers rank them).
    goal: what the order is for, as models of choices have learnt it: ``clicks``, ``conversions`` or ``revenue`` (by the
        conversion's probability times the price); None ranks by the generators' tiers and scores.
    evidence: what happens without anything to go by: ``popular`` shows what is popular and says so, ``hide`` nothing.
    filter: what may be shown here at all (`schemas/filter.json`); a request's filter narrows it further.
    n: how many items a request gets that names no number.
    page: whether the items of the page (`item_id`, `item_ids`) lead and the visit's own follow.
    cart: whether only what lies in the cart leads: what the request names, and what the visitor's state knows.
    last_visit: whether the last visit counts also when it is over, as for a mail.
    repeats: whether items of this visit may come back for their own sake, and not only as neighbours of others.
    bought_days: how long what the visitor bought is not shown.
    exclude: items that are never shown here; `exclude_viewed`: nor what the visitor has looked at in this visit.
    click_window_s, view_window_s: how long after a click, or after being seen, a purchase is credited.
    rotation: whether what was shown and ignored several times sinks; None: no.
    diversity: how much variety counts against the order of the scores (0: not at all); a request may say otherwise.
    caps: how many items of one kind a shelf has at most.
    evidence_floor: less evidence than this is not shown as personal (`serving/slate/evidence.py`).
    neighbour_sessions: how many shopping sessions have to link an item to the visitor's before it may follow from it.
    explore: whether new items get a share of the impressions; only where shelves are personal, and never in mails.
    enabled: false answers with an empty shelf.
    """

    name: Name
    title: Annotated[str, Meta(max_length=200)] = ""
    explain: Annotated[str, Meta(min_length=1, max_length=1_000)]
    recommenders: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=20)]
    goal: Literal["clicks", "conversions", "revenue"] | None = None
    evidence: Literal["popular", "hide"] = "popular"
    filter: dict[str, Any] | None = None
    n: Annotated[int, Meta(ge=1, le=MOST_ITEMS)] = ITEMS
    page: bool = False
    cart: bool = False
    last_visit: bool = False
    repeats: bool = True
    bought_days: Annotated[int, Meta(ge=0, le=90)] = 30
    exclude: Annotated[tuple[ItemId, ...], Meta(max_length=1_000)] = ()
    exclude_viewed: bool = False
    rotation: Rotation | None = None
    diversity: Share = 0.0
    caps: Caps = Caps()
    evidence_floor: Share = 0.0
    neighbour_sessions: Annotated[int, Meta(ge=1, le=100)] = 1
    click_window_s: WindowS = 7 * DAY_S
    view_window_s: WindowS = DAY_S
    explore: Explore | None = None
    enabled: bool = True


class Placement(Document, frozen=True, kw_only=True):
    """A placement in force: its document, `version` (the revision that decisions carry), and its filter, compiled."""

    version: int = 1
    rule: Rule | None = None


def placement(document: Any, name: str, version: int = 1) -> Placement:
    """The placement that a JSON document of this name says; raises `BadDocument`."""
    try:
        read = msgspec.convert(document, Document)
    except msgspec.ValidationError as error:
        raise BadDocument(*pointed(error)) from None
    if read.name != name:
        raise BadDocument("/name", f"It must be {name!r}, as the path says.")
    return Placement(**msgspec.structs.asdict(read), version=version, rule=_rule(_known(read)))


def _known(document: Document) -> Document:
    """The document, if it names generators that exist, each once."""
    for place, one in enumerate(document.recommenders):
        if one not in recommenders():
            choices = ", ".join(recommenders())
            raise BadDocument(f"/recommenders/{place}", f"There is no recommender of this name; there are {choices}.")
        if one in document.recommenders[:place]:
            raise BadDocument(f"/recommenders/{place}", "This recommender stands here twice.")
    if document.explore is not None and (document.last_visit or document.cart or not _personal(document)):
        fix = "Leave `explore` out: only a personal shelf explores, and neither a mail's (`last_visit`) nor a cart's."
        raise BadDocument("/explore", fix)
    return document


def _personal(document: Document) -> bool:
    return any(recommenders()[name].personal for name in document.recommenders)


def _rule(document: Document) -> Rule | None:
    try:
        return None if document.filter is None else compiled(document.filter)
    except BadFilter as error:
        raise BadDocument(f"/filter{error.pointer}", error.detail) from None
