"""A shop of twelve items, and how each format writes items down."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any, TypeAlias

import orjson

from stream import catalog_item
from stream.catalog import recognised
from stream.feeds.columns import Options
from stream.feeds.flaws import Row
from stream.feeds.text import FeedText

NOW = 1_790_000_000_000
SHOP = "https://shop.example"
OPTIONS = Options(currency="EUR", shop=SHOP, now_ms=NOW)
Item: TypeAlias = Mapping[str, Any]


def item(item_id: str, handle: str = "", **more: Any) -> dict[str, Any]:
    """One item with everything that every format can say."""
    return {
        "item_id": item_id,
        "title": f"Title of {handle or item_id}",
        "description": "First line.\nSecond line: “quoted”, with commas; and 3 < 4.",
        "url": f"{SHOP}/products/{handle or item_id}",
        "image_url": f"{SHOP}/images/{item_id}.jpg",
        "price": "34.90",
        "currency": "EUR",
        "availability": "in_stock",
        "quantity": 40,
        "brand": "Brückner & Söhne",
        "category": "Kitchen > Pans",
        "gtin": "4006381333931",
        "attributes": {"color": "Blue", "size": "16 cm"},
        **({"item_group_id": handle} if handle else {}),
        **more,
    }


ITEMS: tuple[dict[str, Any], ...] = (
    *(
        item(f"saucepan-{size}", "saucepan", attributes={"color": "Blue", "size": f"{size} cm"})
        for size in (16, 18, 20)
    ),
    item(
        "saucepan-22", "saucepan", availability="out_of_stock", quantity=0, price="41.50", attributes={"color": "Red"}
    ),
    item("lid", price="5.00", sale_price="4.20"),
    item("kettle", availability="backorder", quantity=0),
    item("whisk", title='12" whisk, "the best"', price="0.99"),
    item("plate", title="Teller – groß, weiß", category="Table > Plates > Large"),
    item("cup", brand="O'Neil, Ltd.", price="1234.50", sale_price="999.00"),
    item("bowl", gtin="00012345600012", attributes={"color": "Ocean, deep"}),
    item("spoon", quantity=1),
    item("東京-1", title="茶碗"),
)


def folded(found: Iterable[Item]) -> list[bytes]:
    """Items as the catalogue would hold them."""
    return [whole for one in found if isinstance(whole := catalog_item.fold(None, orjson.dumps(one)), bytes)]


def read(content: bytes, options: Options = OPTIONS, **more: Any) -> list[Row]:
    """All rows of a feed."""
    text = FeedText([content[at : at + 700] for at in range(0, len(content), 700)], **more)
    return list(recognised(text).rows(text, options))


def parsed(content: bytes, options: Options = OPTIONS, **more: Any) -> list[bytes]:
    """The items of a feed in which nothing is wrong."""
    rows = read(content, options, **more)
    assert [flaw for row in rows for flaw in row.flaws] == []
    return folded(row.item for row in rows)


def table(header: Sequence[str], rows: Iterable[Sequence[str]], delimiter: str = ",") -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()


def _money(one: Item, name: str) -> str:
    return f"{one[name]} {one['currency']}" if one.get(name) else ""


def merchant_cells(one: Item) -> dict[str, str]:
    """An item in Google Merchant's words."""
    attributes = one.get("attributes", {})
    return {
        "id": one["item_id"],
        "title": one["title"],
        "description": one["description"],
        "link": one["url"],
        "image_link": one["image_url"],
        "price": _money(one, "price"),
        "sale_price": _money(one, "sale_price"),
        "availability": one["availability"],
        "quantity": str(one["quantity"]),
        "brand": one["brand"],
        "product_type": one["category"],
        "item_group_id": one.get("item_group_id", ""),
        "gtin": one["gtin"],
        "color": attributes.get("color", ""),
        "size": attributes.get("size", ""),
    }


def merchant_table(items: Iterable[Item]) -> bytes:
    rows = [merchant_cells(one) for one in items]
    return table(list(rows[0]), [list(row.values()) for row in rows], "\t")


def _elements(one: Item) -> str:
    return "".join(f"<g:{name}>{escape(cell)}</g:{name}>" for name, cell in merchant_cells(one).items() if cell)


_SHIPPING = "<g:shipping><g:country>DE</g:country><g:price>4.90 EUR</g:price></g:shipping>"


def merchant_xml(items: Iterable[Item]) -> bytes:
    rows = "".join(f"<item>\n{_elements(one)}{_SHIPPING}</item>\n" for one in items)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel>'
        f"<title>The shop</title><link>{SHOP}</link>\n{rows}</channel></rss>"
    ).encode()


def merchant_atom(items: Iterable[Item]) -> bytes:
    rows = "".join(
        f'<entry><id>tag:{number}</id><link href="{escape(one["url"])}"/><title>another</title>{_elements(one)}</entry>'
        for number, one in enumerate(items)
    )
    start = '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0">'
    return f"{start}<title>The shop</title>{rows}</feed>".encode()


def _cut(header: str) -> list[str]:
    return header.split(",")


def shopify(items: Iterable[Item]) -> bytes:
    """The newer header, with a row of its own for a second picture of each product."""
    return table(_SHOPIFY, _shopify_rows(items))


def shopify_older(items: Iterable[Item]) -> bytes:
    return table(_SHOPIFY_OLDER, _shopify_rows(items))


_SHOPIFY = _cut(
    "Title,URL handle,Description,Vendor,Product category,Type,Tags,Published on online store,Status,SKU,Barcode,"
    "Option1 name,Option1 value,Option2 name,Option2 value,Price,Compare-at price,Inventory tracker,Inventory quantity,"
    "Continue selling when out of stock,Product image URL,Image position,Variant image URL"
)
_SHOPIFY_OLDER = _cut(
    "Title,Handle,Body (HTML),Vendor,Product Category,Type,Tags,Published,Status,Variant SKU,Variant Barcode,"
    "Option1 Name,Option1 Value,Option2 Name,Option2 Value,Variant Price,Variant Compare At Price,"
    "Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Image Src,Image Position,Variant Image"
)


