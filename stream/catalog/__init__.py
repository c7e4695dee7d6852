"""One file per feed format; the folder is scanned."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from stream.feeds.flaws import BadFeed, shown
from stream.feeds.format import FeedFormat
from stream.feeds.text import FeedText


@cache
def formats() -> tuple[FeedFormat, ...]:
    """All formats, in the order of their files' names."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return tuple(importlib.import_module(f"{__name__}.{name}").FORMAT for name in names)


def recognised(text: FeedText) -> FeedFormat:
    """The format of a feed, by its content; raises `BadFeed` if none says that it is one."""
    for one in formats():
        if one.looks(text.head):
            return one
    known = ", ".join(one.name for one in formats())
    start = shown(text.head.lstrip().split("\n", 1)[0])
    raise BadFeed(f"its format is not recognised; it starts with: {start}. Known are: {known}.")
