"""What an item says about itself, field by field: which stems, how often, and how many words.

A stem's counts in all fields are packed into one number, four bits a field: how often, at most 15 times. Two words that
stand together in the title are also one stem, joined, in a field of their own: so "headset" finds "head set", "16gb"
finds "16 GB", and words that stand together in the query are worth more where they do so in the title.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, pairwise
from typing import NamedTuple

from serving.search.analysis import language_of, stem, words_of
from stream.catalog_item import Attribute, CatalogItem

TITLE, CATEGORY, BRAND, DESCRIPTION, ATTRIBUTES, PAIRS = range(6)
FIELDS = 6
BITS = 4
MOST = (1 << BITS) - 1
LONGEST = 500  # words of a field; more is a list of what it fits, and would hold up the others


class Read(NamedTuple):
    """An item as the index holds it: packed counts by stem, words in each field, and the words as they are written."""

    counts: dict[str, int]
    lengths: tuple[int, ...]
    words: set[str]


def read(item: CatalogItem) -> Read:
    """An item's words, read in the language of its locale; about 0.2 ms."""
    language = language_of(item.locale)
    fields = [words_of(text)[:LONGEST] for text in _texts(item)]
    counts: dict[str, int] = {}
    for field, words in enumerate([*fields, ["".join(pair) for pair in pairwise(fields[TITLE])]]):
        one, most = 1 << BITS * field, MOST << BITS * field
        for word in words:
            stemmed = stem(word, language)
            known = counts.get(stemmed, 0)
            if known & most != most:
                counts[stemmed] = known + one
    title = len(fields[TITLE])
    return Read(counts, (*map(len, fields), title), set(chain.from_iterable(fields)))


def same_text(one: CatalogItem, other: CatalogItem) -> bool:
    """Whether an index holds both alike."""
    return one.locale == other.locale and _texts(one) == _texts(other)


def _texts(item: CatalogItem) -> tuple[str, str, str, str, str]:
    names = (item.gtin or "", item.mpn or "", *item.tags)
    attributes = " ".join(chain(names, _attribute_texts(item.attributes.items())))
    return item.title, item.category or "", item.brand or "", item.description or "", attributes


def _attribute_texts(attributes: Iterable[tuple[str, Attribute]]) -> Iterable[str]:
    """Values, and the names of what is true: "waterproof: true" is a waterproof item."""
    for name, value in attributes:
        if value is True:
            yield name
        elif isinstance(value, list):
            yield from map(str, value)
        elif value is not None and value is not False:
            yield str(value)
