"""Shopify's product export, with the header that it had for years (`Handle`, `Variant SKU`, …) and its newer one
(`URL handle`, `SKU`, …). https://help.shopify.com/en/manual/products/import-export/using-csv

A product is the rows of one handle: its first row has its texts, each row with a price is a variant, the others carry
pictures. A variant is an item, known by its SKU (by its handle if it is the only one and has none); several have the
handle as their `item_group_id`. The file names neither currency nor shop: `--currency` and `--shop`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from stream.feeds import values
from stream.feeds.columns import MISSING, Field, Offer, Options, fill, item_id, offered
from stream.feeds.flaws import BadFeed, Row, Unreadable
from stream.feeds.prose import prose
from stream.feeds.table import Cells, header, rows
from stream.feeds.text import FeedText

MOST_ROWS = 5_000
_OLDER = {
    "handle": "url handle",
    "body (html)": "description",
    "published": "published on online store",
    "variant sku": "sku",
    "variant barcode": "barcode",
    "variant price": "price",
    "variant compare at price": "compare-at price",
    "variant inventory tracker": "inventory tracker",
    "variant inventory qty": "inventory quantity",
    "variant inventory policy": "continue selling when out of stock",
    "image src": "product image url",
    "variant image": "variant image url",
}
"""Older header → newer; the rest is the same but for capitals."""

PRODUCT = (
    Field("title", ("title",), required=True),
    Field("description", ("description",), prose),
    Field("brand", ("vendor",)),
    Field("category", ("product category", "type"), values.category),
)
VARIANT = (
    Field("item_id", ("sku",), item_id),
    Field("gtin", ("barcode",)),
    Field("image_url", ("variant image url", "product image url"), values.web_url),
)
OFFER = Offer("price", "compare-at price", cost="cost per item")
_OPTIONS = [(f"option{number} name", f"option{number} value") for number in (1, 2, 3)]
_NO_SKU = Unreadable("missing", "variants are told apart by their SKU, and this one has none", "give each variant one")
_NO_TITLE = Unreadable("missing", "a product's first row has its title", "keep the rows of a product together")


class Shopify:
    """See the module."""

    name = "Shopify products, CSV"
    mapping: Mapping[str, str] = {one.name: ", ".join(one.columns) for one in (*VARIANT, *PRODUCT)} | {
        "url": "url handle, below --shop",
        "item_group_id": "url handle, of products with several variants",
        "price": "compare-at price if it is above price, else price",
        "sale_price": "price if compare-at price is above it",
        "cost": "cost per item",
        "quantity, availability": "inventory quantity, inventory tracker, continue selling when out of stock",
        "tags": "tags",
        "attributes": "option1 name, option1 value, … option3",
        "hidden": "status (not active), published on online store (false)",
    }

    def looks(self, head: str) -> bool:
        names = _newer(header(head).names)
        return {"title", "url handle"} <= set(names) and bool({"price", "sku", "vendor"} & set(names))

    def rows(self, text: FeedText, options: Options) -> Iterator[Row]:
        top = header(text.head)
        named = top._replace(names=_newer(top.names))
        written = dict(zip(named.names, top.written, strict=True))
        if not options.currency:
            raise BadFeed("a Shopify export does not say in which currency its prices are. Say it: --currency EUR")
        product: list[Cells] = []
        for one in rows(text, named, frozenset({"title", "url handle", "price", "sku"})):
            if product and _handle(one) != _handle(product[0]):
                yield from _relabelled(_product(product, named.names, options), written)
                product = []
            product.append(one)
            if len(product) > MOST_ROWS:
                raise BadFeed(f"line {product[0].number}: a product has more than {MOST_ROWS} rows.")
        if product:
            yield from _relabelled(_product(product, named.names, options), written)


def _newer(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(_OLDER.get(name, name) for name in names)


def _handle(cells: Cells) -> str:
    return cells.cells.get("url handle", "").strip() if cells.flaw is None else f"\0{cells.number}"


def _relabelled(found: Iterator[Row], names: Mapping[str, str]) -> Iterator[Row]:
    """Name columns as this file does."""
    for row in found:
        row.columns = {field: names.get(column, column) for field, column in row.columns.items()}
        row.flaws = [replace(flaw, column=names.get(flaw.column, flaw.column)) for flaw in row.flaws]
        yield row


def _product(found: list[Cells], names: Sequence[str], options: Options) -> Iterator[Row]:
    if found[0].flaw is not None:
        yield Row(found[0].number, flaws=[found[0].flaw])
        return
    first = found[0].cells
    variants = [one for one in found if _is_variant(one.cells)]
    for one in variants or found[:1]:
        row = Row(one.number)
        if not first.get("title", "").strip():
            row.blame("title", "", _NO_TITLE)
        else:
            fill(row, PRODUCT, first, names)
        _variant(row, first, one.cells, several=len(variants) > 1, names=names, options=options)
        yield row


def _is_variant(cells: Mapping[str, str]) -> bool:
    return any(cells.get(name, "").strip() for name in ("price", "sku", "option1 value"))


def _variant(
    row: Row,
    first: Mapping[str, str],
    cells: Mapping[str, str],
    *,
    several: bool,
    names: Sequence[str],
    options: Options,
) -> None:
    fill(row, VARIANT, _pictured(first, cells), names)
    handle = first["url handle"].strip()
    if row.item.get("item_id") is None:
        if several:
            row.blame("sku", "", _NO_SKU)
        elif not handle:
            row.blame("url handle", "", MISSING)
        row.item["item_id"] = handle
    row.item["item_group_id"] = handle if several else None
    if options.shop and handle:
        row.item["url"] = f"{options.shop.rstrip('/')}/products/{handle}"
    _described(row, first, cells)
    _stocked(row, cells)
    _priced(row, cells, options)


def _pictured(first: Mapping[str, str], cells: Mapping[str, str]) -> dict[str, str]:
    """A variant without a picture of its own has the product's."""
    own = cells.get("variant image url", "").strip()
    return {**cells, "product image url": "" if own else first.get("product image url", "")}


