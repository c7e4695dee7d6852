"""OpenAI's product feed (for ChatGPT), as JSON Lines, a JSON list or a table, in the words of both of its versions.

The first borrowed Google's (`id`, `link`, `enable_search`), the second has its own (`item_id`, `url`,
`is_eligible_search`).
https://developers.openai.com/commerce/specs/file-upload/products

The flags for ChatGPT's search and checkout say nothing about this shop's shelves and are left out.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Mapping
from typing import Any

import orjson

from stream.feeds import merchant, values
from stream.feeds.columns import Field, Offer, Options, fill, gathered, offered
from stream.feeds.flaws import Row, Unreadable
from stream.feeds.records import first, records
from stream.feeds.table import header, rows
from stream.feeds.text import FeedText

_FLAGS = frozenset({"enable_search", "is_eligible_search"})
_ALSO = {
    "item_id": ("item_id", "id"),
    "url": ("url", "link"),
    "image_url": ("image_url", "image_link"),
    "quantity": ("inventory_quantity",),
    "category": ("product_category",),
    "item_group_id": ("group_id", "item_group_id"),
}
FIELDS = tuple(Field(one.name, _ALSO.get(one.name, one.columns), one.read, one.required) for one in merchant.FIELDS)
OFFER = Offer(
    "price",
    "sale_price",
    sale_dates="sale_price_effective_date",
    sale_start="sale_price_start_date",
    sale_end="sale_price_end_date",
)
_COLUMNS = frozenset(name for one in FIELDS for name in one.columns) | merchant.ATTRIBUTES.keys()
_SAID = _COLUMNS - {"inventory_quantity"}
_NOT_JSON = Unreadable("not_json", "it is not a JSON object", "write one object with quoted names a line")


class OpenAi:
    """See the module."""

    name = "OpenAI product feed"
    mapping: Mapping[str, str] = {one.name: ", ".join(one.columns) for one in FIELDS} | {
        "price, currency": OFFER.price,
        "sale_price": "sale_price (from sale_price_start_date to sale_price_end_date)",
        "attributes": ", ".join((*merchant.ATTRIBUTES, "variant_dict")),
    }

    def looks(self, head: str) -> bool:
        if head.lstrip().startswith(("{", "[")):
            return bool(_FLAGS & first(head).keys())
        return bool(_FLAGS & set(header(head).names))

    def rows(self, text: FeedText, options: Options) -> Iterator[Row]:
        return _of_table(text, options) if not text.head.lstrip().startswith(("{", "[")) else _of_json(text, options)


def _of_table(text: FeedText, options: Options) -> Iterator[Row]:
    top = header(text.head)
    for found in rows(text, top, _COLUMNS | {"price", "sale_price"}):
        row = Row(found.number)
        if found.flaw:
            row.flaws.append(found.flaw)
        else:
            _read(row, found.cells, top.names, options)
        yield row


def _of_json(text: FeedText, options: Options) -> Iterator[Row]:
    for number, value in records(text):
        row = Row(number)
        try:
            found = orjson.loads(value)
        except orjson.JSONDecodeError:
            found = None
        if isinstance(found, dict):
            _read(row, {name: _cell(one) for name, one in found.items()}, _SAID, options)
        else:
            row.blame("", value.decode("utf-8", "replace"), _NOT_JSON)
        yield row


def _cell(value: Any) -> str:
    """A JSON value as a table would have it."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _read(row: Row, cells: Mapping[str, str], said: Container[str], options: Options) -> None:
    fill(row, FIELDS, cells, said)
    gathered(row, "attributes", merchant.ATTRIBUTES, cells, said)
    _variant(row, cells.get("variant_dict", ""))
    offered(row, OFFER, cells, options)


def _variant(row: Row, cell: str) -> None:
    """`{"Color": "Blue"}` of a variant as attributes."""
    if not cell.strip():
        return
    try:
        found = orjson.loads(cell)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        row.blame("variant_dict", cell, _NOT_JSON)
        return
    named = {values.text(name).lower(): values.text(_cell(one)) for name, one in found.items() if _cell(one).strip()}
    row.item["attributes"] = {**(row.item.get("attributes") or {}), **named} or None


FORMAT = OpenAi()
