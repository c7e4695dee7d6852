"""The search index of this process: it follows the catalogue, and finds and orders the items that answer a query.

```
 Catalogue ─watch─▶ what may be shown: at once
                └─▶ texts that changed ─follow─▶ words, pairs, kinds: some items at a time, between other work
 words of a query ─▶ BM25F over fields, pairs ─▶ kind ─▶ the best few hundred ─▶ meaning ─▶ Hits, best first
```
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import accumulate, islice, takewhile

import numpy as np
from numpy.typing import NDArray

from serving.filters.columns import Mask
from serving.search import fields
from serving.search.analysis import DEFAULT, language_of, words_of
from serving.search.function_words import content
from serving.search.hits import Hits, best
from serving.search.kinds import head_of, kinds_of
from serving.search.lexical import Lexical
from serving.search.meaning import Meaning
from serving.search.postings import Postings
from serving.search.query import answer, having_all
from stream.catalog_item import CatalogItem
from stream.catalogue import Catalogue, Shelved
from stream.title_vectors import TitleVectors

COVERED = 1.0
MEANING = 0.5
KIND = 0.3
WEIGHED = 400
MOST_WORDS = 16
_LEAST = 1_024
_AT_ONCE = 8_192  # bytes of items, one or two milliseconds: the event loop has other things to do
_GONE = 1_024  # what an item that is gone counts


class Index:
    """Every item of a catalogue by its words.

    What is sold out, hidden or deleted is never found, from the moment that the catalogue knows it.

    Parameters
    ----------
    catalogue: is watched; changed texts are taken in by `follow`, or by `catch_up`.
    vectors: of the same catalogue's titles; without them only words count.

    Attributes
    ----------
    version: grows with every item that is taken in.
    """

    def __init__(self, catalogue: Catalogue, vectors: TitleVectors | None = None) -> None:
        self.version = 0
        self._vocabulary: Counter[str] = Counter()
        self._languages: Counter[str] = Counter()
        self._held: dict[int, CatalogItem] = {}
        self._waiting: dict[int, Shelved | None] = {}
        self._something = asyncio.Event()
        self._shown = np.zeros(_LEAST, np.bool_)
        self._english = np.zeros(_LEAST, np.bool_)
        self._lexical, self._kinds, self._meaning = Lexical(), Postings(), Meaning(vectors)
        catalogue.watch(self._changed)

    def __len__(self) -> int:
        """How many items are held, whether they may be shown or not."""
        return len(self._held)

    @property
    def vocabulary(self) -> Mapping[str, int]:
        """In how many items each word stands, as it is written there: in lower case, not stemmed."""
        return self._vocabulary

    @property
    def waiting(self) -> int:
        """How many changed items are still to be taken in."""
        return len(self._waiting)

    def search(self, words: Sequence[str], *, among: Mask | None = None, most: int = 200, least: int = 1) -> Hits:
        """The items that answer these words, best first.

        The best by BM25F scores 1; the share of the words that an item has adds up to `COVERED`, being the kind of
        thing that is asked for `KIND`, a title that means the same up to `MEANING`. Meanings are looked at for the best
        `WEIGHED` items by all else (or `most`, if that is more).

        Parameters
        ----------
        words: in the order of the query, as written; the first 16 count.
        among: by number, which items may be found; those beyond its end may not. What is not yet published is left
            out here: the index has no clock.
        most: how many of the best are given.
        least: how many of the words an item must have, at most `required`; a word that two words of the title make
            counts as both.
        """
        asked = list(dict.fromkeys(word for text in words for word in words_of(text)))[:MOST_WORDS]
        counted = content(asked, self._languages.keys())
        scores, having = answer(self._lexical, asked, counted, self._languages.keys())
        found = (having >= max(min(least, len(counted)), 1)) & self._may(among)
        matching = np.flatnonzero(found).astype(np.int32)
        by_words = scores[matching] / max(float(scores[matching].max(initial=0)), 1e-9)
        by_words += COVERED / max(len(counted), 1) * having[matching] + KIND * self._is_kind(asked)[matching]
        candidates = best(matching, by_words, max(most, WEIGHED))
        numbers = matching[candidates]
        likeness = self._meaning.likeness(" ".join(asked), numbers) * self._english[numbers]
        final = by_words[candidates] + np.float32(MEANING) * likeness
        first = np.lexsort((numbers, -final))[:most]
        return Hits(numbers[first], final[first], len(matching), matching)

    def required(self, words: Sequence[str]) -> int:
        """How many of the words (of `words_of`) an item that has all of them must have: those that name something."""
        return len(content(list(dict.fromkeys(words))[:MOST_WORDS], self._languages.keys()))

    def having(self, words: Sequence[str]) -> NDArray[np.int32]:
        """The numbers of what may be found and has all these words (of `words_of`): not ordered, and at little cost.

        Words that only join are not asked for.
        """
        asked = words[:MOST_WORDS]
        counted = [asked[place] for place in content(asked, self._languages.keys())]
        numbers = having_all(self._lexical, counted, self._languages.keys())
        return numbers[self._shown[numbers]].astype(np.int32)

    def _may(self, among: Mask | None) -> Mask:
        may = self._shown[: self._lexical.count].copy()
        if among is not None:
            may[: len(among)] &= among[: len(may)]
            may[len(among) :] = False
        return may

    def _is_kind(self, words: Sequence[str]) -> Mask:
        """By number, whether an item is the kind of thing that the query's head noun names."""
        kind = np.zeros(self._lexical.count, np.bool_)
        for head in {head_of(words, language) for language in self._languages}:
            kind[self._kinds.of(head)[0]] = True
        return kind

    # following the catalogue

    async def follow(self) -> None:
        """Take in changed texts as they come, for ever."""
        while True:
            await self._something.wait()
            self._something.clear()
            while self._waiting:
                self.catch_up(self._few())
                await asyncio.sleep(0)

    def catch_up(self, most: int) -> None:
        """Take in at most so many changed items."""
        for number in list(islice(self._waiting, most)):
            self._take(number, self._waiting.pop(number))

    def _few(self) -> int:
        """How many of the waiting items are `_AT_ONCE`, at least one."""
        sizes = accumulate(_GONE if one is None else len(one.raw) for one in self._waiting.values())
        return 1 + sum(1 for _ in takewhile(lambda size: size < _AT_ONCE, sizes))

    def _changed(self, _: str, before: Shelved | None, after: Shelved | None) -> None:
        one = after or before
        assert one is not None  # a change has at least one side
        self._make_room(one.number)
        self._shown[one.number] = after is not None and after.sellable
        if before is None or after is None or not fields.same_text(before.item, after.item):
            self._waiting[one.number] = after
            self._something.set()

    def _make_room(self, number: int) -> None:
        if number >= len(self._shown):
            more = np.zeros(number, np.bool_)
            self._shown, self._english = np.append(self._shown, more), np.append(self._english, more)

    def _take(self, number: int, shelved: Shelved | None) -> None:
        before = self._held.pop(number, None)
        if before is not None:
            self._drop(number, before)
        if shelved is not None:
            self._put(number, shelved.item)
        self.version += 1

    def _put(self, number: int, item: CatalogItem) -> None:
        language, read = language_of(item.locale), fields.read(item)
        self._held[number] = item
        self._lexical.put(number, read)
        self._kinds.put(number, kinds_of(item, language))
        self._english[number] = language == DEFAULT
        self._languages[language] += 1
        self._vocabulary.update(read.words)

    def _drop(self, number: int, item: CatalogItem) -> None:
        language, read = language_of(item.locale), fields.read(item)
        self._lexical.drop(number, read)
        self._kinds.drop(number, kinds_of(item, language))
        _count_off(self._languages, (language,))
        _count_off(self._vocabulary, read.words)


def _count_off(counts: Counter[str], gone: Collection[str]) -> None:
    counts.subtract(gone)
    for one in gone:
        if not counts[one]:
            del counts[one]
