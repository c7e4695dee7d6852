"""Words of a text, and their stems: what an index holds and a query asks for.

A word is a run of letters and digits, or a number with its decimals, in lower case. A stem is the word without its
endings, by the Snowball algorithm of the language, and without accents, so that "cafetiere" finds "cafetière" and
"zolty" finds "żółty". Words with a digit in them are names of models and sizes: they are left as they are.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

import Stemmer

DEFAULT = "english"
LANGUAGES = {
    "ca": "catalan",
    "cs": "czech",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "et": "estonian",
    "eu": "basque",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hu": "hungarian",
    "it": "italian",
    "lt": "lithuanian",
    "nb": "norwegian",
    "nl": "dutch",
    "nn": "norwegian",
    "no": "norwegian",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "sv": "swedish",
    "tr": "turkish",
}
"""Which Snowball algorithm reads a locale's language; other languages are read without stems."""

UNSTEMMED = ""
ACCENTS_FIRST = {"catalan", "dutch", "english", "french", "german", "italian", "portuguese", "spanish"}
"""Read without accents before the endings go; in other languages ("szafą") accents tell the endings."""

LONGEST_WORD = 64
WORD = re.compile(r"\d+(?:[.,]\d+)+|[^\W_]+")
_TAG = re.compile(r"<[^<>]*>")
_POSSESSIVE = re.compile(r"(?<=\w)['’]s?(?!\w)")
_STEMS_KEPT = 1 << 16
_WHOLE = str.maketrans(
    {
        "ł": "l",
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "ħ": "h",
        "ŧ": "t",
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
        "æ": "ae",
        "œ": "oe",
    }
)
"""Letters whose stroke or bow is no accent of its own to Unicode."""


def language_of(locale: str | None) -> str:
    """The language that an item of this locale ("de", "de-AT", "pt_BR") is read in; English where it has none."""
    if not locale:
        return DEFAULT
    return LANGUAGES.get(re.split("[-_]", locale, maxsplit=1)[0].lower(), UNSTEMMED)


def words_of(text: str) -> list[str]:
    """The words of a text in their order; markup and the 's of a possessive are no words."""
    if "<" in text:
        text = _TAG.sub(" ", text)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return [word[:LONGEST_WORD] for word in WORD.findall(_POSSESSIVE.sub("", text).casefold())]


@lru_cache(maxsize=_STEMS_KEPT)
def stem(word: str, language: str) -> str:
    """The stem of a word of `words_of`."""
    if language in ACCENTS_FIRST:
        word = without_accents(word)
    if language != UNSTEMMED and word.isalpha():
        word = _stemmer(language).stemWord(word) or word
    return without_accents(word)


def without_accents(word: str) -> str:
    """A word without its accents: "cafe" for "café", "lodz" for "łódź"."""
    if word.isascii():
        return word
    split = unicodedata.normalize("NFKD", word).translate(_WHOLE)
    return "".join(letter for letter in split if not unicodedata.combining(letter))


@cache
def _stemmer(language: str) -> Stemmer.Stemmer:
    return Stemmer.Stemmer(language, 0)  # `stem` remembers
