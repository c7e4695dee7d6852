"""One page of the documentation: the bar, the contents beside it, and what it is about."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from serving.console.markup import Child, Markup, tag
from serving.docs.guides import PATH, Guide

REFERENCE: Final = "API reference"
STYLES: Final = ("/web/style.css", "/docs/static/docs.css")


def page(
    title: str, content: Child, guides: Iterable[Guide], *, styles: Iterable[str] = (), scripts: Iterable[str] = ()
) -> str:
    """A whole page; scripts run in order, once the page is there."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{title} · liveshelf"),
        tag("link", rel="icon", href="/web/icon.svg", type="image/svg+xml"),
        [tag("link", rel="stylesheet", href=href) for href in (*styles, *STYLES)],
        [tag("script", src=src, defer=True) for src in scripts],
    )
    main = tag("main", content, id="main", class_="text", tabindex=-1)
    body = tag(
        "body",
        tag("a", "Skip to the content", class_="skip", href="#main"),
        _bar(),
        tag("div", _contents(title, guides), main, class_="leaves"),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _bar() -> Markup:
    icon = Markup('<img src="/web/icon.svg" alt="" width="26" height="26">')
    brand = tag("a", icon, "liveshelf", tag("span", "documentation", class_="brand-note"), class_="brand", href="/docs")
    links = [
        tag("a", "Contents", class_="quiet to-contents", href="#contents"),
        tag("a", "Shop", class_="quiet", href="/"),
    ]
    return tag("header", brand, tag("nav", links, class_="bar-nav", aria_label="Shortcuts"), class_="bar")


def _contents(title: str, guides: Iterable[Guide]) -> Markup:
    entries = [_entry(REFERENCE, "/docs", title)]
    entries += [_entry(guide.title, PATH + guide.name, title, _sections(guide)) for guide in guides]
    return tag("nav", tag("ul", entries), id="contents", class_="contents", aria_label="Contents")


def _entry(name: str, href: str, title: str, within: Child = None) -> Markup:
    here = name == title
    return tag("li", tag("a", name, href=href, aria_current="page" if here else None), within if here else None)


def _sections(guide: Guide) -> Markup | None:
    second = [heading for heading in guide.headings if heading.level == 2]
    return tag("ul", [tag("li", tag("a", one.text, href=f"#{one.anchor}")) for one in second]) if second else None
