"""Items by their numbers: item id, GTIN and part number, however they are written.

`0 095205-603217`, `0095205603217` and `95205603217` are one GTIN: a GTIN-14, EAN-13 and UPC-12 of one item differ in
leading zeros only. Check digits are not looked at: a wrong one finds nothing, which is all that matters here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from stream.catalog_item import CatalogItem
from stream.catalogue import Catalogue, Shelved

SHORTEST = 4
SHORTEST_IN_QUERY = 6
ATTRIBUTES = frozenset({"gtin", "ean", "upc", "isbn", "mpn", "sku", "oem_code", "part_number", "model_number"})
_MOST_WORDS = 24


class Numbers:
    """Follows a catalogue: which item has which number."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._of: dict[str, str | dict[str, None]] = {}
        catalogue.watch(self._changed)

    def item(self, query: str) -> str | None:
        """The item whose number the query is, or has as one of its words; None where no or several items have it."""
        number = normal(query)
        whole = query if number and query in self._catalogue.items else self._only(number)
        if whole is not None:
            return whole
        words = (normal(word) for word in query.split()[:_MOST_WORDS])
        found = (self._only(word) for word in words if len(word) >= SHORTEST_IN_QUERY)
        return next((one for one in found if one is not None), None)

    def _only(self, number: str) -> str | None:
        having = self._of.get(number)
        return having if isinstance(having, str) else None

    def _changed(self, item_id: str, before: Shelved | None, after: Shelved | None) -> None:
        old = set() if before is None else set(_numbers(before.item))
        new = set() if after is None else set(_numbers(after.item))
        for number in old - new:
            self._leave(number, item_id)
        for number in new - old:
            self._enter(number, item_id)

    def _enter(self, number: str, item_id: str) -> None:
        having = self._of.get(number)
        if having is None:
            self._of[number] = item_id
        elif isinstance(having, str):
            self._of[number] = {having: None, item_id: None}
        else:
            having[item_id] = None

    def _leave(self, number: str, item_id: str) -> None:
        having = self._of[number]
        if isinstance(having, str):
            del self._of[number]
            return
        having.pop(item_id)
        if len(having) == 1:
            self._of[number] = next(iter(having))


def normal(text: str) -> str:
    """A number without what only divides it; empty where it is too short or has no digit: that is a word."""
    plain = "".join(letter for letter in text.casefold() if letter.isalnum())
    if plain.isdigit():
        plain = plain.lstrip("0")
    return plain if len(plain) >= SHORTEST and any(letter.isdigit() for letter in plain) else ""


def _numbers(item: CatalogItem) -> Iterator[str]:
    for text in _texts(item):
        number = normal(text)
        if number:
            yield number


def _texts(item: CatalogItem) -> Iterable[str]:
    named = (value for name, value in item.attributes.items() if name.casefold() in ATTRIBUTES)
    values = chain.from_iterable(value if isinstance(value, list) else (value,) for value in named)
    return chain((item.item_id, item.gtin or "", item.mpn or ""), (str(value) for value in values))
