"""Catalogue items: what the shop says about them, and how the records of the catalogue topic add up to one.

A record on `liveshelf.catalog.v1` is a JSON object keyed by its `item_id`. What it carries replaces what was known,
field by field (JSON Merge Patch, RFC 7396, one level deep): a field that is left out stays as it was, `null` takes it
away, and `attributes` and `tags` are replaced whole. So a stock update is `{"item_id": "sku-1", "quantity": 3}`. The
first record of an item needs its `title`. A record without a value deletes the item; the next starts from nothing.

The topic is compacted: Kafka may drop all but the newest record of a key. Whoever reads it from the start can therefore
rebuild an item only if its newest record is whole. So the HTTP edge folds an update into what it knows and produces the
whole item, and a shop that produces straight into Kafka sends a whole item again after partial ones.

`fold` is the whole rule; its result is canonical JSON (money as text, nothing null, names sorted), the same bytes for
the same records, with the fields that this version does not know kept.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import msgspec
import orjson
from msgspec import Meta, Raw, Struct

from stream.events import Currency, Id, Instant, ShortText, Text, Url
from stream.instants import instant_ms
from stream.money import Money, read_money
from stream.strict_json import Document, Rejected, decode, explained, rejected, whole_floats_as_integers

MAX_ITEM_BYTES = 64 * 1024

Availability = Literal["in_stock", "out_of_stock", "preorder", "backorder"]
Stock: TypeAlias = Annotated[int, Meta(ge=0, le=1_000_000_000)]
WebUrl: TypeAlias = Annotated[Url, Meta(pattern="^([Hh][Tt][Tt][Pp][Ss]?://|/)")]
Description: TypeAlias = Annotated[str, Meta(max_length=20_000)]
Title: TypeAlias = Annotated[str, Meta(min_length=1, max_length=1_000)]
Tag: TypeAlias = Annotated[str, Meta(max_length=200)]
AttributeName: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200)]
Scalar: TypeAlias = str | int | float | bool
Attribute: TypeAlias = Scalar | list[Scalar] | None
Attributes: TypeAlias = Annotated[dict[AttributeName, Attribute], Meta(max_length=1_000)]
Tags: TypeAlias = Annotated[list[Tag], Meta(max_length=200)]

_MONEY = ("price", "sale_price", "cost")
_BLANK = " \t\n\r"


class _Update(Struct, frozen=True, kw_only=True, gc=False):
    """The shape of a record: everything but the id may be left out or null."""

    item_id: Id
    title: Title | None = None
    description: Description | None = None
    url: WebUrl | None = None
    image_url: WebUrl | None = None
    price: Money | None = None
    sale_price: Money | None = None
    currency: Currency | None = None
    cost: Money | None = None
    availability: Availability | None = None
    quantity: Stock | None = None
    brand: Text | None = None
    category: Text | None = None
    item_group_id: Id | None = None
    gtin: ShortText | None = None
    mpn: Text | None = None
    locale: ShortText | None = None
    tags: Tags | None = None
    attributes: Attributes | None = None
    published_at: Instant | None = None
    hidden: bool | None = None


class CatalogItem(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One item as `fold` left it. Money is text of plain digits; `published_at` is as sent."""

    item_id: str
    title: str
    description: str | None = None
    url: str | None = None
    image_url: str | None = None
    price: str | None = None
    sale_price: str | None = None
    currency: str | None = None
    cost: str | None = None
    availability: Availability = "in_stock"
    quantity: int | None = None
    brand: str | None = None
    category: str | None = None
    item_group_id: str | None = None
    gtin: str | None = None
    mpn: str | None = None
    locale: str | None = None
    tags: list[str] = []
    attributes: dict[str, Attribute] = {}
    published_at: int | float | str | None = None
    hidden: bool = False

    @property
    def sellable(self) -> bool:
        """Whether it may be shown: not hidden, not out of stock, and with stock left unless it can be ordered ahead."""
        if self.hidden or self.availability == "out_of_stock":
            return False
        return self.quantity != 0 or self.availability != "in_stock"


FIELDS = CatalogItem.__struct_fields__
_decode_update = msgspec.json.Decoder(_Update, dec_hook=read_money).decode
_decode_item = msgspec.json.Decoder(CatalogItem).decode
_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_encode = msgspec.json.Encoder().encode


def fold(known: bytes | None, value: bytes | None, *, key: bytes | None = None) -> bytes | Rejected | None:
    """The item after one more record: canonical JSON, None if there is none any more, or why the record is refused.

    `known` is what the records before it came to (None: nothing). A `key` that is given must be the `item_id`.
    """
    if value is None:
        return None
    update = read_update(value, key)
    if isinstance(update, Rejected):
        return update
    document: Document = orjson.loads(known) if known is not None else {}
    document = {name: one for name, one in (document | update).items() if one is not None}
    return _canonical(document) if "title" in document else untitled()


def read_update(value: bytes, key: bytes | None = None) -> Document | Rejected:
    """The fields that a record carries, checked, money as text; a `key` that is given must be the `item_id`."""
    update = _update(value)
    if isinstance(update, Rejected) or key is None or key == update["item_id"].encode():
        return update
    fix = "Produce it with the item_id in UTF-8 as its key."
    return rejected("wrong_key", "the record's key is not its item_id", fix)


def untitled() -> Rejected:
    """What is wrong with a record after which the item has no title."""
    fix = "Send the whole item first, and then only what changes."
    return rejected("schema", "the item would have no title", fix, "title")


def read_item(whole: bytes) -> CatalogItem:
    """The item in what `fold` returned."""
    return _decode_item(whole)


def record_of(known: bytes | None, whole: bytes) -> bytes:
    """The record for a whole item; what it no longer has is null, because a field that is left out would stay."""
    if known is None:
        return whole
    document: dict[str, Raw] = _fields(whole)
    gone = _fields(known).keys() - document.keys()
    return _encode(document | dict.fromkeys(sorted(gone), Raw(b"null"))) if gone else whole


def _update(value: bytes) -> Document | Rejected:
    """The record's fields, checked, with money as plain text."""
    document = decode(value, max_bytes=MAX_ITEM_BYTES)
    if isinstance(document, Rejected):
        return document
    try:
        update = _decode_update(value)
    except msgspec.ValidationError:
        document = whole_floats_as_integers(document)
        try:
            update = msgspec.convert(document, _Update, dec_hook=read_money)
        except msgspec.ValidationError as error:
            return explained(error)
    return _checked(update) or document | _amounts(update)


def _checked(update: _Update) -> Rejected | None:
    """What a type cannot say."""
    if not update.item_id.strip(_BLANK) or (update.title is not None and not update.title.strip(_BLANK)):
        blank = "title" if update.item_id.strip(_BLANK) else "item_id"
        return rejected("schema", "item_id or title is blank", "Send both with at least one visible character.", blank)
    try:
        instant_ms(0 if update.published_at is None else update.published_at)
    except ValueError:
        fix = 'Send epoch milliseconds or text such as "2026-01-31T12:00:00Z".'
        return rejected("schema", "published_at is not an RFC 3339 instant with an offset", fix, "published_at")
    return None


def _amounts(update: _Update) -> dict[str, Any]:
    """The money fields that were sent, as text."""
    amounts = ((name, getattr(update, name)) for name in _MONEY)
    return {name: str(amount) for name, amount in amounts if amount is not None}


def _canonical(document: Document) -> bytes | Rejected:
    whole = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    if len(whole) > MAX_ITEM_BYTES:
        fix = "Shorten its description or its attributes."
        return rejected("too_large", f"the whole item has more than {MAX_ITEM_BYTES} bytes", fix)
    return whole
