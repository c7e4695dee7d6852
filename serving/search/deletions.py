"""The index of SymSpell (Garbe 2012): words by what deletions leave of them.

Two words within n edits of each other share a text that is left of both after at most n deletions. So the index holds
what is left of each word's first letters, and a question deletes from its own; what they share is then to be measured
with `distance`.

Ours differs in how it lies in memory: one sorted array of `hash << 32 | number of the word`, 8 bytes an entry, and a
small dict of what came since it was sorted, where symspellpy has a dict of lists.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

EDITS = 2
_PREFIX = 7
_BITS = 32
_LOW = (1 << _BITS) - 1
_YOUNG = 16_384


class Deletions:
    """Words, each with a number from 0; `take` them one by one."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self._young: dict[int, list[int]] = {}
        self._settled: NDArray[np.uint64] = np.zeros(0, np.uint64)

    def take(self, word: str, plain: str) -> None:
        """Enter a word, to be found by `plain`, which is how it is written without accents."""
        number = len(self.words)
        self.words.append(word)
        for left in deletions(plain[:_PREFIX], EDITS):
            self._young.setdefault(hash(left) & _LOW, []).append(number)
        if len(self._young) > _YOUNG:
            self._settle()

    def sharing(self, plain: str, edits: int) -> Iterable[str]:
        """Words that may be within so many edits, at most `EDITS`; none that is, is missing."""
        hashes = [hash(left) & _LOW for left in deletions(plain[:_PREFIX], edits)]
        numbers = self._of_settled(hashes)
        for one in hashes:
            numbers.update(self._young.get(one, ()))
        found = map(self.words.__getitem__, numbers)
        return [word for word in found if abs(len(word) - len(plain)) <= edits]

    def _of_settled(self, hashes: list[int]) -> set[int]:
        numbers = set[int]()
        lowest = np.array(hashes, np.uint64) << np.uint64(_BITS)
        starts = self._settled.searchsorted(lowest).tolist()
        ends = self._settled.searchsorted(lowest | np.uint64(_LOW), side="right").tolist()
        for start, end in zip(starts, ends, strict=True):
            if start < end:
                numbers.update((self._settled[start:end] & np.uint64(_LOW)).tolist())
        return numbers

    def _settle(self) -> None:
        """Sort what came since into the array."""
        young = [one << _BITS | number for one, numbers in self._young.items() for number in numbers]
        self._settled = np.concatenate([self._settled, np.array(young, np.uint64)])
        self._settled.sort(kind="stable")
        self._young = {}


def deletions(text: str, edits: int) -> set[str]:
    """What is left of a text after at most so many deletions; the text itself, too."""
    found = newest = {text}
    for _ in range(edits):
        newest = {one[:at] + one[at + 1 :] for one in newest for at in range(len(one))}
        found = found | newest
    return found


def distance(one: str, other: str, most: int) -> int:
    """Edits between two words, at most `most + 1`.

    Optimal string alignment: insertion, deletion, replacement and the swap of neighbours are one edit each.
    """
    one, other = _apart(one, other)
    if not one or not other or abs(len(one) - len(other)) > most:
        return min(max(len(one), len(other)), most + 1)
    older, old = list[int](), list(range(len(other) + 1))
    for at in range(len(one)):
        older, old = old, _row(one, other, at, older, old)
        if min(old) > most:
            return most + 1
    return min(old[-1], most + 1)


def _row(one: str, other: str, at: int, older: list[int], old: list[int]) -> list[int]:
    row, letter = [at + 1], one[at]
    for place, against in enumerate(other):
        edits = min(row[place] + 1, old[place + 1] + 1, old[place] + (letter != against))
        if at and place and letter == other[place - 1] and against == one[at - 1]:
            edits = min(edits, older[place - 1] + 1)
        row.append(edits)
    return row


def _apart(one: str, other: str) -> tuple[str, str]:
    """Both without what they begin and end alike."""
    most = min(len(one), len(other))
    start = next((at for at in range(most) if one[at] != other[at]), most)
    end = next((at for at in range(most - start) if one[-1 - at] != other[-1 - at]), most - start)
    return one[start : len(one) - end], other[start : len(other) - end]
