"""Google Merchant's product feed as a table: tab-separated as Google wants it, or with commas, as others take the same
columns. https://support.google.com/merchants/answer/7052112
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stream.feeds import merchant
from stream.feeds.columns import Options
from stream.feeds.flaws import Row
from stream.feeds.table import Header, header, rows
from stream.feeds.text import FeedText

_NEEDED = frozenset({"id", "title"})
_OTHERS = frozenset({"enable_search", "is_eligible_search"})


class MerchantTable:
    """See the module."""

    name = "Google Merchant, table"
    mapping: Mapping[str, str] = merchant.MAPPING

    def looks(self, head: str) -> bool:
        names = set(_words(header(head)).names)
        return names >= _NEEDED and bool(names & {"link", "price", "availability"}) and not names & _OTHERS

    def rows(self, text: FeedText, options: Options) -> Iterator[Row]:
        top = _words(header(text.head))
        for found in rows(text, top, merchant.COLUMNS | {"price", "sale_price"}):
            row = Row(found.number)
            if found.flaw:
                row.flaws.append(found.flaw)
                yield row
            else:
                yield merchant.read(row, found.cells, top.names, options)


def _words(top: Header) -> Header:
    """`image link` is `image_link`."""
    return top._replace(names=tuple(name.replace(" ", "_") for name in top.names))


FORMAT = MerchantTable()
