"""What a feed format is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from stream.feeds.columns import Options
from stream.feeds.flaws import Row
from stream.feeds.text import FeedText


class FeedFormat(Protocol):
    """One way to write a catalogue down: recognises it by its content and reads it row by row.

    Attributes
    ----------
    name: as people call it.
    mapping: which column becomes which field, for the table in `stream/catalog/DESIGN.md`: field → columns.
    """

    @property
    def name(self) -> str: ...

    @property
    def mapping(self) -> Mapping[str, str]: ...

    def looks(self, head: str) -> bool:
        """Whether a feed that starts like this is one; at most one format says yes."""

    def rows(self, text: FeedText, options: Options) -> Iterator[Row]:
        """Its items, with what is wrong in them; raises `BadFeed` where it cannot go on."""
