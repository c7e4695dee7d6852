"""The class of items that a query asks for: the category that its last words name.

In "laptop bag with strap" that is the bag, in "bag for a laptop", too: what follows a preposition only describes. So a
category is meant only if it is what the words before the first preposition end with; "laptop stand" is no laptop.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from serving.filters.fields import path
from serving.search.analysis import words_of
from stream.catalogue import Catalogue, Shelved

LONGEST_NAME = 4
_PREPOSITIONS = {
    "for", "with", "without", "from", "in", "on", "of", "under", "over", "to", "by", "für", "mit", "ohne",
    "von", "aus", "unter", "über", "zum", "zur", "pour", "avec", "sans", "de", "du", "des", "en", "para",
    "con", "sin", "del", "per", "senza", "di", "da", "voor", "met", "zonder", "van",
}  # fmt: skip
_PARTS = re.compile(r"[&/,;+|]|\b(?:and|und|et|y|e|en)\b", re.IGNORECASE)


class Categories:
    """Follows a catalogue: the names of its categories' last steps, as they are written."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._named: dict[tuple[str, ...], Counter[str]] = {}
        catalogue.watch(self._changed)

    def kind(self, words: Sequence[str]) -> str | None:
        """The category that a query's words mean, None where they name none."""
        until = next((place for place, word in enumerate(words) if place and word in _PREPOSITIONS), len(words))
        for length in range(min(LONGEST_NAME, until), 0, -1):
            named = self._named.get(_key(words[until - length : until]))
            if named is not None:
                return max(named, key=lambda name: (named[name], name))
        return None

    def _changed(self, item_id: str, before: Shelved | None, after: Shelved | None) -> None:
        old, new = _category(before), _category(after)
        if old != new:
            self._count(old, -1)
            self._count(new, 1)

    def _count(self, category: str | None, by: int) -> None:
        steps = path(category or "")
        for part in _PARTS.split(steps[-1]) if steps else ():
            key = _key(words_of(part))
            if 0 < len(key) <= LONGEST_NAME:
                named = self._named.setdefault(key, Counter())
                named[steps[-1]] += by
                if named[steps[-1]] <= 0:
                    del named[steps[-1]]
                if not named:
                    del self._named[key]


def _key(words: Sequence[str]) -> tuple[str, ...]:
    """The same for one and for many of a kind: "bags" is "bag"."""
    return tuple(word[:-1] if word.endswith("s") and len(word) > len("gas") else word for word in words)


def _category(shelved: Shelved | None) -> str | None:
    return None if shelved is None else shelved.item.category
