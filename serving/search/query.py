"""How well items answer all the words of a query, by the words alone.

Each word is worth what its best stem is worth (a catalogue in several languages reads it in each). Two neighbours may
also be one word, joined: "head set" finds "headset", and where the items' titles have the two side by side, that is
worth more than both apart. So a pair counts as the better of the two words and the one.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from serving.search.analysis import stem
from serving.search.lexical import Lexical, Scores
from serving.search.postings import Numbers


def answer(
    lexical: Lexical, words: Sequence[str], counted: Sequence[int], languages: AbstractSet[str]
) -> tuple[Scores, NDArray[np.uint8]]:
    """By number, each item's score and how many of the words at the `counted` places it has."""
    alone = np.zeros((len(words), lexical.count), np.float32)
    for place, word in enumerate(words):
        alone[place] = lexical.scores(_stems(word, languages))
    total, has = alone.sum(axis=0), alone > 0
    for place, pair in enumerate(pairwise(words)):
        stems = {one for one in _stems("".join(pair), languages) if one in lexical}
        if stems:
            joined = lexical.scores(stems)
            total += np.maximum(joined - alone[place] - alone[place + 1], 0)
            has[place : place + 2] |= joined > 0
    return total, has[counted].sum(axis=0, dtype=np.uint8)


def having_all(lexical: Lexical, words: Sequence[str], languages: AbstractSet[str]) -> Numbers:
    """The numbers of the items that have each of the words, ascending; no pair counts as one word here."""
    of_words = sorted((lexical.having(_stems(word, languages)) for word in words), key=len)
    found = of_words[0] if of_words else np.zeros(0, np.intp)
    for numbers in of_words[1:]:
        if not len(found):
            break
        places = np.minimum(numbers.searchsorted(found), len(numbers) - 1)
        found = found[numbers[places] == found]
    return found


def _stems(word: str, languages: AbstractSet[str]) -> set[str]:
    return {stem(word, language) for language in languages}
