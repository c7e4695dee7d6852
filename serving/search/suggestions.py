"""Suggestions: what a shopper may be about to type.

```
typed ─▶ popular queries ─▶ phrases of the catalogue ─▶ both without its typos ─▶ what its last words go on with
```
Each is asked for only while there is room, and nothing is suggested that `finds` nothing. The best one is followed by
the categories that it may be narrowed to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from heapq import nlargest
from itertools import islice
from typing import TypeAlias

from msgspec import Struct

from serving.filters.fields import path
from serving.search.analysis import words_of
from serving.search.corrections import corrected
from serving.search.phrases import Phrases
from serving.search.prefixes import Prefixes
from serving.search.spelling import Spelling
from serving.search.understanding import cleaned

POPULAR = 10_000
SCOPES = 2
_MOST_WORDS = 8
_LONGEST = 64
_SHORTEST_WITH_TYPO = 3

Finds: TypeAlias = Callable[[str, str | None], bool]
"""Whether a query finds anything, within a category (its whole path) or anywhere."""


class Suggestion(Struct, frozen=True, omit_defaults=True):
    """One suggestion. `kind`: `popular`, `category`, `brand`, `phrase`; `category`: the path that it is narrowed to."""

    text: str
    kind: str
    category: str | None = None


class Suggestions:
    """What there is to suggest, as the catalogue's phrases and its spelling are now."""

    def __init__(self, phrases: Phrases, spelling: Spelling) -> None:
        self._phrases, self._spelling = phrases, spelling
        self._popular = Prefixes()

    def take(self, popular: Mapping[str, int]) -> None:
        """Which queries are popular now, with how often they were asked; at most `POPULAR` are kept."""
        fresh = Prefixes()
        for query in nlargest(POPULAR, popular, key=lambda one: popular[one]):
            text = " ".join(words_of(cleaned(query)))
            if text:
                fresh.put(text, fresh.weights.get(text, 0) + popular[query])
        self._popular = fresh

    def suggest(self, typed: str, most: int, finds: Finds) -> list[Suggestion]:
        """At most so many suggestions for what was typed, the likeliest first."""
        found: dict[str, Suggestion] = {}
        for one in islice(self._all(_prefix(typed), most), 3 * most):
            if one.text not in found and finds(one.text, None):
                found[one.text] = one
                if len(found) == most:
                    break
        best = list(found.values())
        return [*best[:1], *self._narrowed(best[:1], finds), *best[1:]][:most]

    def _all(self, prefix: str, most: int) -> Iterator[Suggestion]:
        if not prefix:
            return
        yield from self._going_on(prefix, most)
        spelt = self._spelt(prefix)
        others = self._put_right(spelt)
        for other in others if spelt == prefix else (spelt, *others):
            yield from self._going_on(other, most)
        for other in (spelt, *others):
            yield from self._from_last_words(other, most)

    def _going_on(self, prefix: str, most: int) -> Iterator[Suggestion]:
        for text in self._popular.completions(prefix, most):
            yield Suggestion(text, "popular")
        for text in self._phrases.prefixes.completions(prefix, most):
            yield Suggestion(text, self._phrases.kind(text))

    def _from_last_words(self, prefix: str, most: int) -> Iterator[Suggestion]:
        """The first words as they are, and the last ones finished: nobody else may have put them together."""
        kept, _, rest = prefix.partition(" ")
        while rest:
            for text in self._phrases.prefixes.completions(rest, most):
                if text.startswith(rest) and text.count(" ") == rest.count(" "):
                    yield Suggestion(f"{kept} {text}", "phrase")
            more, _, rest = rest.partition(" ")
            kept = f"{kept} {more}"

    def _spelt(self, prefix: str) -> str:
        """The beginning with its whole words as the catalogue spells them."""
        *whole, last = prefix.split(" ")
        words, _ = corrected(whole, self._spelling, self._spelling.known)
        return " ".join((*words, last))

    def _put_right(self, spelt: str) -> list[str]:
        """The beginning without a typo in its last word."""
        before, _, last = spelt.rpartition(" ")
        variants = self._phrases.prefixes.variants(last) if len(last) >= _SHORTEST_WITH_TYPO else ()
        return [f"{before} {one}".lstrip() for one in variants]

    def _narrowed(self, best: list[Suggestion], finds: Finds) -> Iterator[Suggestion]:
        for one in best:
            categories = self._phrases.categories(one.text, SCOPES + 1)
            if len(categories) > 1:
                scopes = (each for each in categories if " ".join(words_of(path(each)[-1])) != one.text)
                for category in islice((each for each in scopes if finds(one.text, each)), SCOPES):
                    yield Suggestion(one.text, one.kind, category)


def _prefix(typed: str) -> str:
    """What was typed as words with single blanks; one at the end where the last word is finished."""
    text = cleaned(typed)[:_LONGEST]
    words = words_of(text)[-_MOST_WORDS:]
    finished = typed[-1:].isspace() and len(text) < _LONGEST
    return " ".join(words) + (" " if words and finished else "")
