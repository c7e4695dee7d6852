"""Our own catalogue items as JSON Lines: what `PUT /v1/catalog/items` takes, one a line.

A line may be an update: what it leaves out stays as it was, null takes a field away. Nothing is converted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stream import catalog_item
from stream.catalog_item import FIELDS
from stream.feeds.columns import Options
from stream.feeds.flaws import Row, Unreadable
from stream.feeds.records import first, records
from stream.feeds.text import FeedText
from stream.strict_json import Rejected, decode

_OTHERS = {"enable_search", "is_eligible_search", "link", "image_link", "@type", "@context", "@graph", "id"}


class JsonLines:
    """See the module."""

    name = "catalogue items, JSON Lines"
    mapping: Mapping[str, str] = {name: name for name in FIELDS}

    def looks(self, head: str) -> bool:
        return head.lstrip().startswith(("{", "[")) and "item_id" in first(head) and not _OTHERS & first(head).keys()

    def rows(self, text: FeedText, options: Options) -> Iterator[Row]:
        for number, value in records(text):
            row = Row(number, columns=self.mapping)
            document = decode(value, max_bytes=catalog_item.MAX_ITEM_BYTES)
            if isinstance(document, Rejected):
                row.blame("", value.decode("utf-8", "replace"), refusal(document))
            else:
                row.item = document
            yield row


def refusal(found: Rejected) -> Unreadable:
    """The gate's refusal as what is wrong with a row."""
    return Unreadable(found.reason, found.detail, "see schemas/catalog_update.json")


FORMAT = JsonLines()
