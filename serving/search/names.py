"""What the catalogue calls its brands, colours and sizes, so that a query that names one becomes a filter.

A word is a name only where nearly all items that say it say it as one: of all items with "brother" in title or brand,
most are of the brand, but of those with "black" in title or colour, many have no colour, and a filter would lose them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from serving.filters.fields import ATTRIBUTES
from serving.filters.rule import Rule, compiled
from serving.search.analysis import words_of
from serving.search.prices import likenesses
from serving.search.understood import Filter, Subject
from stream.catalog_item import CatalogItem, Scalar
from stream.catalogue import Catalogue, Shelved

SURE = 0.8
"""Which share of the items that say a name must say it as a name."""
LONGEST_NAME = 4
LONGEST_VALUE_BYTES = 64
_VALUES, _FIELDS = 100, 16  # with the length of each, what a filter document may hold
_COLOURS = {"colour", "color", "colours", "colors", "farbe", "couleur", "couleurs", "kleur", "colore", "colori"}
_SIZES = {"size", "sizes", "größe", "grösse", "groesse", "taille", "taglia", "talla", "maat"}
_BESIDE = {"product", "main", "primary", "base", "name", "item", "t", "s", "shoe", "clothing", "apparel"}
_SIZE_WORDS = (_SIZES | {"gr"}) - {"sizes"}
_LETTER_SIZE = re.compile(r"(?:x{1,4}|[2-6]x)[sl]").fullmatch
_PARTS = re.compile(r"\s*[,;/|&+]\s*")

Name = tuple[Subject, tuple[str, ...]]


class _Said(NamedTuple):
    """What one item says: names, each with field and value; words of its title; what only looks like a price."""

    names: dict[Name, list[tuple[str, Scalar]]]
    title: frozenset[str]
    likenesses: frozenset[str]


class Names:
    """Follows a catalogue.

    Attributes
    ----------
    currencies: in how many items each is the price's.
    likenesses: what titles say that only looks like a price (`serving.search.prices`).
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.currencies: Counter[str] = Counter()
        self.likenesses: Counter[str] = Counter()
        self._titles: Counter[str] = Counter()
        self._values: dict[Name, Counter[tuple[str, Scalar]]] = {}
        self._having: Counter[Name] = Counter()
        self._agreeing: Counter[Name] = Counter()
        catalogue.watch(self._changed)

    def read(self, words: Sequence[str]) -> tuple[tuple[str, ...], tuple[Filter, ...]]:
        """The words that are no names, and the filters that the others became, at most one a subject."""
        rest, filters, at = list[str](), dict[Subject, Filter](), 0
        while at < len(words):
            took, found = self._at(words, at, filters)
            if found is None:
                rest.append(words[at])
            else:
                filters[found.subject] = found
            at += took
        return tuple(rest), tuple(filters.values())

    def sure(self, name: Name) -> bool:
        """Whether whoever says this nearly always means the name."""
        having = self._having[name]
        titles = min(self._titles[word] for word in name[1])
        return having > 0 and having >= SURE * (having + titles - self._agreeing[name])

    def _at(self, words: Sequence[str], at: int, taken: dict[Subject, Filter]) -> tuple[int, Filter | None]:
        """How many words from `at` on are one name, and its filter."""
        if "size" not in taken and words[at] in _SIZE_WORDS and at + 1 < len(words):
            size: Name = ("size", (words[at + 1],))
            if self._having[size]:
                return 2, self._filter(size, " ".join(words[at : at + 2]))
        for length in range(min(LONGEST_NAME, len(words) - at), 0, -1):
            name = self._named(tuple(words[at : at + length]), taken)
            if name is not None:
                return length, self._filter(name, " ".join(name[1]))
        return 1, None

    def _named(self, phrase: tuple[str, ...], taken: dict[Subject, Filter]) -> Name | None:
        subjects: tuple[Subject, ...] = ("brand", "colour", "size")
        for subject in subjects:
            name: Name = (subject, phrase)
            if subject not in taken and self._may_stand_alone(name) and self.sure(name):
                return name
        return None

    def _may_stand_alone(self, name: Name) -> bool:
        """A size without the word for it must look like one: "xl" does, "42" and "m" do not."""
        return name[0] != "size" or (len(name[1]) == 1 and _LETTER_SIZE(name[1][0]) is not None)

    def _filter(self, name: Name, written: str) -> Filter:
        values = self._values[name]
        (_, value), _ = values.most_common(1)[0]
        label = _written(value) if name[0] == "brand" else " ".join(name[1])
        return Filter(name[0], f"{name[0]}: {label}", _rule(values), written)

    def _changed(self, item_id: str, before: Shelved | None, after: Shelved | None) -> None:
        if before is not None and after is not None and _alike(before.item, after.item):
            return
        if before is not None:
            self._count(before.item, -1)
        if after is not None:
            self._count(after.item, 1)

    def _count(self, item: CatalogItem, by: int) -> None:
        said = _said(item)
        for name, values in said.names.items():
            counted = self._values.setdefault(name, Counter())
            for value in values:
                _add(counted, value, by)
            if not counted:
                del self._values[name]
            _add(self._having, name, by)
            if said.title.issuperset(name[1]):
                _add(self._agreeing, name, by)
        for counter, found in ((self._titles, said.title), (self.likenesses, said.likenesses)):
            for one in found:
                _add(counter, one, by)
        if item.currency:
            _add(self.currencies, item.currency, by)


