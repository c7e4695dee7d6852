"""The made catalogue of the demo shop, in the words of the public contract (`liveshelf.catalog.v1`)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from msgspec import Struct, convert

CURRENCY: Final = "EUR"
STOCK: Final = 40


class Kind(Struct, frozen=True):
    """What the shop has several of: one category, one drawing, and its items in the order of the file."""

    id: str
    category: str
    items: tuple[tuple[str, str, str, str, str], ...]


class Assortment(Struct, frozen=True):
    """The file `catalogue.toml` as it is."""

    kind: tuple[Kind, ...]
    out_of_stock: frozenset[str]


@cache
def assortment() -> Assortment:
    """The assortment, read once."""
    return convert(tomllib.loads(files(__package__).joinpath("catalogue.toml").read_text("utf-8")), Assortment)


def items(base: str = "") -> list[dict[str, Any]]:
    """All items, as `PUT /v1/catalog/items` takes them.

    Parameters
    ----------
    base
        What goes before `url` and `image_url`, for example "http://127.0.0.1:8080"; empty for links within one host.
    """
    return [
        item(kind, number, row, in_stock=f"{kind.id}-{number}" not in assortment().out_of_stock, base=base)
        for kind in assortment().kind
        for number, row in enumerate(kind.items, start=1)
    ]


def item(
    kind: Kind, number: int, row: tuple[str, str, str, str, str], *, in_stock: bool, base: str = ""
) -> dict[str, Any]:
    """One item of the catalogue; its id is the kind's id and its number."""
    title, colour, price, brand, description = row
    item_id = f"{kind.id}-{number}"
    return {
        "item_id": item_id,
        "title": title,
        "description": description,
        "url": f"{base}/?item={item_id}",
        "image_url": f"{base}/demo/images/{item_id}.svg",
        "price": price,
        "currency": CURRENCY,
        "availability": "in_stock" if in_stock else "out_of_stock",
        "quantity": STOCK if in_stock else 0,
        "brand": brand,
        "category": kind.category,
        "locale": "en",
        "tags": [colour],
        "attributes": {"colour": colour},
    }


@cache
def looks() -> Mapping[str, tuple[str, str]]:
    """How an item looks: item id → (kind, colour)."""
    return {
        f"{kind.id}-{number}": (kind.id, row[1])
        for kind in assortment().kind
        for number, row in enumerate(kind.items, start=1)
    }
