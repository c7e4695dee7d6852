"""A pixel's events name items as the import of the same shop's product export does."""

from __future__ import annotations

from typing import Any

import pytest

from stream.adapter import Adapted, ItemKey
from stream.adapters import adapters
from stream.catalog.shopify import FORMAT
from stream.feeds.columns import Options
from stream.feeds.text import FeedText
from stream.strict_json import Rejected

EXPORT = """Handle,Title,Vendor,Option1 Name,Option1 Value,Variant SKU,Variant Price
iron-pan,Iron pan,Ferro,Size,24 cm, PAN-24 ,39.90
iron-pan,,,Size,28 cm,PAN-28,49.90
glass-lid,Glass lid,Ferro,Title,Default Title,,14.50
köttbullar,Köttbullar,Ikka,Title,Default Title,,9.50
trivet,Trivet,Ferro,Title,Default Title,TRIVET,5.00
"""
VARIANTS: dict[str, dict[str, Any]] = {
    "PAN-24": {"id": "1", "sku": " PAN-24 ", "title": "24 cm", "product": {"url": "/products/iron-pan?variant=1"}},
    "PAN-28": {"id": "2", "sku": "PAN-28", "title": "28 cm", "product": {"url": "/products/iron-pan?variant=2"}},
    "glass-lid": {"id": "3", "sku": None, "title": "Default Title", "product": {"url": "/de/products/glass-lid"}},
    "köttbullar": {"id": "4", "sku": "", "title": "Default Title", "product": {"url": "/products/k%C3%B6ttbullar#x"}},
    "TRIVET": {"id": "5", "sku": "TRIVET", "title": "Default Title", "product": {"url": "/products/trivet"}},
}


def viewed(variant: dict[str, Any], key: ItemKey = "sku") -> str:
    event = {"id": "e", "clientId": "v", "name": "product_viewed", "timestamp": 1, "data": {"productVariant": variant}}
    found = adapters()["shopify"].adapt(event, key)
    assert not isinstance(found, Rejected)
    assert isinstance(found[0], Adapted)
    item_id: str = found[0].event["items"][0]["item_id"]
    return item_id


def test_the_items_of_the_export_are_those_of_the_events() -> None:
    rows = FORMAT.rows(FeedText([EXPORT.encode()]), Options(currency="EUR"))
    assert [row.item["item_id"] for row in rows] == [viewed(variant) for variant in VARIANTS.values()] == list(VARIANTS)


def test_with_the_ids_of_variants_only_those_count() -> None:
    assert [viewed(variant, "id") for variant in VARIANTS.values()] == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize("url", [None, "", "/collections/all", 7])
def test_without_sku_and_handle_it_is_the_variants_id(url: Any) -> None:
    assert viewed({**VARIANTS["glass-lid"], "product": {"url": url}}) == "3"


def test_one_of_several_without_a_sku_has_its_id() -> None:
    assert viewed({**VARIANTS["PAN-24"], "sku": None}) == "1"
