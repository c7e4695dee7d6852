"""Spelling: the word of the catalogue that an unknown word was meant to be.

A word that occurs anywhere in the catalogue is known and never corrected, nor is one with a digit in it, which names a
model or a size. What is corrected is corrected to a word of the catalogue: one edit away, from eight letters on two.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

from serving.search.deletions import Deletions, distance
from serving.search.words import without_accents

SHORTEST, LONGEST = 3, 32
TWO_EDITS_FROM = 8
_WASTE = 1_024


class Spelling:
    """Follows a vocabulary: word → in how many items it occurs.

    The vocabulary is read when asked, and may change at any time. Its new words are known at once, and proposed after
    the next `follow`; those that it lost are not proposed any more, and swept out once they are many.
    """

    def __init__(self, vocabulary: Mapping[str, int]) -> None:
        self.vocabulary = vocabulary
        self._taken: dict[str, str] = {}
        self._accented: dict[str, str] = {}
        self._index = Deletions()

    def follow(self, most: int | None = None) -> bool:
        """Take up new words, at most so many; whether all are taken up now."""
        if len(self._taken) > 2 * len(self.vocabulary) + _WASTE:
            self._taken, self._accented, self._index = {}, {}, Deletions()
        missing = self.vocabulary.keys() - self._taken.keys()
        for word in islice(missing, most):
            self._take(word)
        return most is None or len(missing) <= most

    def known(self, word: str) -> bool:
        """Whether the word occurs in the catalogue, accents aside."""
        return word in self.vocabulary or self._accented.get(word) in self.vocabulary

    def nearest(self, word: str) -> str | None:
        """The word that an unknown one was meant to be; None where none is near, or it is none to correct."""
        allowed = edits_allowed(word)
        if not allowed:
            return None
        plain, best = without_accents(word), None
        for one in self._index.sharing(plain, allowed):
            edits, count = distance(plain, self._taken[one], allowed), self.vocabulary.get(one, 0)
            if edits <= allowed and count:
                rank = (edits, one[0] != word[0], -count, one)
                best = rank if best is None else min(best, rank)
        return None if best is None else best[-1]

    def _take(self, word: str) -> None:
        plain = self._taken[word] = without_accents(word)
        if edits_allowed(word):
            self._index.take(word, plain)
            if plain != word:
                self._accented[plain] = word


def edits_allowed(word: str) -> int:
    """How many edits an unknown word may be away from what it was meant to be."""
    if not word.isalpha() or not SHORTEST <= len(word) <= LONGEST:
        return 0
    return 1 if len(word) < TWO_EDITS_FROM else 2
