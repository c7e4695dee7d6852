"""Synonyms: what else a query may be called, as marketers say.

`{"words": ["sneakers", "trainers", "running shoes"]}` goes all ways, `{"words": ["tv"], "to": ["television"]}` one way.
A phrase of the query is replaced once, and what replaced it is not looked at again: groups that lead in a circle cost
nothing and change nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated

from msgspec import Meta, Struct

from serving.search.analysis import words_of
from serving.search.understood import Expansion

EXPANSIONS = 8
LONGEST_PHRASE = 6

Phrase = Annotated[str, Meta(min_length=1, max_length=200)]
Phrases = Annotated[tuple[Phrase, ...], Meta(min_length=1, max_length=50)]


class Group(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Phrases that mean the same; with `to`, those in `words` also mean those in `to`, but not the other way round."""

    words: Phrases
    to: Phrases | None = None


class Synonyms:
    """Groups, ready to be asked. `words` are all that any of them would replace: none is a spelling mistake."""

    def __init__(self, groups: Iterable[Group] = ()) -> None:
        self._of: dict[tuple[str, ...], dict[tuple[str, ...], None]] = {}
        for group in groups:
            self._enter(group)
        self.words = frozenset(word for phrase in self._of for word in phrase)
        self._longest = max(map(len, self._of), default=0)

    def expanded(self, words: Sequence[str]) -> tuple[Expansion, ...]:
        """The query with one phrase replaced at a time, longer phrases first, at most `EXPANSIONS`."""
        found: dict[tuple[str, ...], Expansion] = {}
        for expansion in self._all(tuple(words)) if self._of else ():
            found.setdefault(expansion.words, expansion)
            if len(found) == EXPANSIONS:
                break
        return tuple(found.values())

    def _all(self, words: tuple[str, ...]) -> Iterator[Expansion]:
        for length in range(min(self._longest, len(words)), 0, -1):
            for at in range(len(words) - length + 1):
                phrase = words[at : at + length]
                for other in self._of.get(phrase, ()):
                    yield Expansion(words[:at] + other + words[at + length :], " ".join(phrase), " ".join(other))

    def _enter(self, group: Group) -> None:
        sources = _phrases(group.words)
        targets = sources if group.to is None else _phrases(group.to)
        for source in sources:
            others = [target for target in targets if target != source]
            if others:
                self._of.setdefault(source, {}).update(dict.fromkeys(others))


def _phrases(texts: Iterable[str]) -> list[tuple[str, ...]]:
    read = (tuple(words_of(text)[:LONGEST_PHRASE]) for text in texts)
    return [phrase for phrase in read if phrase]
