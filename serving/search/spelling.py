"""Spelling: the word of the catalogue that an unknown word was meant to be.

A word that occurs anywhere in the catalogue is known and never corrected, nor is one with a digit in it, which names a
model or a size. What is corrected is corrected to a word of the catalogue: one edit away, from eight letters on two. Of
words equally near, that one is meant which the catalogue has beside the query's other words ("camera bah" is a bag, no
bar), then one that items have together with all of them, then one with the same letters in another order, then the
commonest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from heapq import nsmallest
from itertools import islice

from serving.search.analysis import without_accents
from serving.search.deletions import Deletions, distance

SHORTEST, LONGEST = 3, 32
SHORTEST_MEANT = 2
TWO_EDITS_FROM = 8
_WASTE = 1_024
_WEIGHED = 12


class Spelling:
    """Follows a vocabulary: word → in how many items it occurs.

    The vocabulary is read when asked, and may change at any time. Its new words are known at once, and proposed after
    the next `follow`; those that it lost are not proposed any more, and swept out once they are many. `said` tells how
    often the catalogue has two words beside each other, `together` how many items have all of some words.
    """

    def __init__(
        self,
        vocabulary: Mapping[str, int],
        said: Callable[[str], int] = lambda _: 0,
        together: Callable[[Sequence[str]], int] = lambda _: 0,
    ) -> None:
        self.vocabulary, self._said, self.together = vocabulary, said, together
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
        """Whether the word occurs in the catalogue, accents and the s of a plural aside: a stem finds those."""
        singulars = (word[: -len(ending)] for ending in ("s", "es") if word.endswith(ending) and word[-2:] != "ss")
        return any(one in self.vocabulary for one in (word, self._accented.get(word), *singulars))

    def nearest(self, word: str, before: str = "", after: str = "", rest: Sequence[str] = ()) -> str | None:
        """The word that an unknown one between two others was meant to be; None where none is near.

        `rest` are the query's other words that are known.
        """
        letters, ranks = sorted(word), list[tuple[int, int, bool, int, str]]()
        for edits, one in self.near(word, edits_allowed(word)):
            ranks.append((edits, -self.beside(before, one, after), sorted(one) != letters, -self.vocabulary[one], one))
        if not ranks:
            return self._plural(word)
        if not rest:
            return min(ranks)[-1]
        return min((*rank[:2], not self.together([*rest, rank[-1]]), *rank[2:]) for rank in nsmallest(_WEIGHED, ranks))[
            -1
        ]

    def near(self, word: str, allowed: int) -> list[tuple[int, str]]:
        """All words of the vocabulary that are at most so many edits away, each with how many."""
        if not allowed:
            return []
        plain = without_accents(word)
        found = ((distance(plain, self._taken[one], allowed), one) for one in self._index.sharing(plain, allowed))
        return [(edits, one) for edits, one in found if edits <= allowed and self.vocabulary.get(one)]

    def _plural(self, word: str) -> str | None:
        """What a plural is without one s too many, where the catalogue has only the singular."""
        return word[:-1] if word.endswith("ss") and edits_allowed(word) and self.known(word[:-1]) else None

    def beside(self, before: str, word: str, after: str) -> int:
        """How often the catalogue has a word beside either of two others."""
        return (self._said(f"{before} {word}") if before else 0) + (self._said(f"{word} {after}") if after else 0)

    def _take(self, word: str) -> None:
        plain = self._taken[word] = without_accents(word)
        if word.isalpha() and SHORTEST_MEANT <= len(word) <= LONGEST:
            self._index.take(word, plain)
            if plain != word:
                self._accented[plain] = word


def edits_allowed(word: str) -> int:
    """How many edits an unknown word may be away from what it was meant to be."""
    if not word.isalpha() or not SHORTEST <= len(word) <= LONGEST:
        return 0
    return 1 if len(word) < TWO_EDITS_FROM else 2
