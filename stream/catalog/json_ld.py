"""schema.org's `Product` and `ProductGroup` as JSON-LD: alone, in a list, in a `@graph`, or in a web page's scripts.
https://schema.org/Product

A variant takes from its group what it does not say itself. Of several offers the first counts; an `AggregateOffer`
stands for its lowest price. A row is a product's place in the document, from 1.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import orjson

from stream.feeds import values
from stream.feeds.columns import Field, Offer, Options, fill, item_id, offered
from stream.feeds.flaws import BadFeed, Row
from stream.feeds.prose import prose
from stream.feeds.text import FeedText

Node: TypeAlias = Mapping[str, Any]

FIELDS = (
    Field("item_id", ("sku", "productID"), item_id, required=True),
    Field("title", ("name",), required=True),
    Field("description", ("description",), prose),
    Field("url", ("url", "offers.url"), values.web_url),
    Field("image_url", ("image",), values.web_url),
    Field("availability", ("offers.availability",), values.availability),
    Field("quantity", ("offers.inventoryLevel",), values.whole_number),
    Field("brand", ("brand",)),
    Field("category", ("category",), values.category),
    Field("item_group_id", ("productGroupID", "inProductGroupWithID"), item_id),
    Field("gtin", ("gtin", "gtin13", "gtin12", "gtin14", "gtin8", "isbn")),
    Field("mpn", ("mpn",)),
)
OFFER = Offer("offers.price", "offers.sale_price", currency="offers.priceCurrency", sale_end="offers.priceValidUntil")
_COLUMNS = frozenset(name for one in FIELDS for name in one.columns)
_SAID = _COLUMNS - {"offers.inventoryLevel"}
_ATTRIBUTES = ("color", "size", "material", "pattern")
_FULL_PRICES = ("ListPrice", "StrikethroughPrice")
_NAMED = re.compile(r'"@(type|context|graph)"\s*:').search
_DEEPEST = 12


class JsonLd:
    """See the module."""

    name = "schema.org JSON-LD"
    mapping: Mapping[str, str] = {one.name: ", ".join(one.columns) for one in FIELDS} | {
        "price, currency": "offers.price or lowPrice, priceCurrency; a ListPrice or StrikethroughPrice above it counts",
        "sale_price": "offers.price, if there is such a price above it",
        "tags": "keywords",
        "attributes": ", ".join((*_ATTRIBUTES, "additionalProperty")),
    }

    def looks(self, head: str) -> bool:
        start = head.lstrip().lower()
        if start.startswith(("{", "[")):
            return _NAMED(start) is not None
        return start.startswith("<") and (
            "application/ld+json" in start or start.startswith(("<!doctype html", "<html"))
        )

    def rows(self, text: FeedText, options: Options) -> Iterator[Row]:
        place = 0
        for document in _documents(text):
            known = _by_id(document)
            for product, group in _products(document, known, 0):
                place += 1
                yield _read(Row(place), _inherited(product, group), known, options)
        if not place:
            raise BadFeed("no schema.org Product is in it. A page without JSON-LD cannot be read; send a feed.")


def _documents(text: FeedText) -> Iterator[Any]:
    whole = text.whole()
    pieces = [whole] if not whole.lstrip().startswith("<") else list(_scripts(whole))
    for number, piece in enumerate(pieces, 1):
        try:
            yield orjson.loads(piece)
        except orjson.JSONDecodeError as error:
            where = f"its script number {number}" if len(pieces) > 1 else "it"
            raise BadFeed(f"{where} is not JSON: {error}. Nothing of it was used.") from None


def _scripts(page: str) -> Iterator[str]:
    """The contents of the script elements with JSON-LD."""
    small, at = page.lower(), 0
    while (start := small.find("<script", at)) >= 0:
        opened = small.find(">", start)
        closed = small.find("</script", opened)
        if opened < 0 or closed < 0:
            return
        if "application/ld+json" in small[start:opened]:
            yield page[opened + 1 : closed]
        at = closed


def _kinds(node: Node) -> set[str]:
    found = node.get("@type", ())
    return {str(one).rpartition("/")[2] for one in (found if isinstance(found, list) else [found])}


def _each(value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    return value if isinstance(value, list) else (value,)


def _by_id(document: Any, depth: int = 0) -> dict[str, Node]:
    """Nodes by `@id`, so that a reference to one can be followed."""
    found: dict[str, Node] = {}
    if depth > _DEEPEST:
        return found
    if isinstance(document, dict):
        if "@id" in document and len(document) > 1:
            found[str(document["@id"])] = document
        document = list(document.values())
    for one in document if isinstance(document, list) else ():
        if isinstance(one, dict | list):
            found |= _by_id(one, depth + 1)
    return found


def _node(value: Any, known: Mapping[str, Node]) -> Node:
    """An object, a reference to one, or nothing."""
    if not isinstance(value, dict):
        return {}
    return known.get(str(value["@id"]), value) if len(value) == 1 and "@id" in value else value


def _products(value: Any, known: Mapping[str, Node], depth: int) -> Iterator[tuple[Node, Node]]:
    """Every product with its group, in the document's order; a group's variants where the group names them."""
    if depth > _DEEPEST:
        raise BadFeed(f"its objects are nested more than {_DEEPEST} deep; a product's are not.")
    if isinstance(value, list):
        for one in value:
            yield from _products(one, known, depth + 1)
    if not isinstance(value, dict):
        return
    kinds = _kinds(value)
    if "ProductGroup" in kinds:
        for one in _each(value.get("hasVariant")):
            yield _node(one, known), value
    elif "Product" in kinds:
        if not _named_by_group(value, known):
            yield value, _node(value.get("isVariantOf"), known)
    else:
        for name in ("@graph", "itemListElement", "item", "mainEntity"):
            yield from _products(value.get(name), known, depth + 1)


def _named_by_group(product: Node, known: Mapping[str, Node]) -> bool:
    """Whether a group in the same document has it among its variants, where it is read."""
    own = product.get("@id")
    group = _node(product.get("isVariantOf"), known)
    return own is not None and any(
        isinstance(one, dict) and one.get("@id") == own for one in _each(group.get("hasVariant"))
    )


def _inherited(product: Node, group: Node) -> dict[str, Any]:
    own = {name: one for name, one in product.items() if one not in (None, "", [])}
    shared = ("name", "description", "brand", "category", "image", "url", "productGroupID", *_ATTRIBUTES)
    return {name: group[name] for name in shared if name in group} | own


def _read(row: Row, product: Node, known: Mapping[str, Node], options: Options) -> Row:
    cells = {name: _plain(product.get(name), known) for name in _COLUMNS} | _offer(product, known)
    fill(row, FIELDS, cells, _SAID)
    properties = {name: _plain(product.get(name), known) for name in _ATTRIBUTES} | _properties(product, known)
    row.item["attributes"] = {name: values.text(one) for name, one in properties.items() if one.strip()} or None
    words = product.get("keywords")
    listed = words if isinstance(words, list) else str(words or "").split(",")
    row.item["tags"] = [tag for one in listed if (tag := values.text(_plain(one, known)))] or None
    offered(row, OFFER, cells, options)
    return row


def _plain(value: Any, known: Mapping[str, Node]) -> str:
    """A value as one text: of several the first, of an object its name, value or address."""
    value = next(iter(_each(value)), None)
    if isinstance(value, dict):
        node = _node(value, known)
        names = ("name", "value", "contentUrl", "url", "@value")
        named = next((node[name] for name in names if node.get(name) not in (None, "")), "")
        return _plain(named, {}) if not isinstance(named, dict) else ""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _properties(product: Node, known: Mapping[str, Node]) -> dict[str, str]:
    found = (_node(one, known) for one in _each(product.get("additionalProperty")))
    return {values.text(str(one["name"])).lower(): _plain(one.get("value"), known) for one in found if one.get("name")}


def _offer(product: Node, known: Mapping[str, Node]) -> dict[str, str]:
    """The offer as cells; a full price beside the price makes that the sale price."""
    offers = [_node(one, known) for one in _each(product.get("offers"))]
    if not offers:
        return {}
    offer = offers[0]
    inner = [_node(one, known) for one in _each(offer.get("offers"))]
    specified = [_node(one, known) for one in _each(offer.get("priceSpecification"))]
    full = next((one for one in specified if str(one.get("priceType", "")).endswith(_FULL_PRICES)), {})
    now = next((one for one in specified if one is not full and "price" in one), {})
    price = _first(known, offer.get("price"), offer.get("lowPrice"), now.get("price"))
    cells = {
        "offers.price": _first(known, full.get("price"), price),
        "offers.sale_price": price if full else "",
        "offers.priceCurrency": _first(known, offer.get("priceCurrency"), now.get("priceCurrency")),
        "offers.priceValidUntil": _plain(offer.get("priceValidUntil"), known) if full else "",
        "offers.url": _plain(offer.get("url"), known),
        "offers.inventoryLevel": _plain(offer.get("inventoryLevel"), known),
        "offers.availability": _availability([offer, *inner], known),
    }
    return {name: one for name, one in cells.items() if one}


def _first(known: Mapping[str, Node], *found: Any) -> str:
    return next((text for one in found if (text := _plain(one, known))), "")


def _availability(offers: Sequence[Node], known: Mapping[str, Node]) -> str:
    """What can be had from any of the offers can be had."""
    said = [word for one in offers if (word := _plain(one.get("availability"), known))]
    return next((word for word in said if word.endswith("InStock")), said[0] if said else "")


FORMAT = JsonLd()
