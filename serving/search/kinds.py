"""What kind of thing something is: the head noun of what it is called.

A laptop bag is a bag: in English, German, Dutch and the Scandinavian languages the last noun before a preposition says
the kind ("laptop bag with strap" is a bag), in the Romance languages the first ("sac pour ordinateur" is a sac). An
item's kinds are the heads of the last part of its category, which may name several ("Bags & Cases").
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from serving.search.analysis import stem, words_of
from stream.catalog_item import CatalogItem

HEAD_FIRST = {"catalan", "french", "italian", "portuguese", "romanian", "spanish"}
PREPOSITIONS = {
    "english": {"by", "for", "from", "in", "of", "on", "to", "under", "with", "without"},
    "german": {"auf", "aus", "für", "im", "in", "mit", "ohne", "unter", "von", "zum", "zur"},
    "dutch": {"in", "met", "onder", "op", "uit", "van", "voor", "zonder"},
    "swedish": {"av", "för", "i", "med", "på", "till", "utan"},
    "danish": {"af", "for", "i", "med", "på", "til", "uden"},
    "norwegian": {"av", "for", "i", "med", "på", "til", "uten"},
}
_AND = re.compile(r"[&/,;+]|\b(?:and|und|en|och|og|et|e|y)\b", re.IGNORECASE)


def kinds_of(item: CatalogItem, language: str) -> dict[str, int]:
    """The stems of an item's kinds, each with 1; none for an item without a category."""
    last = (item.category or "").rpartition(">")[2]
    heads = (head_of(words_of(part), language) for part in _AND.split(last))
    return {head: 1 for head in heads if head}


def head_of(words: Sequence[str], language: str) -> str:
    """The stem of the head noun; empty where no word has letters."""
    nouns = [word for word in _phrase(words, language) if any(letter.isalpha() for letter in word)]
    if not nouns:
        return ""
    return stem(nouns[0 if language in HEAD_FIRST else -1], language)


def _phrase(words: Sequence[str], language: str) -> Sequence[str]:
    """The words before the first preposition."""
    prepositions = PREPOSITIONS.get(language, ())
    ends = (place for place, word in enumerate(words) if place and word in prepositions)
    return words[: next(ends, len(words))]
