"""Descriptions as plain text.

Python's own HTML parser takes quadratic time for tags that never close (minutes for 100,000 characters), so tags are
cut out here, each character looked at once. What is left is text for people and for search; it is never put into a page
as HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

from stream.feeds.flaws import Unreadable

LONGEST = 100_000
_TAG = re.compile(r"<(?P<close>/?)(?P<name>[A-Za-z][A-Za-z0-9]*)|<!--|<[!?]").search
_QUOTE_OR_END = re.compile(r"[>\"']").search
_BLANKS = re.compile(r"\s+")
_WITHIN_A_LINE = re.compile(r"[^\S\n]+")
_AROUND_A_BREAK = re.compile(r" ?\n[ \n]*")
_SILENT = frozenset({"script", "style", "template", "noscript", "title"})
_INLINE = frozenset({"a", "abbr", "b", "bdi", "code", "em", "font", "i", "mark", "s", "small", "span", "strong", "u"})


def prose(cell: str) -> str:
    """The text of HTML, or of plain text, a line for each block."""
    if "\0" in cell:
        raise Unreadable("nul", "a NUL character is in it", "remove it")
    if len(cell) > LONGEST:
        raise Unreadable("too_long", f"it has more than {LONGEST:,} characters", "shorten it")
    words = "".join(_pieces(cell)) if _TAG(cell) else unescape(cell)
    return _AROUND_A_BREAK.sub("\n", _WITHIN_A_LINE.sub(" ", words)).strip()


def _pieces(html: str) -> Iterator[str]:
    """The texts between the tags, and a line feed for each tag of a block."""
    at, small = 0, html.lower()
    while found := _TAG(html, at):
        yield _text(html[at : found.start()])
        end = _comment_end(html, found.end()) if found[0] == "<!--" else _end(html, found.end())
        name = (found["name"] or "").lower()
        if name in _SILENT and not found["close"]:
            end = small.find(f"</{name}", end) - 1
        if end <= found.start():  # it never ends: a browser shows nothing of it, either
            return
        if name and name not in _INLINE:
            yield "\n"
        at = end + 1
    yield _text(html[at:])


def _text(piece: str) -> str:
    return unescape(_BLANKS.sub(" ", piece))


def _comment_end(html: str, at: int) -> int:
    found = html.find("-->", at)
    return found + 2 if found >= 0 else -1


def _end(html: str, at: int) -> int:
    """Where the tag's `>` is, quoted ones left out; -1: nowhere."""
    while found := _QUOTE_OR_END(html, at):
        if found[0] == ">":
            return found.start()
        at = html.find(found[0], found.end()) + 1
        if not at:
            return -1
    return -1
