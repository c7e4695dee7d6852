"""Which words of a title were searched for.

A title comes as its parts, in turn plain and marked (the first is plain, and may be empty): whoever shows it needs no
HTML of ours, and no agreement on how characters are counted.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise

from serving.search.analysis import WORD, stem, words_of


def parts(title: str, stems: Collection[str], language: str) -> list[str] | None:
    """The parts of a title whose words have these stems; None if none has."""
    spans = [found.span() for found in WORD.finditer(title)]
    words = ["".join(words_of(title[begin:end])) for begin, end in spans]
    marked = {place for place, word in enumerate(words) if stem(word, language) in stems}
    for place, (one, other) in enumerate(pairwise(words)):
        if stem(one + other, language) in stems:
            marked |= {place, place + 1}
    return _cut(title, [spans[place] for place in sorted(marked)]) if marked else None


def _cut(title: str, spans: list[tuple[int, int]]) -> list[str]:
    """Words that are only parted by a blank are marked together."""
    found: list[str] = []
    at = 0
    for begin, end in spans:
        if found and not title[at:begin].strip():
            found[-1] += title[at:end]
        else:
            found += [title[at:begin], title[begin:end]]
        at = end
    return [*found, title[at:]] if at < len(title) else found