def _said(item: CatalogItem) -> _Said:
    names: dict[Name, list[tuple[str, Scalar]]] = {}
    for subject, field, value in _named_values(item):
        for part in (value,) if subject == "brand" else _PARTS.split(_written(value)):
            words = tuple(words_of(str(part)))
            if 0 < len(words) <= LONGEST_NAME:
                names.setdefault((subject, words), []).append((field, value))
    title = words_of(item.title)
    return _Said(names, frozenset(title), frozenset(likenesses(item.title, title)))


def _named_values(item: CatalogItem) -> Iterator[tuple[Subject, str, Scalar]]:
    if item.brand and _short(item.brand):
        yield "brand", "brand", item.brand
    for name, values in item.attributes.items():
        subject = _subject(name)
        if subject is not None and _short(name):
            for value in values if isinstance(values, list) else [values]:
                if value is not None and not isinstance(value, bool) and _short(_written(value)):
                    yield subject, ATTRIBUTES + name, value


def _written(value: Scalar) -> str:
    """42.0 is the size 42."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _short(text: str) -> bool:
    """Whether a filter may hold it beside many others."""
    return text.isprintable() and len(text.encode()) <= LONGEST_VALUE_BYTES


@lru_cache(maxsize=4_096)
def _subject(attribute: str) -> Subject | None:
    """What an attribute of this name is about: "t_product_colour" is the colour, "printing_colours" is not."""
    words = set(words_of(attribute.replace("_", " "))) - _BESIDE
    if len(words) != 1:
        return None
    return "colour" if words <= _COLOURS else "size" if words <= _SIZES else None


def _rule(values: Counter[tuple[str, Scalar]]) -> Rule:
    """Any of the values, each in its field; the commonest where there are more than a filter takes."""
    fields: dict[str, list[Any]] = {}
    for (field, value), _ in values.most_common(_VALUES):
        if field in fields or len(fields) < _FIELDS:
            fields.setdefault(field, []).append(value)
    parts = [{field: {"in": sorted(found, key=str)}} for field, found in sorted(fields.items())]
    return compiled(parts[0] if len(parts) == 1 else {"any": parts})


def _alike(one: CatalogItem, other: CatalogItem) -> bool:
    return (one.title, one.brand, one.currency, one.attributes) == (
        other.title,
        other.brand,
        other.currency,
        other.attributes,
    )


def _add(counter: Counter[Any], one: Any, by: int) -> None:
    counter[one] += by
    if counter[one] <= 0:
        del counter[one]