def _described(row: Row, first: Mapping[str, str], cells: Mapping[str, str]) -> None:
    named = {
        values.text(first.get(name, "")).lower(): values.text(cells.get(value, ""))
        for name, value in _OPTIONS
        if first.get(name, "").strip() and cells.get(value, "").strip()
    }
    row.item["attributes"] = {name: value for name, value in named.items() if value != "Default Title"} or None
    row.item["tags"] = [tag for one in first.get("tags", "").split(",") if (tag := values.text(one))] or None
    status = first.get("status", "").strip().lower()
    published = first.get("published on online store", "").strip()
    try:
        row.item["hidden"] = status not in {"", "active"} or (bool(published) and not values.flag(published)) or None
    except Unreadable as why:
        row.blame("published on online store", published, why)


def _stocked(row: Row, cells: Mapping[str, str]) -> None:
    """Stock that Shopify does not track is always there; what is sold beyond it is a back order."""
    tracked, cell = cells.get("inventory tracker", "").strip(), cells.get("inventory quantity", "")
    row.item |= {"availability": "in_stock", "quantity": None}
    if not tracked or not cell.strip():
        return
    try:
        left = max(0, values.whole_number(cell))
    except Unreadable as why:
        row.blame("inventory quantity", cell, why)
        return
    beyond = cells.get("continue selling when out of stock", "").strip().lower() in {"true", "continue"}
    row.item |= {"quantity": left, "availability": "in_stock" if left else "backorder" if beyond else "out_of_stock"}


def _priced(row: Row, cells: Mapping[str, str], options: Options) -> None:
    """A compare-at price above the price is the full price; otherwise it says nothing, as in the shop."""
    row.columns = {**row.columns, "price": "price", "sale_price": "price"}
    offered(row, Offer("price", cost=OFFER.cost), cells, options)
    full = cells.get("compare-at price", "")
    if not full.strip() or row.item.get("price") is None:
        return
    try:
        before = values.as_money(values.amount(full).amount)
    except Unreadable as why:
        row.blame("compare-at price", full, why)
        return
    now = row.item["price"]
    if float(before) > float(now):
        row.item |= {"price": before, "sale_price": now}


FORMAT = Shopify()
