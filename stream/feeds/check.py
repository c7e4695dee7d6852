"""The first pass over feeds: every row is read and validated, what is good waits in a spool, what is not is named."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

import orjson
from msgspec import Struct, field
from msgspec.structs import replace

from stream import catalog_item
from stream.catalog import recognised
from stream.catalogue import Shelved
from stream.feeds.columns import Options
from stream.feeds.flaws import Flaw, Row, Unreadable
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

    def reasons(self) -> dict[str, int]:
        """How often each thing is wrong, the most frequent first."""
        return dict(Counter(flaw.reason for flaw in self.flaws).most_common())


def check(
    source: str, text: FeedText, options: Options, known: Mapping[str, Shelved], spool: Spool, checked: Checked
) -> Iterator[None]:
    """Read one feed into `spool` and `checked`, a step a row; raises `BadFeed`.

    `known` is the catalogue that an update is checked against.
    """
    found = recognised(text)
    checked.formats[source] = found.name
    for row in found.rows(text, options):
        checked.rows += 1
        value = _valid(row, source, known, checked)
        if value is not None:
            checked.valid += 1
            spool.put(value)
        checked.flaws += [replace(flaw, source=source) for flaw in row.flaws]
        yield


def _valid(row: Row, source: str, known: Mapping[str, Shelved], checked: Checked) -> bytes | None:
    """The update, if nothing is wrong with it; what is, is noted in the row."""
    item_id = row.item.get("item_id")
    if not isinstance(item_id, str) or not item_id:
        checked.nameless += 1
        item_id = ""
    elif item_id in checked.ids:
        fix = "keep one of them"
        why = Unreadable("duplicate", f"the item is in {checked.ids[item_id]} already", fix)
        row.blame(row.columns.get("item_id", "item_id"), item_id, why)
    else:
        checked.ids[item_id] = f"row {row.number} of {source}"
    if row.flaws:
        return None
    before = known.get(item_id)
    value = orjson.dumps(row.item)
    whole = catalog_item.fold(before.raw if before else None, value)
    if isinstance(whole, Rejected):
        name = _NAME.match(whole.field)[0]  # type: ignore[index]  # it matches everything
        row.blame(row.columns.get(name, name), row.item.get(name, ""), _refusal(whole))
        return None
    return value


def _refusal(found: Rejected) -> Unreadable:
    what, _, fix = found.detail.removeprefix(REFUSED).partition(". ")
    return Unreadable(found.reason, what, fix)
