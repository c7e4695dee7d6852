"""What can be wrong with a feed: a `Flaw` in one row, which leaves the others alone, or a `BadFeed` altogether."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

SHOWN_CHARACTERS = 80


class BadFeed(Exception):
    """The feed cannot be used, and nothing of it is: says what was found, what it means, what to do."""


class Unreadable(Exception):
    """A value does not say what its column should; `reason` is a short name to count by."""

    def __init__(self, reason: str, message: str, fix: str) -> None:
        super().__init__(message)
        self.reason, self.message, self.fix = reason, message, fix


class Flaw(Struct, frozen=True):
    """One thing wrong in one row: the row's number, the column, what it says, what is wrong with that, how to mend it.

    A row is a line where the format has lines (a table's first is 1, its header), otherwise the item's place, from 1.
    """

    row: int
    column: str
    value: str
    reason: str
    message: str
    fix: str
    source: str = ""


class Row(Struct):
    """One item of a feed: an update for `stream.catalog_item`, and what could not be read of it.

    A field that the feed speaks of and this row does not have is None: it takes away what was known. `columns` says
    which column a field came from.
    """

    number: int
    item: dict[str, Any] = field(default_factory=dict)
    flaws: list[Flaw] = field(default_factory=list)
    columns: Mapping[str, str] = field(default_factory=dict)

    def blame(self, column: str, value: object, why: Unreadable) -> None:
        """Note that `column` cannot be used."""
        self.flaws.append(Flaw(self.number, column, shown(value), why.reason, why.message, why.fix))


def shown(value: object) -> str:
    """A value as people may see it in a terminal: short, and without anything that steers one."""
    text = value if isinstance(value, str) else repr(value)
    text = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text[: SHOWN_CHARACTERS + 1])
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"
