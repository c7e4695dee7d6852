"""The unknown words of a query, put right one after the other: joined, corrected, split."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from serving.search.deletions import distance
from serving.search.phrases import LEAST
from serving.search.rejoining import joined, split
from serving.search.spelling import Spelling
from serving.search.understood import Correction

MOST = 6
"""Unknown words of one query that are looked at: whoever writes more than these pastes."""


def corrected(
    words: Sequence[str],
    spelling: Spelling,
    known: Callable[[str], bool],
    real: Callable[[str], bool] = lambda _: False,
) -> tuple[tuple[str, ...], tuple[Correction, ...]]:
    """The words as the catalogue knows them, and what was put right.

    A `real` word, which nothing here has, is meant as it is where the query says anything else that is known: no "gold
    teapot" is a bold one. But a "mouse pay" is a pad: titles say so, and it begins alike, as nearly all typos do.
    """
    meant, made, at, asked = list[str](), list[Correction](), 0, 0
    understood = any(known(word) for word in words)
    while at < len(words):
        took, found = 1, tuple(words[at : at + 1])
        if asked < MOST and not known(words[at]):
            asked += 1
            sure = understood and real(words[at])
            rest = [word for place, word in enumerate(words) if place != at and known(word)]
            took, found = _found(words, at, meant[-1] if meant else "", spelling, rest, sure=sure)
        written = tuple(words[at : at + took])
        if found != written:
            made.append(Correction(" ".join(written), " ".join(found)))
        meant += found
        at += took
    return tuple(meant), tuple(made)


def _found(
    words: Sequence[str], at: int, before: str, spelling: Spelling, rest: Sequence[str], *, sure: bool
) -> tuple[int, tuple[str, ...]]:
    """How many words from `at` on are put right, and how. A blank too many or too few is one edit, as a letter is.

    `sure`: only if titles leave no doubt.
    """
    word, vocabulary = words[at], spelling.vocabulary
    after = words[at + 1] if at + 1 < len(words) else ""
    whole = joined(word, after, vocabulary) if after else None
    if whole is not None:
        return 2, (whole,)
    near = spelling.nearest(word, before, after, rest)
    if sure and near is not None and (near[0] != word[0] or spelling.beside(before, near, after) < LEAST):
        near = None
    if near is not None and distance(word, near, 1) == 1:
        return 1, (near,)
    return 1, split(word, vocabulary) or ((near,) if near else (word,))
