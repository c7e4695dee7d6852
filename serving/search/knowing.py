"""What queries are understood with, as the catalogue and the marketers have it now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from serving.filters.fields import path
from serving.filters.rule import VALUES, Rule, compiled
from serving.search.analysis import words_of
from serving.search.curation import Curations
from serving.search.function_words import joins
from serving.search.index import Index
from serving.search.suggestions import Suggestion, Suggestions
from serving.search.synonyms import Group, Synonyms
from serving.search.understanding import Knowledge, knowledge, understand
from serving.search.understood import Understood
from serving.shop import Shop
from stream.catalogue import Catalogue

REST_S = 0.5
FOUND_S = 2.0
KEPT = 20_000
_AT_ONCE = 200  # about five milliseconds: the event loop has other things to do


class Knowing:
    """Follows the catalogue, the index's vocabulary and the marketers' synonyms. `clock`: seconds that only grow."""

    def __init__(
        self, catalogue: Catalogue, shop: Shop, index: Index, curations: Curations, clock: Callable[[], float]
    ) -> None:
        self._catalogue, self._shop, self._index, self._curations, self._clock = (
            catalogue,
            shop,
            index,
            curations,
            clock,
        )
        self._knowledge: Knowledge = knowledge(
            catalogue, index.vocabulary, together=lambda words: len(index.having(words))
        )
        self._suggestions = Suggestions(self._knowledge.phrases, self._knowledge.spelling)
        self._named: dict[tuple[str, ...], list[str]] = {}
        self._named_at = -1
        self._found: dict[tuple[str, str | None], tuple[float, bool]] = {}
        self._groups: Sequence[Group] = ()
        self._ready = False

    def understood(self, query: str) -> Understood:
        """How a query is understood now."""
        groups = self._curations.synonyms
        if groups is not self._groups:
            self._groups, self._knowledge = groups, self._knowledge._replace(synonyms=Synonyms(groups))
        return understand(query, self._knowledge)

    def kind(self, understood: Understood) -> Rule | None:
        """What lets through the items of the category that a query names; None where it names none."""
        if understood.kind is None:
            return None
        if self._named_at != self._index.version:
            self._named_at, self._named = self._index.version, {}
            for category, _ in self._catalogue.categories():
                self._named.setdefault(path(category)[-1:], []).append(category)
        named = self._named.get((understood.kind,))
        return None if named is None else compiled({"category": named[:VALUES]})

    def suggested(self, typed: str, most: int) -> Sequence[Suggestion]:
        """At most so many suggestions for what was typed, the likeliest first."""
        return self._suggestions.suggest(typed, most, self._finds)

    def popular(self, searches: Mapping[str, int]) -> None:
        """Which queries are popular now, and how often each was asked for of late."""
        self._suggestions.take(searches)

    def _finds(self, query: str, category: str | None) -> bool:
        """Whether something on sale has all words of a query; asked anew after `FOUND_S`."""
        asked, now = (query, category), self._clock()
        known = self._found.get(asked)
        if known is not None and now - known[0] < FOUND_S:
            return known[1]
        shop = self._shop
        codes = shop.codes_of(self._index.having(words_of(query)))
        if category is not None:
            codes = codes[shop.met(compiled({"category": category}))[codes]]
        finds = bool(len(codes) and (shop.shown is None or shop.shown[codes].any()))
        if len(self._found) >= KEPT:
            self._found.clear()
        self._found[asked] = now, finds
        return finds

    def unknown(self, understood: Understood) -> list[str]:
        """The words that nothing here has."""
        known, having = self._knowledge.known, self._index.having
        words = (word for word in understood.words if not joins(word))
        return [word for word in words if not (known(word) or len(having(words_of(word))))]

    @property
    def ready(self) -> bool:
        """Whether the whole catalogue, with its spelling, was once taken in: before, a search may miss something."""
        if not self._ready:
            indexed = self._catalogue.ready.is_set() and not self._index.waiting
            self._ready = indexed and self._knowledge.spelling.follow(0)
        return self._ready

    def catch_up(self) -> None:
        """Take up all new words as possible corrections."""
        self._knowledge.spelling.follow()

    async def follow(self) -> None:
        """Take up new words as they come, for ever."""
        seen = -1
        while True:
            await asyncio.sleep(REST_S)
            if seen != self._index.version:
                seen, done = self._index.version, False
                while not done:
                    done = self._knowledge.spelling.follow(_AT_ONCE)
                    await asyncio.sleep(0)
