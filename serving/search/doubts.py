"""A known word that was probably meant as another: "dv player" where nothing is one, but DVD players are sold.

Known words are never corrected. But where no item has all the words of a query, one of them may be read as a commoner
word, one edit away, that items do have together with all the others; the ladder then tries that.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nlargest

from serving.search.function_words import joins
from serving.search.spelling import LONGEST, SHORTEST_MEANT, Spelling

MOST = 6
_WEIGHED = 12


def instead(words: Sequence[str], spelling: Spelling) -> tuple[str, ...] | None:
    """The words with one read as another; None where items have them all, or nothing near has."""
    if not 1 < len(words) <= MOST or spelling.together(words):
        return None
    readings = [
        ((spelling.beside(_at(words, place - 1), one, _at(words, place + 1)), spelling.together(reading)), reading)
        for place in range(len(words))
        for one in _commoner(words[place], spelling)
        for reading in [(*words[:place], one, *words[place + 1 :])]
    ]
    evidence, reading = max(readings, default=((0, 0), ()))
    return reading if evidence[1] else None


def _commoner(word: str, spelling: Spelling) -> list[str]:
    """The commonest of the words near a known one that name something.

    None for what is unknown, joins, or may be a model or a size.
    """
    count = spelling.vocabulary.get(word, 0)
    if not count or not word.isalpha() or joins(word) or not SHORTEST_MEANT <= len(word) <= LONGEST:
        return []
    near = ((spelling.vocabulary[one], one) for _, one in spelling.near(word, 1))
    return [one for others, one in nlargest(_WEIGHED, near) if others > count and not joins(one)]


def _at(words: Sequence[str], place: int) -> str:
    return words[place] if 0 <= place < len(words) else ""