def _shopify_rows(items: Iterable[Item]) -> Iterator[list[str]]:
    for handle, group in groupby(items, lambda one: one["url"].rpartition("/")[2]):
        for number, one in enumerate(group):
            yield _shopify_row(handle, one, first=not number)
        yield ["", handle, *[""] * (len(_SHOPIFY) - 5), f"{SHOP}/images/another.jpg", "2", ""]


def _shopify_row(handle: str, one: Item, *, first: bool) -> list[str]:
    html = "".join(f"<p>{escape(line, quote=False)}</p>" for line in one["description"].split("\n"))
    colour, size = (one.get("attributes", {}).get(name, "") for name in ("color", "size"))
    product = [one["title"], handle, html, one["brand"], one["category"], "", "", "TRUE", "active"]
    sale = one.get("sale_price")
    return [
        *(product if first else ["", handle, *[""] * 7]),
        *(one["item_id"], one["gtin"], "Color" if first else "", colour, "Size" if first else "", size),
        *((sale, one["price"]) if sale else (one["price"], "")),
        *("shopify", str(one["quantity"]), "TRUE" if one["availability"] == "backorder" else "FALSE"),
        *(f"{SHOP}/images/first.jpg" if first else "", "1" if first else "", one["image_url"]),
    ]


def product(one: Item) -> dict[str, Any]:
    """An item as a schema.org Product."""
    offer: dict[str, Any] = {
        "@type": "Offer",
        "priceCurrency": one["currency"],
        "price": one.get("sale_price") or one["price"],
        "availability": "https://schema.org/" + one["availability"].title().replace("_", "").replace("Backo", "BackO"),
        "inventoryLevel": {"@type": "QuantitativeValue", "value": one["quantity"]},
    }
    if one.get("sale_price"):
        full = {"price": one["price"], "priceCurrency": one["currency"]}
        offer["priceSpecification"] = {**full, "priceType": "https://schema.org/StrikethroughPrice"}
    return {
        "@type": "Product",
        "sku": one["item_id"],
        "name": one["title"],
        "description": one["description"],
        "url": one["url"],
        "image": [one["image_url"], f"{SHOP}/images/another.jpg"],
        "brand": {"@type": "Brand", "name": one["brand"]},
        "category": one["category"],
        "gtin13": one["gtin"],
        **one.get("attributes", {}),
        "offers": offer,
    }


def json_ld(items: Iterable[Item]) -> bytes:
    """A graph; items of a group as its variants, which leave out what the group says."""
    graph: list[dict[str, Any]] = [{"@type": "WebSite", "name": "The shop"}]
    for handle, group in groupby(items, lambda one: one.get("item_group_id")):
        found = [product(one) for one in group]
        if handle:
            shared = {name: found[0][name] for name in ("name", "description", "brand", "category", "url")}
            variants = [{name: one[name] for name in one if one[name] != shared.get(name)} for one in found]
            graph.append({"@type": "ProductGroup", "productGroupID": handle, **shared, "hasVariant": variants})
        else:
            graph += found
    return json.dumps({"@context": "https://schema.org", "@graph": graph}).encode()


def json_ld_list(items: Iterable[Item]) -> bytes:
    return json.dumps(
        [
            {**product(one), **({"inProductGroupWithID": one["item_group_id"]} if "item_group_id" in one else {})}
            for one in items
        ]
    ).encode()


def json_ld_page(items: Iterable[Item]) -> bytes:
    script = json_ld(items).decode().replace("</", "<\\/")
    return (
        "<!DOCTYPE html><html><head><script>var x = '<p>';</script>"
        f'<script type="application/ld+json">{script}</script></head><body>A page</body></html>'
    ).encode()


def json_lines(items: Iterable[Item]) -> bytes:
    return b"".join(orjson.dumps(one) + b"\n" for one in items)


def _openai(one: Item) -> dict[str, Any]:
    cells = merchant_cells(one)
    named = {"item_id": "id", "url": "link", "image_url": "image_link", "group_id": "item_group_id"}
    kept = ("title", "description", "price", "sale_price", "availability", "brand", "gtin", "color", "size")
    return {
        "is_eligible_search": True,
        "is_eligible_checkout": False,
        **{new: cells[old] for new, old in named.items()},
        **{name: cells[name] for name in kept},
        "product_category": cells["product_type"],
        "inventory_quantity": one["quantity"],
    }


def openai(items: Iterable[Item]) -> bytes:
    return json_lines(_openai(one) for one in items)


def openai_list(items: Iterable[Item]) -> bytes:
    return json.dumps([_openai(one) for one in items], indent=1).encode()


def openai_first_version(items: Iterable[Item]) -> bytes:
    rows = [{"enable_search": "true", "enable_checkout": "false", **merchant_cells(one)} for one in items]
    renamed = {"quantity": "inventory_quantity", "product_type": "product_category"}
    return table([renamed.get(name, name) for name in rows[0]], [list(row.values()) for row in rows])


WRITERS: dict[str, tuple[Callable[[Iterable[Item]], bytes], ...]] = {
    "json_ld": (json_ld, json_ld_list, json_ld_page),
    "json_lines": (json_lines,),
    "merchant_table": (merchant_table,),
    "merchant_xml": (merchant_xml, merchant_atom),
    "openai": (openai, openai_list, openai_first_version),
    "shopify": (shopify, shopify_older),
}
"""A format's file → what writes items down in it; a new format needs one here."""
