"""The shop of a history: a catalogue from a file, in which everything is for sale."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import orjson

from serving.shop import Shop
from stream.catalogue import Catalogue
from stream.fold import Record
from stream.replay import BadFile, lines
from stream.title_vectors import TitleVectors

FIELDS = ("item_id", "title", "category", "brand", "price", "sale_price", "currency")

_PRICED = ("price", "sale_price", "currency")
_USED = ("item_id", "title", "category", "brand", *_PRICED)


class Assortment:
    """Every item of the catalogue and of the history may be shown, whatever its stock.

    Parameters
    ----------
    path: items, one a line, of which `FIELDS` are used; None = no catalogue. Raises `BadFile`.
    """

    def __init__(self, path: Path | None) -> None:
        self._catalogue = Catalogue()
        self._catalogue.caught_up()
        self._vectors = TitleVectors(self._catalogue) if path is not None else None
        self.shop = Shop(self._catalogue, self._vectors)
        for number, row in enumerate(lines(path) if path is not None else (), 1):
            self._read(row, f"{path}, line {number}")
        if self._vectors is not None:
            self._vectors.catch_up(len(self._catalogue))

    @property
    def items(self) -> AbstractSet[str]:
        """The ids of the catalogue."""
        return self._catalogue.items.keys()

    def meet(self, item_id: str) -> None:
        """An item of the history; one that a catalogue leaves out is known by its id."""
        if self._vectors is not None and item_id not in self._catalogue.items:
            self._put({"item_id": item_id, "title": item_id})

    def _read(self, row: bytes, place: str) -> None:
        fix = "each line must be one JSON object with item_id and title"
        try:
            item = orjson.loads(row)
            known = {name: item[name] for name in _USED if item.get(name) is not None}
            item_id = known["item_id"]
        except (orjson.JSONDecodeError, TypeError, KeyError, AttributeError) as error:
            raise BadFile(f"{place} is not a catalogue item ({error!r}): {fix}") from None
        self._put(known)
        if item_id not in self._catalogue.items:
            self._put({name: value for name, value in known.items() if name not in _PRICED})  # a price nobody can read
        if item_id not in self._catalogue.items:
            raise BadFile(f"{place} is not a catalogue item: {fix}")

    def _put(self, item: dict[str, Any]) -> None:
        self._catalogue.apply([Record("catalog", 0, 0, 0, str(item["item_id"]).encode(), orjson.dumps(item))])
