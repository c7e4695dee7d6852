"""The made catalogue of the demo shop, in the words of the public contract (`liveshelf.catalog.v1`).

```
kind ─▶ groups: some of its forms × materials, each with a brand ─▶ variants: some colours × sizes ─▶ items
```
Every kind draws from a generator of its own, so that a new kind changes no other kind's items.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import product
from types import MappingProxyType
from typing import Any, Final

from msgspec import Struct

from serving.demo.assortment import Department, Form, Kind, Material, departments, styles

SEED: Final = 2026
CURRENCY: Final = "EUR"
GROUPS: Final = (7, 8, 8, 9)
VARIANTS: Final = (2, 2, 3, 4)
PRICE_SIGMA: Final = 0.16
ON_SALE: Final = 0.12
SOLD_OUT: Final = 0.04
FIRST_DAY_S: Final = 1_672_531_200
DAYS: Final = 730
DAY_S: Final = 86_400
_ONLY: Final = Material("", "", 1.0)


class Item(Struct, frozen=True, gc=False):
    """One item as the world knows it; prices in whole cents, `sale_price` 0 without a sale."""

    item_id: str
    group: str
    title: str
    description: str
    department: str
    kind: str
    category: str
    brand: str
    style: str
    colour: str
    size: str
    material: str
    price: int
    sale_price: int
    in_stock: bool
    published_at_s: int

    @property
    def pays(self) -> int:
        """What a shopper pays, in cents."""
        return self.sale_price or self.price


@cache
def made(seed: int = SEED) -> tuple[Item, ...]:
    """All items of the shop that grows from `seed`, by department and kind."""
    return tuple(item for shop in departments() for kind in shop.kind for item in _of_kind(seed, shop, kind))


@cache
def by_id(seed: int = SEED) -> Mapping[str, Item]:
    """The items of `made`, by id."""
    return MappingProxyType({item.item_id: item for item in made(seed)})


def _of_kind(seed: int, shop: Department, kind: Kind) -> Iterator[Item]:
    rng = random.Random(f"{seed} {kind.id}")
    pairs = list(product(kind.forms, kind.materials or (_ONLY,)))
    groups = rng.sample(pairs, min(len(pairs), rng.choice(GROUPS)))
    number = 0
    for group, (form, material) in enumerate(groups, 1):
        for variant in _variants(rng, shop, kind, form, material):
            number += 1
            yield Item(item_id=f"{kind.id}-{number}", group=f"{kind.id}-group-{group}", **variant)


def _variants(
    rng: random.Random, shop: Department, kind: Kind, form: Form, material: Material
) -> Iterator[dict[str, Any]]:
    """The variants of one group: they share words, brand, sale and first day, not colour, size, price and stock."""
    brand = rng.choice(shop.brands)
    factor = form.factor * material.factor * styles().brands[brand] * math.exp(rng.gauss(0.0, PRICE_SIGMA))
    reduced = rng.choice((0.9, 0.85, 0.8, 0.7)) if rng.random() < ON_SALE else 0.0
    published = FIRST_DAY_S + DAY_S * rng.randrange(DAYS)
    colours = material.colours or kind.colours
    colours = tuple(rng.sample(colours, 1 if kind.one_colour else min(len(colours), rng.choice((2, 2, 3, 4)))))
    choices = list(product(colours, kind.sizes or {"": 1.0}))
    chosen = sorted(rng.sample(range(len(choices)), min(len(choices), rng.choice(VARIANTS))))
    for colour, size in (choices[place] for place in chosen):
        price = charm(100 * kind.price * factor * kind.sizes.get(size, 1.0))
        yield {
            "title": _title(form, material, size, "" if kind.one_colour else colour),
            "description": " ".join(filter(None, (form.sentence, material.sentence))),
            "department": shop.name,
            "kind": kind.id,
            "category": f"{shop.name} > {kind.name}",
            "brand": brand,
            "style": styles().of(colour),
            "colour": colour,
            "size": size,
            "material": material.word.lower(),
            "price": price,
            "sale_price": charm(price * reduced) if reduced else 0,
            "in_stock": rng.random() >= SOLD_OUT,
            "published_at_s": published,
        }


def _title(form: Form, material: Material, size: str, colour: str) -> str:
    named = f"{material.word} {form.word}" if material.word else form.word
    said = material.colours == (colour,)
    return ", ".join(filter(None, (named, size, "" if said else colour)))


def charm(cents: float) -> int:
    """A price as shops write it: 8.40, 24.90, 129.00; in cents."""
    if cents < 1_000:
        return max(90, 50 * round(cents / 50) - 10)
    if cents < 10_000:
        return 100 * round(cents / 100) - 10
    return 500 * round(cents / 500) - 100


def items(base: str = "", *, seed: int = SEED) -> list[dict[str, Any]]:
    """All items, as `PUT /v1/catalog/items` takes them (at most 1,000 at once).

    Parameters
    ----------
    base
        What goes before `url` and `image_url`, for example "http://127.0.0.1:8080"; empty for links within one host.
    """
    return [_as_sent(item, base) for item in made(seed)]


def _as_sent(item: Item, base: str) -> dict[str, Any]:
    sale = {"sale_price": euros(item.sale_price)} if item.sale_price else {}
    size = {"size": item.size} if item.size else {}
    material = {"material": item.material} if item.material else {}
    return {
        "item_id": item.item_id,
        "item_group_id": item.group,
        "title": item.title,
        "description": item.description,
        "url": f"{base}/?item={item.item_id}",
        "image_url": f"{base}/demo/images/{item.item_id}.svg",
        "price": euros(item.price),
        **sale,
        "currency": CURRENCY,
        "availability": "in_stock" if item.in_stock else "out_of_stock",
        "quantity": 40 if item.in_stock else 0,
        "brand": item.brand,
        "category": item.category,
        "locale": "en",
        "tags": [item.colour, item.style],
        "attributes": {"colour": item.colour, "style": item.style, **size, **material},
        "published_at": item.published_at_s * 1000,
    }


def euros(cents: int) -> str:
    """An amount in cents as the contract writes it."""
    return f"{cents // 100}.{cents % 100:02d}"
