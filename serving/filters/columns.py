"""The catalogue by columns: for each field that a filter has asked about, what every item has in it, as numbers.

A column holds each different value once, and for each item (by its code) which one; so a condition is looked up once
for each different value, and its mask over 20,000 items is one indexing of arrays (about 20 µs). A column is made when
a filter first names its field, and then kept up to date item by item.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from serving.filters.fields import ATTRIBUTES, FIELDS, Elements, Field, field_of, number_of
from stream.catalog_item import CatalogItem

Mask: TypeAlias = NDArray[np.bool_]
Operator = Literal["lt", "lte", "gt", "gte"]
ATTRIBUTE_COLUMNS = 256
_LEAST = 1_024
_COMPARE: dict[Operator, Any] = {"lt": np.less, "lte": np.less_equal, "gt": np.greater, "gte": np.greater_equal}


class Column:
    """One field of all items. Value 0 is "nothing there"; the last place has it, and stands for all codes beyond.

    `changed` is the catalogue's version that last changed it.
    """

    def __init__(self, field: Field, changed: int = 0) -> None:
        self.field, self.changed = field, changed
        self._values: dict[Elements, int] = {(): 0}
        self._elements: list[Elements] = [()]
        self._having: dict[Hashable, list[int]] = {}
        self._of = np.zeros(_LEAST, np.int32)
        # float64 tells all attributes' numbers apart; money, counts and instants are below 2^63 and stay whole
        self._numbers = np.zeros(_LEAST, np.float64 if field.name.startswith(ATTRIBUTES) else np.int64)
        self._is_number = np.zeros(_LEAST, np.bool_)

    def put(self, code: int, item: CatalogItem | None, version: int) -> None:
        """What an item has in the field now; None: there is no item any more."""
        if code + 1 >= len(self._of):
            self._of = _grown(self._of, code + 1)
        number = self._number(() if item is None else self.field.elements(item))
        if self._of[code] != number:
            self._of[code], self.changed = number, version

    def fill(self, items: Sequence[tuple[int, CatalogItem]]) -> None:
        """`put` for many items, by their codes, at once: about 12 ms for 20,000."""
        number, elements = self._number, self.field.elements
        codes = [code for code, _ in items]
        if max(codes, default=0) + 1 >= len(self._of):
            self._of = _grown(self._of, max(codes) + 1)
        self._of[codes] = [number(elements(item)) for _, item in items]

    def equal(self, wanted: Iterable[Hashable], count: int) -> Mask:
        """Which of the first `count` codes have any of the wanted elements."""
        table = np.zeros(len(self._values), np.bool_)
        for element in wanted:
            table[self._having.get(element, [])] = True
        return self._mask(table, count)

    def compared(self, operator: Operator, limit: float, count: int) -> Mask:
        """Which of the first `count` codes have one number, and it compares like that."""
        numbers, valid = self._numbers[: len(self._values)], self._is_number[: len(self._values)]
        return self._mask(_COMPARE[operator](numbers, limit) & valid, count)

    def there(self, count: int) -> Mask:
        """Which of the first `count` codes have anything."""
        table = np.ones(len(self._values), np.bool_)
        table[0] = False
        return self._mask(table, count)

    def values(self, codes: NDArray[np.int32]) -> NDArray[np.int32]:
        """Numbers of what these codes have in the field; equal ones have the same, 0 has nothing."""
        found: NDArray[np.int32] = self._of.take(codes, mode="clip")
        return found

    def counts(self, codes: NDArray[np.int32], units: NDArray[np.int64]) -> Counter[Hashable]:
        """How many different units (below 2^31; one for each code) have each element."""
        pairs = np.unique(self.values(codes).astype(np.int64) << 31 | units)
        tally = np.bincount(pairs >> 31)
        found: Counter[Hashable] = Counter()
        for value in np.flatnonzero(tally).tolist():
            for element in dict.fromkeys(self._elements[value]):
                found[element] += int(tally[value])
        return found

    def each(self, codes: NDArray[np.int32]) -> tuple[NDArray[Any], Mask]:
        """The number of each of these codes, and whether it has one."""
        values = self.values(codes)
        return self._numbers[values], self._is_number[values]

    @property
    def different(self) -> int:
        """How many different values there are, and were."""
        return len(self._values)

    @property
    def wasteful(self) -> bool:
        """Whether most of the values are of the past."""
        return len(self._values) > 2 * len(self._of) + _LEAST

    def _mask(self, table: Mask, count: int) -> Mask:
        if count > len(self._of):
            self._of = _grown(self._of, count)
        found: Mask = table[self._of[:count]]
        return found

    def _number(self, elements: Elements) -> int:
        known = self._values.get(elements)
        if known is not None:
            return known
        new = self._values[elements] = len(self._values)
        self._elements.append(elements)
        for element in elements:
            self._having.setdefault(element, []).append(new)
        if new >= len(self._numbers):
            self._numbers, self._is_number = _grown(self._numbers, new), _grown(self._is_number, new)
        amount = number_of(elements[0]) if len(elements) == 1 else None
        if amount is not None:
            self._numbers[new], self._is_number[new] = amount, True
        return new


class Columns:
    """All columns of a catalogue; `version` grows with every change.

    Parameters
    ----------
    item_of: the item of a code, None if there is none (any more).
    count: how many codes there are.
    """

    def __init__(self, item_of: Callable[[int], CatalogItem | None], count: Callable[[], int]) -> None:
        self.version = 0
        self._item_of, self._count = item_of, count
        self._columns: dict[str, Column] = {}
        self._attributes: Counter[str] = Counter()
        self._holders: dict[str, array[int]] = {}

    @property
    def count(self) -> int:
        """How many codes there are."""
        return self._count()

    def change(self, code: int, before: CatalogItem | None, after: CatalogItem | None) -> None:
        """An item came, changed or went."""
        self.version += 1
        had = () if before is None else before.attributes.keys()
        has = () if after is None else after.attributes.keys()
        self._attributes.subtract(had)
        self._attributes.update(has)
        for name in has:
            if name not in had:
                self._hold(name, code)
        for column in self._columns.values():
            column.put(code, after, self.version)

    def of(self, field: Field) -> Column | None:
        """The field's column; None for an attribute that no item has."""
        column = self._columns.get(field.name)
        if column is not None and not column.wasteful:
            return column
        if field.name.startswith(ATTRIBUTES):
            if self._attributes[field.name.removeprefix(ATTRIBUTES)] <= 0:
                return None
            self._make_room()
        column = self._columns[field.name] = Column(field, self.version)
        items = ((code, self._item_of(code)) for code in self._codes(field.name))
        column.fill([(code, item) for code, item in items if item is not None])
        return column

    def make(self, names: Iterable[str]) -> None:
        """Make the columns of these fields before they are asked for."""
        for name in names:
            self.of(FIELDS[name])

    def having(self, attribute: str) -> int:
        """How many items have an attribute."""
        return self._attributes[attribute]

    def stamp(self, names: Iterable[str]) -> tuple[int, int]:
        """What is another one after a change in any of these fields, or once there are more items."""
        columns = [self.of(field) for name in names if (field := field_of(name)) is not None]
        return self.count, max((column.changed for column in columns if column is not None), default=0)

    def _codes(self, name: str) -> Iterable[int]:
        """Of an attribute only who has it, or once had: most are of few items, and a search looks at many of them."""
        if name.startswith(ATTRIBUTES):
            return set(self._holders.get(name.removeprefix(ATTRIBUTES), ()))
        return range(self.count)

    def _hold(self, name: str, code: int) -> None:
        codes = self._holders.setdefault(name, array("i"))
        codes.append(code)
        if len(codes) > 2 * self._attributes[name] + _LEAST:  # an attribute that comes and goes
            self._holders[name] = array("i", [one for one in {*codes} if self._has(one, name) or one == code])

    def _has(self, code: int, name: str) -> bool:
        item = self._item_of(code)
        return item is not None and name in item.attributes

    def _make_room(self) -> None:
        kept = [name for name in self._columns if name.startswith(ATTRIBUTES)]
        if len(kept) >= ATTRIBUTE_COLUMNS:
            del self._columns[kept[0]]


def _grown(array: NDArray[Any], least: int) -> NDArray[Any]:
    return np.pad(array, (0, max(least + 1, 2 * len(array)) - len(array)))
