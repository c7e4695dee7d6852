"""A catalogue in memory, and the vocabulary that an index of it would have."""

from __future__ import annotations

from collections import Counter
from typing import Any

import orjson

from serving.search.analysis import words_of
from stream.catalog_item import CatalogItem
from stream.catalogue import Catalogue, Shelved
from stream.fold import Record


def put(catalogue: Catalogue, *items: dict[str, Any]) -> None:
    """Upsert items; an id alone deletes."""
    records = [
        Record("catalog", 0, 0, 0, item["item_id"].encode(), orjson.dumps(item) if len(item) > 1 else None)
        for item in items
    ]
    catalogue.apply(records)


class Vocabulary(Counter[str]):
    """Follows a catalogue: word → in how many items."""

    def __init__(self, catalogue: Catalogue | None = None) -> None:
        super().__init__()
        if catalogue is not None:
            catalogue.watch(self._changed)

    def _changed(self, item_id: str, before: Shelved | None, after: Shelved | None) -> None:
        for shelved, by in ((before, -1), (after, 1)):
            for word in set() if shelved is None else _words(shelved.item):
                self[word] += by
                if not self[word]:
                    del self[word]


def _words(item: CatalogItem) -> set[str]:
    texts = [
        item.title,
        item.description or "",
        item.brand or "",
        item.category or "",
        *map(str, item.attributes.values()),
    ]
    return set(words_of(" ".join(texts)))
