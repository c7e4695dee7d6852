"""An event in the making: fields from another system's document, and where in it each of them stood."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from stream.adapter import Adapted
from stream.source import Spot, inside
from stream.strict_json import Document

MOST_ID = 64
_TEXTS = frozenset(
    {
        *("event_id", "visitor_id", "customer_id", "session_id", "item_id", "item_variant", "item_list_id"),
        *("transaction_id", "cart_id", "search_term", "coupon", "decision_id"),
        *("promotion.promotion_id", "promotion.creative_slot"),
    }
)
_WHOLE = frozenset({"quantity", "index"})
_ADDRESSES = frozenset({"page.url", "page.referrer"})


class Draft:
    """An event, or one of its items.

    Attributes
    ----------
    fields: what it has so far.
    at: its fields by path, and where each came from.
    """

    def __init__(self, **fields: Any) -> None:
        self.fields: Document = dict(fields)
        self.at: dict[str, str] = {}

    def put(self, name: str, spot: Spot) -> None:
        """Set a field (`page.url` sets one inside), unless it is set or there is nothing to set it to."""
        if spot.value is None or spot.value == "":
            return
        place: Any = self.fields
        last = name
        if "." in name:
            parent, _, last = name.partition(".")
            place = place.setdefault(parent, {})
        if isinstance(place, dict) and last not in place:
            place[last] = _written(name, spot)
            self.at[name] = spot.path

    def fill(self, spot: Spot, table: Mapping[str, str]) -> None:
        """Set the fields that a table of source paths and our names finds."""
        for source, ours in table.items():
            if inside(spot.value, source) is not None:
                self.put(ours, spot.at(source))

    def add(self, item: Draft, source: str) -> None:
        """Add an item that came from `source`."""
        items = self.fields.setdefault("items", [])
        where = f"items[{len(items)}]"
        items.append(item.fields)
        self.at[where] = source
        self.at |= {f"{where}.{name}": path for name, path in item.at.items()}

    def done(self, source: str) -> Adapted:
        return Adapted(source, self.fields, self.at)


def short_id(text: str) -> str:
    """An id as it is, or a hash of one that is longer than ids may be."""
    return text if len(text) <= MOST_ID else fingerprint(text)


def fingerprint(*parts: Any) -> str:
    """The same 32 characters for the same JSON, whatever the order of its names."""
    written = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _written(name: str, spot: Spot) -> Any:
    """The value as the event has it: ids as text, counts as numbers, objects as copies.

    Addresses come without query and fragment, where click ids, searches and mail addresses stand.
    """
    value = spot.value
    if name in _ADDRESSES and isinstance(value, str):
        return value.partition("#")[0].partition("?")[0]
    if name in _TEXTS and isinstance(value, int):
        return spot.text or value
    if name in _WHOLE and isinstance(value, str) and value.isdecimal() and value.isascii() and len(value) < 8:
        return int(value)
    return dict(value) if isinstance(value, dict) else value
