"""BM25F: how well an item's words answer a query's, over fields that weigh differently.

A stem's counts in an item's fields are added up, each divided by how long its field is there and weighted by what the
field is worth; only the sum saturates. A stem is worth the more the fewer items have it.

References
----------
Robertson, S., Zaragoza, H. and Taylor, M. (2004). Simple BM25 extension to multiple weighted fields. CIKM.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from serving.search.fields import BITS, FIELDS, MOST, Read
from serving.search.postings import Numbers, Packed, Postings

Scores = NDArray[np.float32]

WEIGHTS = (1.0, 0.6, 0.5, 0.4, 0.15, 1.0)  # title, category, brand, description, attributes, pairs of the title
B = 0.75
K1 = 0.5  # a shop's texts say the same again and again: the second time says little
_LEAST = 1_024


class Lexical:
    """The words of all items.

    Attributes
    ----------
    count: one more than the highest number of an item that was ever put.
    """

    def __init__(self) -> None:
        self.count = 0
        self._postings = Postings()
        self._lengths = np.zeros((FIELDS, _LEAST), np.float32)
        self._items = 0
        self._worth: Scores | None = None

    def __contains__(self, stem: str) -> bool:
        """Whether any item has this stem."""
        return stem in self._postings

    def put(self, number: int, item: Read) -> None:
        if number >= self._lengths.shape[1]:
            grown = np.zeros((FIELDS, 2 * number), np.float32)
            grown[:, : self._lengths.shape[1]] = self._lengths
            self._lengths = grown
        self.count = max(self.count, number + 1)
        self._lengths[:, number] = item.lengths
        self._items += 1
        self._worth = None
        self._postings.put(number, item.counts)

    def drop(self, number: int, item: Read) -> None:
        """Take away an item that was put like that."""
        self._lengths[:, number] = 0
        self._items -= 1
        self._worth = None
        self._postings.drop(number, item.counts)

    def having(self, stems: Iterable[str]) -> Numbers:
        """The numbers of all items that have one of these stems, ascending."""
        found = [self._postings.of(stem)[0] for stem in stems if stem in self._postings]
        if len(found) == 1:
            return found[0]
        return np.unique(np.concatenate(found)) if found else np.zeros(0, np.intp)

    def scores(self, stems: Iterable[str]) -> Scores:
        """By number, how well each item answers one word of a query, of which these are the stems: 0 without it."""
        found = np.zeros(self.count, np.float32)
        for stem in stems:
            if stem in self._postings:
                numbers, packed = self._postings.of(stem)
                found[numbers] = np.maximum(found[numbers], self._scores(numbers, packed))
        return found

    def _scores(self, numbers: Numbers, packed: Packed) -> Scores:
        worth, total = self._field_worth(), np.zeros(len(numbers), np.float32)
        for field in range(FIELDS):
            counts = packed >> np.uint32(BITS * field) & np.uint32(MOST)
            if counts.any():
                total += counts * worth[field][numbers]
        having = len(numbers)
        rarity = math.log(1 + (self._items - having + 0.5) / (having + 0.5))
        scores: Scores = np.float32(rarity * (K1 + 1)) * total / (total + np.float32(K1))
        return scores

    def _field_worth(self) -> Scores:
        """What one occurrence in a field of an item counts: less in a field that is longer there than usual."""
        if self._worth is None:
            lengths = self._lengths[:, : self.count]
            filled = np.maximum(np.count_nonzero(lengths, axis=1), 1)
            usual = np.maximum(lengths.sum(axis=1, dtype=np.float64) / filled, 1)
            relative = lengths / usual.astype(np.float32)[:, None]
            self._worth = np.asarray(WEIGHTS, np.float32)[:, None] / (np.float32(1 - B) + np.float32(B) * relative)
        return self._worth
