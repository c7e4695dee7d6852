"""Words that were written apart and belong together ("lap top"), or together and belong apart ("gamingmouse")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from serving.search.spelling import LONGEST

SHORTEST_PART = 3


def joined(one: str, other: str, vocabulary: Mapping[str, int]) -> str | None:
    """Two neighbours as the one word that they are in the catalogue."""
    both = one + other
    return both if both.isalpha() and both in vocabulary else None


def split(word: str, vocabulary: Mapping[str, int], over: int = 0) -> tuple[str, str] | None:
    """A word as the two that it is made of, each in more than `over` items: those of which the rarer is commonest."""
    if not word.isalpha() or len(word) > LONGEST:
        return None
    cuts = range(SHORTEST_PART, len(word) - SHORTEST_PART + 1)
    parts = ((word[:cut], word[cut:]) for cut in cuts)
    counted = [(min(vocabulary.get(one, 0), vocabulary.get(other, 0)), one, other) for one, other in parts]
    rarer, one, other = max(counted, default=(0, "", ""))
    return (one, other) if rarer > over else None


def rejoined(words: Sequence[str], vocabulary: Mapping[str, int]) -> tuple[str, ...] | None:
    """All words with neighbours joined, or else those split that the catalogue has more often apart; None: no such."""
    whole = _all_joined(words, vocabulary)
    if whole != list(words):
        return tuple(whole)
    apart = [part for word in words for part in split(word, vocabulary, vocabulary.get(word, 0)) or (word,)]
    return tuple(apart) if len(apart) > len(words) else None


def _all_joined(words: Sequence[str], vocabulary: Mapping[str, int]) -> list[str]:
    whole, at = list[str](), 0
    while at < len(words):
        both = joined(words[at], words[at + 1], vocabulary) if at + 1 < len(words) else None
        whole.append(both or words[at])
        at += 2 if both else 1
    return whole
