"""The first pass over feeds: every row is read and validated; what changes something waits in a spool, what is wrong is
named.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

import orjson
from msgspec import Struct, field
from msgspec.structs import replace

from stream.catalog import recognised
from stream.catalogue import Shelved
from stream.feeds.columns import Options
from stream.feeds.flaws import Flaw, Row, Unreadable
from stream.feeds.plan import Plan, Refused, compared
from stream.feeds.spool import Spool
from stream.feeds.text import FeedText
from stream.strict_json import REFUSED, Rejected

_NAME = re.compile(r"\w*")


class Checked(Struct):
    """What the rows came to. `ids`: those that could be read, and where; `nameless`: rows whose id could not be."""

    rows: int = 0
    valid: int = 0
    nameless: int = 0
    ids: dict[str, str] = field(default_factory=dict)
    flaws: list[Flaw] = field(default_factory=list)
    formats: dict[str, str] = field(default_factory=dict)
    plan: Plan = field(default_factory=Plan)

    def reasons(self) -> dict[str, int]:
        """How often each thing is wrong, the most frequent first."""
        return dict(Counter(flaw.reason for flaw in self.flaws).most_common())


def check(
    source: str, text: FeedText, options: Options, known: Mapping[str, Shelved], spool: Spool, checked: Checked
) -> Iterator[None]:
    """Read one feed into `spool` and `checked`, a step a row; raises `BadFeed`.

    `known` is the catalogue that it is compared with.
    """
    found = recognised(text)
    checked.formats[source] = found.name
    for row in found.rows(text, options):
        checked.rows += 1
        _named(row, source, checked)
        if not row.flaws:
            _compared(row, known, spool, checked)
        checked.valid += not row.flaws
        checked.flaws += [replace(flaw, source=source) for flaw in row.flaws]
        yield


def _named(row: Row, source: str, checked: Checked) -> None:
    """Note the item's id, which no other row may have."""
    item_id = row.item.get("item_id")
    if not isinstance(item_id, str) or not item_id:
        checked.nameless += 1
    elif item_id in checked.ids:
        why = Unreadable("duplicate", f"the item is in {checked.ids[item_id]} already", "keep one of them")
        row.blame(row.columns.get("item_id", "item_id"), item_id, why)
    else:
        checked.ids[item_id] = f"row {row.number} of {source}"


def _compared(row: Row, known: Mapping[str, Shelved], spool: Spool, checked: Checked) -> None:
    """Keep what the row changes, or note why the gate refuses it."""
    update = orjson.dumps(row.item)
    item_id = row.item.get("item_id", "")
    found = compared(item_id, update, known.get(item_id) if isinstance(item_id, str) else None)
    if isinstance(found, Rejected):
        name = _NAME.match(found.field)[0]  # type: ignore[index]  # it matches everything
        row.blame(row.columns.get(name, name), row.item.get(name, ""), _refusal(found))
        return
    checked.plan.count(found)
    if found is not None:
        spool.put(update)


def _refusal(found: Rejected) -> Unreadable:
    what, _, fix = found.detail.removeprefix(REFUSED).partition(". ")
    return Unreadable(found.reason, what, fix)


def gone(checked: Checked, known: Mapping[str, Shelved]) -> list[str]:
    """Items that a feed of the whole assortment no longer has.

    A row that is wrong keeps its item as it was. If a row's id cannot be read, nobody knows which item that is, and
    none is removed.
    """
    return [] if checked.nameless else [item_id for item_id in known if item_id not in checked.ids]


def refuse_broken(checked: Checked) -> None:
    """Raises `Refused` for a feed without rows, or with fewer than half of them valid."""
    if not checked.rows:
        raise Refused("the feed has no rows, nothing was sent. Export it again; an empty feed is never meant.")
    if checked.valid * 2 < checked.rows:
        raise Refused(
            f"only {checked.valid} of {checked.rows} rows are valid, less than half: nothing was sent. Mend what is "
            "listed above; most of it has one cause."
        )
