"""Facets: what the matches are, counted by category, brand, price and a few attributes, over all of them.

The counts of a facet leave out what the request's own filter says of that very field, so that a shopper sees what the
other values would bring. Variants of one item (`item_group_id`) count as one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from serving.filters.fields import ATTRIBUTES, FIELDS, Field, field_of
from serving.shop import Shop

Codes = NDArray[np.int32]

VALUES: Final = 20
OF_ATTRIBUTES: Final = 5
LOOKED_AT: Final = 40
COMMON: Final = 0.01
"""An attribute that fewer items of the catalogue have is no facet: columns of rare ones would push out each other."""
COVERED: Final = 0.3
DIFFERENT: Final = 2_000
RANGES: Final = 4
COUNTED: Final = ("category", "brand", "price", "item_group_id")
"""What every answer counts, whatever it finds."""
_MILLIONTHS: Final = 1_000_000


class Value(Struct, frozen=True):
    """One value as a filter has it, and how many items it would leave."""

    value: str | int | float | bool
    count: int


class Range(Struct, frozen=True, omit_defaults=True, rename={"from_": "from"}):
    """Prices from (`gte`) and below (`lt`) an amount, and how many items lie there; an end may be open."""

    count: int
    from_: str | None = None
    to: str | None = None


class Facet(Struct, frozen=True, omit_defaults=True):
    """One field with its values, the most frequent first; `ranges` of the price instead."""

    field: str
    values: list[Value] = []
    ranges: list[Range] = []


class Prices(Struct, frozen=True):
    """The least and the most that one pays."""

    min: str
    max: str


class Counts:
    """Counts matches. `units` numbers what counts as one: an item, or the group that it is a variant of."""

    def __init__(self, shop: Shop) -> None:
        self._shop, self._columns = shop, shop.columns

    def units(self, codes: Codes) -> NDArray[np.int64]:
        column = self._columns.of(FIELDS["item_group_id"]) if self._shop.grouped else None
        if column is None:
            return codes.astype(np.int64)
        groups = column.values(codes).astype(np.int64)
        return np.where(groups > 0, groups + len(self._shop.codes), codes)

    def total(self, codes: Codes) -> int:
        """How many there are, variants of one counted once."""
        return len(np.unique(self.units(codes))) if self._shop.grouped else len(codes)

    def prices(self, codes: Codes) -> Prices | None:
        """The least and the highest price; None where none has any."""
        column = self._columns.of(FIELDS["price"])
        assert column is not None  # only attributes may have none
        amounts, there = column.each(codes)
        amounts = amounts[there]
        return Prices(_money(int(amounts.min())), _money(int(amounts.max()))) if len(amounts) else None

    def facets(self, matching: Codes, without: Mapping[str, Codes], best: Sequence[int]) -> list[Facet]:
        """The facets of these matches.

        Parameters
        ----------
        matching: all that match, filters applied; `without` names the same with a field's own filter left out.
        best: the best of them, whose attributes are looked at.
        """
        found = []
        for name in ("category", "brand", *self._attributes(matching, without, best)):
            field = field_of(name)
            assert field is not None  # all are known fields, or attributes
            counts = self._counts(field, without.get(name, matching))
            if len(counts) > 1 or (counts and name in without):
                found.append(Facet(name, values=_values(counts)))
        ranges = self._ranges(without.get("price", matching))
        return [*found, Facet("price", ranges=ranges)] if ranges else found

    def _counts(self, field: Field, codes: Codes) -> Counter[Hashable]:
        column = self._columns.of(field)
        counts: Counter[Hashable] = Counter() if column is None else column.counts(codes, self.units(codes))
        return _told(counts) if field.name == "category" else counts

    def _attributes(self, matching: Codes, without: Mapping[str, Codes], best: Sequence[int]) -> list[str]:
        """What many of the best matches say, and differ in; what the request filters by comes along."""
        asked = [name for name in without if name.startswith(ATTRIBUTES)]
        named = Counter(name for code in best[:LOOKED_AT] for name in self._said(code))
        least = max(2, round(COMMON * self._shop.items))
        found: list[str] = []
        for name, count in sorted(named.items(), key=lambda one: (-one[1], one[0])):
            if len(found) >= OF_ATTRIBUTES or count < COVERED * len(best[:LOOKED_AT]):
                break
            if self._columns.having(name) >= least and f"{ATTRIBUTES}{name}" not in asked and self._few(name, matching):
                found.append(f"{ATTRIBUTES}{name}")
        return [*asked, *found]

    def _said(self, code: int) -> Sequence[str]:
        item = self._shop.item(self._shop.codes.ids[code])
        return () if item is None else list(item.attributes)

    def _few(self, name: str, matching: Codes) -> bool:
        """Whether the matches have two values or more in it, and so few that a page can list them."""
        field = field_of(f"{ATTRIBUTES}{name}")
        column = None if field is None else self._columns.of(field)
        if column is None or column.different > DIFFERENT:
            return False
        different = len(np.unique(column.values(matching)))
        return 1 < different <= max(VALUES, len(matching) // 2)

    def _ranges(self, codes: Codes) -> list[Range]:
        """At most `RANGES` ranges between round amounts near the quartiles."""
        column = self._columns.of(FIELDS["price"])
        assert column is not None  # only attributes may have none
        amounts, there = column.each(codes)
        amounts, units = amounts[there], self.units(codes[there])
        if len(amounts) < 2 * RANGES or amounts.min() == amounts.max():
            return []
        parts = np.quantile(amounts, np.arange(1, RANGES) / RANGES)
        bounds = sorted({_round(float(one)) for one in parts})
        bounds = [one for one in bounds if amounts.min() < one <= amounts.max()]
        ends = [None, *map(_money, bounds), None]
        places = np.searchsorted(np.array(bounds), amounts, side="right")
        return [
            Range(len(np.unique(units[places == place])), low, high) for place, (low, high) in enumerate(pairwise(ends))
        ]


def _values(counts: Counter[Hashable]) -> list[Value]:
    """The most frequent, of equally frequent ones by name, as a filter has them."""
    plain = ((_plain(element), count) for element, count in counts.items())
    told = sorted(plain, key=lambda one: (-one[1], str(one[0])))
    return [Value(value, count) for value, count in told[:VALUES]]


def _plain(element: Any) -> Any:
    """An element as JSON: a category as its path, a flag as itself."""
    if isinstance(element, tuple):
        return " > ".join(element) if element and isinstance(element[0], str) else element[0]
    return element


def _told(counts: Counter[Hashable]) -> Counter[Hashable]:
    """Categories without those that say no more than the one below them."""
    same = {path[:-1] for path, count in counts.items() if isinstance(path, tuple) and counts.get(path[:-1]) == count}
    return Counter({path: count for path, count in counts.items() if path not in same})


def _round(amount: float) -> int:
    """The nearest of 1, 1.5, 2, 2.5, 3, 4, 5, 7.5 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(amount)) if amount > 0 else 1.0
    return round(min((1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10), key=lambda one: abs(one * power - amount)) * power)


def _money(amount: int) -> str:
    whole, rest = divmod(amount, _MILLIONTHS)
    cents = f"{rest:06}".rstrip("0")
    return f"{whole}.{cents.ljust(2, '0')}" if cents else f"{whole}.00"
