"""The guides: Markdown files of this folder, in the order in which they are read, and as HTML.

Links between guides are written as links between files (``events.md#purchase``), so that they work in a checkout, too.
Blocks between ``<!-- table: … -->`` and ``<!-- end -->`` are generated (`serving.docs.tables`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from itertools import pairwise
from typing import Any, Final, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

NAMES: Final = (
    "http",
    "page",
    "kafka",
    "events",
    "rules",
    "banners",
    "search",
    "offers",
    "prices",
    "statuses",
    "keys",
    "privacy",
    "operating",
    "quality",
    "exploring",
    "settings",
    "state",
)
PATH: Final = "/docs/guides/"

_MARK = re.compile(r"^<!-- (?:table: [a-z_]+|end) -->\n", re.MULTILINE)
_LINK = re.compile(r"^([a-z_]+)\.md(?=#|\Z)")
_OBVIOUS: Final = frozenset({"is", "does", "holds", "shows"})
_NO_WORD = re.compile(r"[^\w]+")
_BREAKS = re.compile(r"(?<=[_/.,:@=}\])])(?=\w|&|\{)")
WHOLE: Final = 44
_markdown = MarkdownIt("commonmark", {"html": False}).enable("table")


def _code(_: Any, tokens: Sequence[Token], number: int, *__: Any) -> str:
    """Code in a line of text, which may break between its words, never inside one."""
    return f"<code>{_BREAKS.sub('<wbr>', escape(tokens[number].content))}</code>"


_markdown.add_render_rule("code_inline", _code)


class Heading(NamedTuple):
    """A heading: its level, its text, and the name that links use."""

    level: int
    text: str
    anchor: str


class Guide(NamedTuple):
    """One guide, ready to be put on a page."""

    name: str
    title: str
    headings: tuple[Heading, ...]
    html: str


def text_of(name: str) -> str:
    """The guide's Markdown."""
    return files(__package__).joinpath(f"{name}.md").read_text(encoding="utf-8")


@cache
def guides() -> tuple[Guide, ...]:
    """All guides, in order."""
    return tuple(guide(name, text_of(name)) for name in NAMES)


def guide(name: str, text: str) -> Guide:
    """The guide of this Markdown; its first heading is its title."""
    tokens = _markdown.parse(_MARK.sub("", text))
    headings = tuple(_named(tokens))
    _name_cells(tokens)
    for token in _every(tokens):
        _dress(token)
    html: str = _markdown.renderer.render(tokens, _markdown.options, {})
    return Guide(name, headings[0].text, headings, html)


def _named(tokens: Sequence[Token]) -> Iterator[Heading]:
    """The headings; each gets its anchor as id."""
    for token, inline in pairwise(tokens):
        if token.type == "heading_open":
            text = "".join(child.content for child in inline.children or ())
            anchor = _NO_WORD.sub("-", text.lower()).strip("-")
            token.attrSet("id", anchor)
            yield Heading(int(token.tag[1]), text, anchor)


def _name_cells(tokens: Sequence[Token]) -> None:
    """Each cell of a wide table gets its column's head, which narrow screens show before it.

    What a row is about stays in one line where it is short and there is room.
    """
    heads: list[str] = []
    column = 0
    for token, inline in pairwise(tokens):
        if token.type == "thead_open":
            heads = []
        elif token.type == "tr_open":
            column = 0
        elif token.type == "th_open":
            heads.append(inline.content.replace("`", ""))
        elif token.type == "td_open":
            if not column and len(inline.content) <= WHOLE:
                token.attrSet("class", "whole")
            if len(heads) > 2 and heads[column] not in _OBVIOUS:
                token.attrSet("data-head", heads[column])
            column += 1


def _every(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _every(token.children or ())


def _dress(token: Token) -> None:
    """What a page needs and Markdown does not say."""
    if token.type == "link_open":
        href: Any = token.attrGet("href")
        token.attrSet("href", _LINK.sub(rf"{PATH}\1", href))
    elif token.type == "fence":
        token.info, _, marks = token.info.partition(" ")
        if marks == "answer":
            token.attrSet("class", "printed")
