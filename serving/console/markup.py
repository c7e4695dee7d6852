"""HTML from Python values: whatever is not markup already is escaped, so nothing that was typed becomes an element."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TypeAlias

_EMPTY = frozenset({"input", "link", "meta"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Child: TypeAlias = "str | Iterable[Child] | None"


def tag(name: str, /, *children: Child, **attributes: str | bool | int | None) -> Markup:
    """An element; ``for_`` is the attribute ``for``, ``aria_label`` is ``aria-label``, True is a bare one.

    Examples
    --------
    >>> tag("p", "2 < 3 ", tag("b", "&"), class_="a")
    '<p class="a">2 &lt; 3 <b>&amp;</b></p>'
    >>> tag("input", name="n", required=True, value=None)
    '<input name="n" required>'
    """
    opened = "".join(_attribute(key, value) for key, value in attributes.items())
    return Markup(f"<{name}{opened}>" + ("" if name in _EMPTY else f"{join(children)}</{name}>"))


def join(children: Child) -> Markup:
    """Children, one after another."""
    if children is None:
        return Markup("")
    if isinstance(children, str):
        return children if isinstance(children, Markup) else Markup(escape(children))
    return Markup("".join(map(join, children)))


def _attribute(key: str, value: str | bool | int | None) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'
