"""Caps: at most so many items of a shelf that say the same in a field, counted while items are taken."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from msgspec import UNSET

from serving.filters.fields import Elements, Field, field_of
from serving.rules.rule import Rule
from serving.shop import Shop


class Caps:
    """The counts of one shelf. An item that says nothing in the field is not counted, nor held back."""

    def __init__(self, rules: Sequence[Rule], shop: Shop) -> None:
        self._shop = shop
        self._caps = [_of(rule) for rule in rules]
        self._left: dict[tuple[int, Hashable], int] = {}
        self._asked: tuple[str, list[tuple[int, Hashable]]] = ("", [])

    def full(self, item_id: str) -> bool:
        """Whether a cap keeps this item back."""
        left = self._left
        return any(left.get(key, 1) <= 0 for key in self._keys(item_id))

    def count(self, item_id: str) -> None:
        """The item stands on the shelf."""
        for key in self._keys(item_id):
            self._left[key] = self._left.get(key, self._caps[key[0]][1]) - 1

    def _keys(self, item_id: str) -> list[tuple[int, Hashable]]:
        """What of the item is counted: number of the cap, and the value."""
        if self._asked[0] != item_id:
            item, keys = self._shop.item(item_id), []
            for place, (field, _, rule) in enumerate(self._caps):
                if item is not None and rule.about(item_id, self._shop):
                    keys += [(place, element) for element in _values(field, field.elements(item))]
            self._asked = item_id, keys
        return self._asked[1]


def _of(rule: Rule) -> tuple[Field, int, Rule]:
    cap = rule.document.then.cap
    assert cap is not UNSET
    field = field_of(cap.by)
    assert field is not None
    return field, cap.most, rule


def _values(field: Field, elements: Elements) -> Elements:
    """What is counted: of a category the whole path, of anything else each value once."""
    if len(elements) < 2:
        return elements
    return elements[-1:] if field.name == "category" else tuple(dict.fromkeys(elements))
