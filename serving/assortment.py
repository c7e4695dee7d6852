"""The shop of a history: a catalogue from a file, in which everything is for sale."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import orjson
from msgspec import Struct

from serving.shop import Shop
from stream import catalog_item
from stream.catalogue import Catalogue
from stream.fold import Record
from stream.replay import BadFile, lines
from stream.strict_json import Rejected
from stream.title_vectors import TitleVectors

FIELDS = ("item_id", "title", "category", "brand", "price", "sale_price", "currency")

_PRICED = ("price", "sale_price", "currency")
_FIX = "each line must be one JSON object with item_id, and with title, category, brand and price where they are known"


class Listed(Struct):
    """What the catalogue file has: items, how many of them with what, and how many prices nobody can read."""

    items: int = 0
    titles: int = 0
    categories: int = 0
    brands: int = 0
    prices: int = 0
    unreadable_prices: int = 0


class Assortment:
    """Every item of the catalogue and of the history may be shown, whatever its stock.

    An item without a title is known by its id, but near to nothing.

    Parameters
    ----------
    path: items, one a line, of which `FIELDS` are used; None = no catalogue. Raises `BadFile`.
    """

    def __init__(self, path: Path | None) -> None:
        self.listed = Listed()
        self._catalogue = Catalogue()
        self._catalogue.caught_up()
        self._vectors = TitleVectors(self._catalogue) if path is not None else None
        self.shop = Shop(self._catalogue, self._vectors)
        untitled = []
        for number, row in enumerate(lines(path) if path is not None else (), 1):
            item = self._read(row, f"{path}, line {number}")
            if "title" in item:
                self._put(item)
            else:
                untitled.append(item)
        self.listed.titles = len(self._catalogue)
        if self._vectors is not None:
            self._vectors.catch_up(len(self._catalogue))
        for item in untitled:
            known = item["item_id"] in self._catalogue.items
            self._put(item if known else {"title": item["item_id"]} | item)
        self._count()

    @property
    def items(self) -> AbstractSet[str]:
        """The ids of the catalogue."""
        return self._catalogue.items.keys()

    def meet(self, item_id: str) -> None:
        """An item of the history; one that a catalogue leaves out is known by its id."""
        if self._vectors is not None and item_id not in self._catalogue.items:
            self._put({"item_id": item_id, "title": item_id})

    def _read(self, row: bytes, place: str) -> dict[str, Any]:
        """The fields of an item that are there, without a price that nobody can read."""
        try:
            item = orjson.loads(row)
            known = {name: item[name] for name in FIELDS if not _blank(item.get(name))}
        except (orjson.JSONDecodeError, AttributeError) as error:
            raise BadFile(f"{place} is not a catalogue item ({error!r}): {_FIX}") from None
        if isinstance(_canonical(known), Rejected) and any(name in known for name in _PRICED):
            known = {name: value for name, value in known.items() if name not in _PRICED}
            self.listed.unreadable_prices += 1
        whole = _canonical(known)
        if isinstance(whole, Rejected):
            raise BadFile(f"{place} is not a catalogue item ({whole.detail}): {_FIX}")
        return known

    def _put(self, item: dict[str, Any]) -> None:
        self._catalogue.apply([Record("catalog", 0, 0, 0, item["item_id"].encode(), orjson.dumps(item))])

    def _count(self) -> None:
        held = [one.item for one in self._catalogue.items.values()]
        self.listed.items = len(held)
        self.listed.categories = sum(bool(one.category) for one in held)
        self.listed.brands = sum(bool(one.brand) for one in held)
        self.listed.prices = sum(one.price is not None for one in held)


def _blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _canonical(known: dict[str, Any]) -> bytes | Rejected | None:
    item_id = known.get("item_id", "")
    return catalog_item.fold(None, orjson.dumps({"title": item_id} | known), key=str(item_id).encode())
