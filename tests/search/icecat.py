"""The Icecat products as a catalogue."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

DATA = Path(os.environ.get("LIVESHELF_TEST_DATA", "../shared/data")) / "icecat_search"


def items() -> Iterator[dict[str, Any]]:
    """Catalogue items in the data's order."""
    with gzip.open(DATA / "products.jsonl.gz") as lines:
        for line in lines:
            product = orjson.loads(line)
            attributes = {name[2:]: value for name, value in product["attrs"].items()}
            yield {
                "item_id": product["id"],
                "title": product["title"][:1000],
                "description": product.get("short_description"),
                "brand": product.get("supplier"),
                "category": product["attrs"].get("t_product_type"),
                "mpn": product.get("name"),
                "gtin": next(iter(product.get("ean") or ()), None),
                "price": f"{product['price'] / 100:.2f}",
                "currency": "USD",
                "attributes": attributes,
            }


def queries() -> list[str]:
    """The queries that people rated answers to."""
    with (DATA / "ratings_dev.csv").open() as lines:
        next(lines)
        return list(dict.fromkeys(line.split(",", 1)[0] for line in lines))
