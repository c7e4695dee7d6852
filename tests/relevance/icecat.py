"""The Icecat products as items of a catalogue, and the queries that people judged (`icecat_search`)."""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

FOLDER = Path(os.environ.get("LIVESHELF_TEST_DATA", "../shared/data")) / "icecat_search"
CATEGORY = "t_product_type"

Judged = dict[str, dict[str, int]]


def items() -> Iterator[dict[str, Any]]:
    """The products as records of the catalogue topic, in the file's order."""
    with gzip.open(FOLDER / "products.jsonl.gz") as lines:
        for line in lines:
            yield item_of(orjson.loads(line))


def item_of(product: dict[str, Any]) -> dict[str, Any]:
    """One product: its type is the category, its name (often a part number) the `mpn`, all else is attributes."""
    attributes = {name: value for name, value in product["attrs"].items() if name != CATEGORY}
    category = str(product["attrs"].get(CATEGORY, ""))
    return {
        "item_id": product["id"],
        "title": product["title"],
        "description": product.get("short_description") or "",
        "brand": product["supplier"],
        "category": category if any(letter.isalpha() for letter in category) else None,
        "price": f"{product['price'] / 100:.2f}",
        "currency": "USD",
        "gtin": next(iter(product.get("ean") or ()), None),
        "mpn": product["name"],
        "image_url": product.get("img_500x500"),
        "attributes": {_spoken(name): _value(value) for name, value in attributes.items()},
        "locale": "en",
    }


def queries() -> list[str]:
    """All queries that people judged items for, relevant or not."""
    with (FOLDER / "ratings_dev.csv").open(newline="") as rows:
        return list(dict.fromkeys(row["query"] for row in csv.DictReader(rows)))


def judgements() -> Judged:
    """For each query the items that were judged, 0 (irrelevant) to 3; only queries with anything relevant."""
    judged: Judged = {}
    with (FOLDER / "ratings_dev.csv").open(newline="") as rows:
        for row in csv.DictReader(rows):
            judged.setdefault(row["query"], {})[row["docid"]] = int(row["rating"])
    return {query: of for query, of in judged.items() if any(of.values())}


def _spoken(name: str) -> str:
    """`t_finish_type` as "finish type"."""
    return " ".join(name.split("_")[1:]).strip() or name


def _value(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
