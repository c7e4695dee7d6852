"""The catalogue's own phrases: its categories, its brands, and the words that stand together in its titles.

Counted are items that may be sold. A phrase of several words counts once two items say it: a title's accidents are
none. What only one item says is forgotten when there is too much of it (lossy counting, Manku and Motwani 2002), so
that a catalogue of any size takes bounded memory.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import groupby

from serving.filters.fields import path
from serving.search.analysis import words_of
from serving.search.prefixes import Prefixes
from stream.catalog_item import CatalogItem
from stream.catalogue import Catalogue, Shelved

COUNTED = 200_000
LEAST = 2
LONGEST_PHRASE = 3
_LOOKED_AT = 12  # words of a title; what it is stands in front
_LONGEST_WORD = 32
_JOINS = {
    "a", "an", "and", "at", "by", "for", "from", "in", "is", "of", "on", "or", "per", "the", "to", "with",
    "und", "oder", "für", "mit", "von", "der", "die", "das", "den", "dem", "ein", "eine", "im", "et", "ou",
    "pour", "avec", "de", "du", "des", "le", "la", "les", "un", "une", "y", "o", "para", "con", "del", "el",
    "los", "las", "e", "il", "lo", "gli", "van", "voor", "met", "en", "een", "het",
}  # fmt: skip
_APART = re.compile(r"[,;:/()\[\]|\"“”]+")


class Phrases:
    """Follows a catalogue.

    Attributes
    ----------
    prefixes: the phrases, weighed by how many items say them.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.prefixes = Prefixes()
        self._counts: Counter[str] = Counter()
        self._categories: Counter[str] = Counter()
        self._brands: Counter[str] = Counter()
        self._within: dict[str, Counter[str]] = {}
        catalogue.watch(self._changed)

    def said(self, text: str) -> int:
        """How many items say these words beside each other."""
        return self._counts.get(text, 0)

    def kind(self, text: str) -> str:
        """What the catalogue has under this name: a category, a brand, or items that say so."""
        return "category" if text in self._categories else "brand" if text in self._brands else "phrase"

    def categories(self, text: str, most: int) -> list[str]:
        """The categories (whole paths) in which most items have all words of a text in their titles."""
        within = [self._within.get(word) or Counter[str]() for word in text.split()]
        shared = within[0].keys() if within else ()
        counted = {category: min(one[category] for one in within) for category in shared}
        ranked = sorted(counted, key=lambda category: (-counted[category], category))
        return [category for category in ranked if counted[category] >= LEAST][:most]

    def _changed(self, item_id: str, before: Shelved | None, after: Shelved | None) -> None:
        old = before.item if before is not None and before.sellable else None
        new = after.item if after is not None and after.sellable else None
        if old is not None and new is not None and _alike(old, new):
            return
        for item, by in ((old, -1), (new, 1)):
            if item is not None:
                self._count(item, by)

    def _count(self, item: CatalogItem, by: int) -> None:
        title, brand, leaf = words_of(item.title), _named(item.brand), _leaf(item.category)
        for named, text in ((self._brands, brand), (self._categories, leaf)):
            if text:
                _add(named, text, by)
        for text in {*_parts(item.title), brand, leaf} - {""}:
            self._weigh(text, _add(self._counts, text, by))
        if item.category:
            for word in set(title):
                self._add_within(word, item.category, by)
        if len(self._counts) > COUNTED:
            self._forget_accidents()

    def _weigh(self, text: str, count: int) -> None:
        """A text is a phrase if it is one word, a name, or two items say it."""
        known = count >= LEAST or " " not in text or text in self._brands or text in self._categories
        self.prefixes.put(text, count if known else 0)

    def _add_within(self, word: str, category: str, by: int) -> None:
        counts = self._within.setdefault(word, Counter())
        _add(counts, category, by)
        if not counts:
            del self._within[word]

    def _forget_accidents(self) -> None:
        weights = self.prefixes.weights
        for text in [text for text, count in self._counts.items() if count < LEAST and text not in weights]:
            del self._counts[text]


def _parts(title: str) -> Iterator[str]:
    """Phrases of a title: words beside each other, none with a digit, none that only joins at either end."""
    for run in _runs(title):
        for size in range(1, LONGEST_PHRASE + 1):
            for start in range(len(run) - size + 1):
                phrase = run[start : start + size]
                if not _JOINS.intersection((phrase[0], phrase[-1])) and len(phrase[-1]) > 1:
                    yield " ".join(phrase)


def _runs(title: str) -> Iterator[list[str]]:
    """Words of the title's beginning that nothing stands between, neither a comma nor a number."""
    left = _LOOKED_AT
    for part in _APART.split(title):
        words = words_of(part)[:left]
        left -= len(words)
        spoken = ((word if word.isalpha() and len(word) <= _LONGEST_WORD else "") for word in words)
        yield from (list(run) for is_word, run in groupby(spoken, bool) if is_word)


def _named(text: str | None) -> str:
    return " ".join(words_of(text or ""))[: 2 * _LONGEST_WORD].strip()


def _leaf(category: str | None) -> str:
    steps = path(category or "")
    return _named(steps[-1]) if steps else ""


def _alike(one: CatalogItem, other: CatalogItem) -> bool:
    return (one.title, one.brand, one.category) == (other.title, other.brand, other.category)


def _add(counter: Counter[str], text: str, by: int) -> int:
    """How many there are then; what was forgotten meanwhile stays so."""
    count = max(counter[text] + by, 0)
    if count:
        counter[text] = count
    else:
        del counter[text]
    return count
