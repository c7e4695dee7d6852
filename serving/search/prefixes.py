"""Texts by how any of their words begins, commonest first, and by beginnings with one letter wrong.

One sorted list holds each text once for each of its words ("gaming headset" also as "headset"), so that all that begins
alike stands together and two bisections find it. It is sorted when it is next asked after a change.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from heapq import nlargest

_BETWEEN = "\t"
_LAST = "\U0010ffff"
_ONE_BY_ONE = 64
_LOOKED_AT = 4_096
_VARIANTS = 3
_LONGEST, _LETTERS = (
    20,
    96,
)  # some 4,000 variants; a writing of thousands of letters is only searched for swaps and repeats


class Prefixes:
    """Texts of words with single blanks between them, each with a weight above 0."""

    def __init__(self) -> None:
        self.weights: dict[str, int] = {}
        self._sorted: list[str] = []
        self._new: set[str] = set()
        self._letters: set[str] = set()

    def put(self, text: str, weight: int) -> None:
        """Enter a text, or weigh it anew; 0 takes it away."""
        if weight <= 0:
            self._drop(text)
        else:
            if text not in self.weights:
                self._new.update(_entries(text))
            self.weights[text] = weight

    def completions(self, prefix: str, most: int) -> list[str]:
        """The heaviest texts of which a word begins like that; those that begin so themselves come first."""
        start, end = self._range(prefix)
        step = max(1, (end - start) // _LOOKED_AT)
        whole = {entry.rpartition(_BETWEEN)[2]: None for entry in self._sorted[start:end:step]}
        return nlargest(most, whole, key=lambda text: (text.startswith(prefix), self.weights[text], -len(text), text))

    def variants(self, prefix: str) -> list[str]:
        """Beginnings one edit away from this one that texts have, those that most have first."""
        found = {}
        letters = self._letters if len(self._letters) <= _LETTERS else set(prefix)
        for one in _edited(prefix, letters) if len(prefix) <= _LONGEST else ():
            start, end = self._range(one)
            if start < end:
                found[one] = end - start
        return nlargest(_VARIANTS, found, key=lambda one: (one[0] == prefix[0], found[one], one))

    def _range(self, prefix: str) -> tuple[int, int]:
        self._settle()
        return bisect_left(self._sorted, prefix), bisect_left(self._sorted, prefix + _LAST)

    def _settle(self) -> None:
        if not self._new:
            return
        for entry in self._new:
            self._letters.update(entry)
        if len(self._new) <= _ONE_BY_ONE:
            for entry in self._new:
                insort(self._sorted, entry)
        else:
            self._sorted.extend(self._new)
            self._sorted.sort()
        self._new.clear()

    def _drop(self, text: str) -> None:
        if self.weights.pop(text, 0):
            for entry in _entries(text):
                if entry in self._new:
                    self._new.remove(entry)
                else:
                    del self._sorted[bisect_left(self._sorted, entry)]


def _entries(text: str) -> Iterator[str]:
    """The text from each of its words on, with the whole text behind it."""
    at = 0
    while at >= 0:
        yield f"{text[at:]}{_BETWEEN}{text}"
        at = text.find(" ", at) + 1 or -1


def _edited(prefix: str, letters: Iterable[str]) -> set[str]:
    """All that is one edit away from a beginning, and is not the same letters with one more at the end."""
    cuts = range(len(prefix))
    edited = {prefix[:at] + prefix[at + 1 :] for at in cuts}
    edited |= {prefix[:at] + prefix[at + 1] + prefix[at] + prefix[at + 2 :] for at in cuts[:-1]}
    for letter in letters:
        edited.update(prefix[:at] + letter + prefix[at + 1 :] for at in cuts)
        edited.update(prefix[:at] + letter + prefix[at:] for at in cuts)
    return {one for one in edited if one and not one.startswith(prefix)}
