"""A creative: what a banner says, with HTML made harmless here, so that no page has to trust a marketer's.

No class, id or style stays, and no form: a banner can neither lie over the page nor ask for anything. Links and
pictures lead to http(s) only.
"""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

import msgspec
import nh3
from msgspec import Meta, Struct

from serving.config import BadDocument

CreativeName: TypeAlias = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,39}\Z")]
WebUrl: TypeAlias = Annotated[str, Meta(pattern=r'^https?://[^\s"<>\\]+\Z', max_length=2_048)]

_ATTRIBUTES: Final[dict[str, set[str]]] = {"*": set(), "a": {"href", "title"}, "img": {"src", "alt", "width", "height"}}
_TAGS: Final = {
    *("a", "b", "br", "em", "h2", "h3", "h4", "i", "img", "li", "ol", "p", "s", "small", "span", "strong", "sub"),
    *("sup", "u", "ul"),
}
_CLEANER: Final = nh3.Cleaner(
    tags=_TAGS,
    attributes=_ATTRIBUTES,
    url_schemes={"http", "https"},
    url_relative="deny",
    clean_content_tags={"script", "style", "template", "noscript", "iframe", "object", "svg", "math", "title"},
)
_encode = msgspec.json.Encoder().encode


class Creative(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What can be said of a creative; `default`: it is shown to those of whom nothing may be known."""

    name: CreativeName
    title: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    text: Annotated[str, Meta(min_length=1, max_length=1_000)] | None = None
    image_url: WebUrl | None = None
    url: WebUrl | None = None
    html: Annotated[str, Meta(min_length=1, max_length=20_000)] | None = None
    default: bool = False


class Arm(Struct, frozen=True, eq=False):
    """A creative in force.

    Attributes
    ----------
    id: ``<campaign>/<creative>``, which events and policies call it by.
    goal: what its campaign wants of it: `clicks` or `conversions`.
    default: whether it may be shown to those of whom nothing may be known.
    html: its HTML, made harmless.
    shown: the answer's `banner` as JSON, but for the slot at its beginning.
    """

    id: str
    goal: str
    default: bool
    html: str | None
    shown: str

    def banner(self, slot: str) -> str:
        """What an answer for the slot says of it, as JSON."""
        return f'{{"promotion":{{"promotion_id":"{self.id}","creative_slot":"{slot}"}},{self.shown}'


def arm(campaign: str, goal: str, creative: Creative, at: str) -> Arm:
    """The creative of this campaign that stands at a pointer of its document, in force; raises `BadDocument`."""
    html = None if creative.html is None else clean(creative.html)
    if creative.html is not None and not html:
        raise BadDocument(f"{at}/html", "Nothing of it may be shown: see the tags that a banner may have.")
    if not any((creative.title, creative.text, creative.image_url, html)):
        raise BadDocument(at, "A creative needs something to show: a title, a text, a picture or HTML.")
    told = {
        "campaign": campaign,
        "creative": creative.name,
        "title": creative.title,
        "text": creative.text,
        "image_url": creative.image_url,
        "url": creative.url,
        "html": html,
    }
    return Arm(f"{campaign}/{creative.name}", goal, creative.default, html, _encode(told).decode()[1:])


def clean(html: str) -> str:
    """The HTML as it is shown: tags of text, links and pictures; everything else is gone."""
    return _CLEANER.clean(html).strip()
