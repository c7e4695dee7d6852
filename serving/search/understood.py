"""How a query was understood: what is searched for, and what the answer tells the shopper of it."""

from __future__ import annotations

from typing import Literal, NamedTuple

from msgspec import Struct

from serving.filters.rule import Rule

Subject = Literal["price", "colour", "size", "brand"]


class Correction(NamedTuple):
    """Words as they were written, and as they are searched for: one or several, with blanks between them."""

    written: str
    meant: str


class Filter(NamedTuple):
    """A condition that was read out of the query. `written` are the words it was read from."""

    subject: Subject
    label: str
    rule: Rule
    written: str


class Expansion(NamedTuple):
    """The words of the whole query with a marketer's synonym in them: `replaced` gave way to `by`."""

    words: tuple[str, ...]
    replaced: str
    by: str


class Understood(Struct, frozen=True, kw_only=True, gc=False):
    """A query as it was understood.

    Attributes
    ----------
    query: as asked, without what nobody sees, and cut at `understanding.LONGEST` characters.
    words: what is searched for: corrected, without what became filters; empty if nothing was left to search for.
    written: the same words before they were corrected.
    corrections: what was corrected in `written`.
    rejoined: `words` with neighbours joined or a word split as the catalogue writes it more often ("head set" for
        "headset"); None if nothing is to be joined or split.
    instead: `words` with one that is known read as a near one, where no item has them all and some have these; None
        where there is none.
    filters: all must hold.
    exact: the id of the item whose number (item id, GTIN, part number) was asked for.
    kind: the category (its last step) that the words name, None where they name none.
    expanded: other words that mean the same.
    """

    query: str
    words: tuple[str, ...]
    written: tuple[str, ...]
    corrections: tuple[Correction, ...] = ()
    rejoined: tuple[str, ...] | None = None
    instead: tuple[str, ...] | None = None
    filters: tuple[Filter, ...] = ()
    exact: str | None = None
    kind: str | None = None
    expanded: tuple[Expansion, ...] = ()
