"""The words of a text: what an index holds, and what a query asks for.

A word is a run of letters and digits, or a number with its decimals, in lower case. Both sides must read a text alike,
so there is one reader.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST_WORD = 64
_WORD = re.compile(r"\d+(?:[.,]\d+)+|[^\W_]+")
_TAG = re.compile(r"<[^<>]*>")
_POSSESSIVE = re.compile("(?<=\\w)['’`\N{ACUTE ACCENT}]s?(?!\\w)")


def words_of(text: str) -> list[str]:
    """The words of a text in their order; markup and the 's of a possessive are no words."""
    if "<" in text:
        text = _TAG.sub(" ", text)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return [word[:LONGEST_WORD] for word in _WORD.findall(_POSSESSIVE.sub("", text).casefold())]


def without_accents(word: str) -> str:
    """The word in plain letters: "cafe" for "café"."""
    if word.isascii():
        return word
    return "".join(letter for letter in unicodedata.normalize("NFKD", word) if not unicodedata.combining(letter))
