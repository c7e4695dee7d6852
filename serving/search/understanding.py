"""From what a shopper typed to what is searched for.

```
query ─▶ cleaned ─▶ an item's number? ─▶ price ─▶ words ─▶ corrected ─▶ brand, colour, size ─▶ synonyms ─▶ Understood
```
Pure: the same query and the same catalogue give the same answer. Whatever comes, the time is bounded: a query is cut
before anything looks at it, and so are its words.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from serving.filters.rule import compiled
from serving.search.analysis import words_of
from serving.search.categories import Categories
from serving.search.corrections import corrected
from serving.search.doubts import instead
from serving.search.exact import Numbers
from serving.search.function_words import joins
from serving.search.names import Names
from serving.search.phrases import Phrases
from serving.search.prices import label_of, price_in
from serving.search.rejoining import rejoined
from serving.search.spelling import Spelling
from serving.search.synonyms import Synonyms
from serving.search.understood import Filter, Understood
from stream import vectors
from stream.catalogue import Catalogue

LONGEST = 256
MOST_WORDS = 24


class Knowledge(NamedTuple):
    """What a query is understood with; all of it follows the catalogue.

    `known` says whether a word of a query is none to correct: by default whether it occurs in the vocabulary.
    `real` says whether one that nothing here has is a common word elsewhere.
    """

    vocabulary: Mapping[str, int]
    phrases: Phrases
    spelling: Spelling
    names: Names
    categories: Categories
    numbers: Numbers
    known: Callable[[str], bool]
    synonyms: Synonyms = Synonyms()
    real: Callable[[str], bool] = lambda word: vectors.pieces(word) == [word]


def knowledge(
    catalogue: Catalogue,
    vocabulary: Mapping[str, int],
    known: Callable[[str], bool] | None = None,
    together: Callable[[Sequence[str]], int] = lambda _: 0,
) -> Knowledge:
    """What a catalogue and the vocabulary of its index say; `spelling.follow()` takes up new words."""
    phrases = Phrases(catalogue)
    spelling = Spelling(vocabulary, phrases.said, together)
    names, categories, numbers = Names(catalogue), Categories(catalogue), Numbers(catalogue)
    return Knowledge(vocabulary, phrases, spelling, names, categories, numbers, known or spelling.known)


def understand(query: str, by: Knowledge) -> Understood:
    """How a query is understood; takes any text."""
    query = cleaned(query)
    text, price = _without_price(query.casefold(), by.names)
    written = tuple(words_of(text)[:MOST_WORDS])
    words, corrections = corrected(written, by.spelling, _known(by), by.real)
    rest, filters = by.names.read(words)
    if not rest:  # "sony" alone is a filter, and still what is searched for
        rest = words
    return Understood(
        query=query,
        words=rest,
        written=written,
        corrections=corrections,
        rejoined=rejoined(rest, by.vocabulary),
        instead=instead(rest, by.spelling),
        filters=price + filters,
        exact=by.numbers.item(query),
        kind=by.categories.kind(rest),
        expanded=by.synonyms.expanded(rest),
    )


def cleaned(query: str) -> str:
    """A query without control characters, marks of direction and repeated blanks, at most `LONGEST` characters."""
    text = unicodedata.normalize("NFKC", query[:LONGEST])[:LONGEST]
    if not text.isprintable():
        text = "".join(map(_seen, text))
    return " ".join(text.split())


def _seen(letter: str) -> str:
    category = unicodedata.category(letter)
    if category == "Cf":
        return ""
    return " " if category[0] in "CZ" else letter


def _known(by: Knowledge) -> Callable[[str], bool]:
    synonyms, known = by.synonyms.words, by.known
    return lambda word: word in synonyms or joins(word) or known(word)


def _without_price(text: str, names: Names) -> tuple[str, tuple[Filter, ...]]:
    price = price_in(text, names.currencies, names.likenesses)
    if price is None:
        return text, ()
    label = label_of(price.limits, next(iter(names.currencies)) if len(names.currencies) == 1 else "")
    return price.rest, (Filter("price", label, compiled({"price": price.limits}), price.written),)
