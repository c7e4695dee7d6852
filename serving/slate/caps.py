"""Caps: at most so many items of a shelf that say the same in a field, counted while items are taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from msgspec import UNSET

from serving.filters.fields import FIELDS, Elements, Field, field_of
from serving.placement import Placement
from serving.rules.rule import Rule
from serving.shop import Shop


class Cap(NamedTuple):
    """At most `most` items of one value; of a rule only those that it is about."""

    field: Field
    most: int
    rule: Rule | None = None


class Caps:
    """The counts of one shelf. An item that says nothing in the field is not counted, nor held back."""

    def __init__(self, caps: Sequence[Cap], shop: Shop) -> None:
        self._shop, self._caps = shop, caps
        self._taken: Counter[tuple[int, Hashable]] = Counter()
        self._asked: tuple[str, list[tuple[int, Hashable]]] = ("", [])

    def full(self, item_id: str) -> str:
        """Which cap keeps this item back, as a refusal; empty if none does."""
        caps, taken = self._caps, self._taken
        return next(
            (f"cap_{caps[key[0]].field.name}" for key in self._keys(item_id) if taken[key] >= caps[key[0]].most), ""
        )

    def count(self, item_id: str) -> None:
        """The item stands on the shelf."""
        self._taken.update(self._keys(item_id))

    def _keys(self, item_id: str) -> list[tuple[int, Hashable]]:
        """What of the item is counted: number of the cap, and the value. Who asks whether it is full counts it next."""
        if self._asked[0] != item_id:
            item, keys = self._shop.item(item_id), list[tuple[int, Hashable]]()
            for place, (field, _, rule) in enumerate(self._caps):
                if item is not None and (rule is None or rule.about(item_id, self._shop)):
                    keys += [(place, element) for element in _values(field, field.elements(item))]
            self._asked = item_id, keys
        return self._asked[1]


def caps_of(placement: Placement, rules: Sequence[Rule], shop: Shop) -> Caps | None:
    """The caps of a placement and of the rules that act, None if there are none."""
    own = ((name, getattr(placement.caps, name)) for name in ("category", "brand"))
    caps = [Cap(FIELDS[name], most) for name, most in own if most is not None]
    caps += [_of(rule) for rule in rules]
    return Caps(caps, shop) if caps else None


def _of(rule: Rule) -> Cap:
    cap = rule.document.then.cap
    assert cap is not UNSET
    field = field_of(cap.by)
    assert field is not None
    return Cap(field, cap.most, rule)


def _values(field: Field, elements: Elements) -> Elements:
    """What is counted: of a category the whole path, of anything else each value once."""
    return elements[-1:] if field.name == "category" else tuple(dict.fromkeys(elements))
