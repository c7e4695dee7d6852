"""The ladder: from what answers all that was asked to what still may be of use, each rung with its name.

```
exact ─▶ all words ─▶ corrected ─▶ joined or split ─▶ without what the query says of price, colour … ─▶ fewer words
      ─▶ best sellers of the category ─▶ for the visit
```
A rung is only climbed down to where the ones before found nothing; each that was tried is told, so that a page can say
what it shows, and that something is not sold here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from msgspec import Struct

from serving.filters.columns import Mask
from serving.search.facets import Counts
from serving.search.filtered import Filtered
from serving.search.hits import Hits
from serving.search.index import MOST_WORDS, Index
from serving.search.order import Numbers, Scores, by_popularity, merged, union
from serving.search.understood import Understood
from serving.shop import Shop

Rung: TypeAlias = Literal[
    "exact",
    "sold_out",
    "all_words",
    "corrected",
    "rejoined",
    "unfiltered",
    "fewer_words",
    "best_sellers",
    "for_you",
]
Words: TypeAlias = tuple[str, ...]
EXPANSIONS = 3


class Step(Struct, frozen=True):
    """A rung that was tried: how many items it found, and one sentence for who reads the page."""

    step: Rung
    found: int
    says: str


class Match(NamedTuple):
    """What a rung found.

    `wide` are all numbers before any filter, `numbers` those that `filtered` lets through, ascending; `best` and
    `scores` the best of them, best first.
    """

    rung: Rung
    wide: Numbers
    numbers: Numbers
    best: Numbers
    scores: Scores
    filtered: Filtered


class Asked(NamedTuple):
    """What is asked: `filtered` by the request's filters alone, `narrowed` also by what was read from the query.

    `unknown` are words that nothing here has.
    """

    understood: Understood
    unknown: Sequence[str]
    filtered: Filtered
    narrowed: Filtered


class Climb:
    """One query's way down.

    Parameters
    ----------
    may, kind: by number, which items may be shown, and which are of the kind that is meant (None: nobody knows).
    most: how many of the best are wanted.
    """

    def __init__(self, asked: Asked, index: Index, shop: Shop, may: Mask, kind: Mask | None, most: int) -> None:
        self._understood, self._unknown, self._asked, self._said = asked
        self._index, self._shop, self._may, self._kind, self._most = index, shop, may, kind, most
        self._counts = Counts(shop)
        self.steps: list[Step] = []

    def found(self, *, fewer: bool = True) -> Match | None:
        """What the first rung found that found anything, `fewer` words the last; `steps` then has the way to it."""
        if not self._understood.words:
            return self._by_filters()
        for rung, ways in self._ways():
            match = self._match(rung, ways, None, self._may)
            if match is not None:
                return match
        return self.fewer() if fewer else None

    def fewer(self) -> Match | None:
        """The items that have as many of the words as any has, but not all; of the kind that is meant, if one is."""
        kinds = () if self._kind is None else (self._kind & self._may,)
        found = (self._as_many(may) for may in (*kinds, self._may))
        return next((match for match in found if match is not None), None)

    def _as_many(self, may: Mask) -> Match | None:
        words = self._understood.words
        low, high = 0, self._index.required(words) - 1
        while low < high:  # as many as any has: fewer are had by no fewer items
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._search(words, middle, may).whole else (low, middle - 1)
        return self._match("fewer_words", [words], low, may) if low else None

    def _ways(self) -> Iterator[tuple[Rung, list[Words]]]:
        """The words of each rung; synonyms stand beside the words that they replace."""
        understood = self._understood
        others = [one.words for one in understood.expanded[:EXPANSIONS]]
        yield ("corrected" if understood.corrections else "all_words"), [understood.words, *others]
        if understood.rejoined is not None:
            yield "rejoined", [understood.rejoined]
        if understood.instead is not None:
            yield "corrected", [understood.instead]

    def _by_filters(self) -> Match | None:
        """All that the filters of the query let through, where it said nothing else."""
        if not self._understood.filters:
            return None
        wide = np.flatnonzero(self._may).astype(np.int32)
        numbers = wide[self._said.lets(self._shop.codes_of(wide))]
        if not len(numbers):
            return None
        best = by_popularity(numbers, self._shop)[: self._most]
        self._told("all_words", numbers, self._understood.words)
        return Match("all_words", wide, numbers, best, np.zeros(len(best)), self._said)

    def _match(self, rung: Rung, ways: Sequence[Words], least: int | None, may: Mask) -> Match | None:
        """What has all words of one of the ways, or `least` of them; without the query's own filters if need be."""
        found = [self._search(words, least, may) for words in ways]
        wide = union([hits.matching for hits in found])
        for step, filtered in ((rung, self._said), ("unfiltered", self._asked)):
            numbers = wide[filtered.lets(self._shop.codes_of(wide))]
            if len(numbers):
                if len(numbers) < len(wide):
                    found = [self._search(words, least, self._mask(numbers)) for words in ways]
                best, scores = merged([(hits.numbers, hits.scores.astype(np.float64)) for hits in found], self._most)
                self._told(step, numbers, ways[0])
                return Match(step, wide, numbers, best, scores, filtered)
            self._tell(rung, 0, ways[0])
            if not (len(wide) and self._understood.filters):
                break
        return None

    def _search(self, words: Words, least: int | None, among: Mask) -> Hits:
        asked = tuple(dict.fromkeys(words))[:MOST_WORDS]
        return self._index.search(asked, among=among, most=self._most, least=least or len(asked))

    def _mask(self, numbers: Numbers) -> Mask:
        mask = np.zeros(len(self._may), np.bool_)
        mask[numbers] = True
        return mask

    def _tell(self, rung: Rung, found: int, words: Words) -> None:
        step = Step(rung, found, says(rung, found, self._understood, self._unknown, words))
        if found or all(one.says != step.says for one in self.steps):
            self.steps.append(step)

    def _told(self, rung: Rung, numbers: Numbers, words: Words) -> None:
        self._tell(rung, self._counts.total(self._shop.codes_of(numbers)), words)


def says(rung: Rung, found: int, understood: Understood, unknown: Sequence[str], asked: Words) -> str:
    """What a rung that asked for these words has to say."""
    query, words = f"“{understood.query}”", f"“{' '.join(asked)}”"
    filters = " and ".join(one.label for one in understood.filters)
    if not found:
        if unknown:
            return f"“{' '.join(unknown)}” is not sold here."
        return f"Nothing here is {words}{f' and {filters}' if filters else ''}."
    match rung:
        case "corrected":
            return f"Results for {words}: nothing here is called {query}."
        case "rejoined":
            return f"Results for {words}."
        case "unfiltered":
            return f"Nothing is {filters}: these are without that."
        case "fewer_words":
            return f"These have some of the words of {words}."
        case _:
            return f"Results for {query}."
