"""Words that join others and name nothing: nobody searches for "for" in "pan for induction".

They still count for the order, but no item needs them, unless a query has no others. "Without" is none of them: it
turns what is asked for round.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

_OF: dict[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        "english": "a an and at by for from in is of on or the to with",
        "german": "am an auf aus das dem den der des die ein eine einem einen einer eines für im in mit oder und vom "
        "von zu zum zur",
        "dutch": "aan de een en het in met of op te uit van voor",
        "french": "à au aux avec d dans de des du en et l la le les ou par pour sur un une",
        "spanish": "a al con de del e el en la las los o para por un una unas unos y",
        "italian": "a al alla con d da dal dalla degli dei del della delle di e gli i il in l la le lo o per su un una "
        "uno",
        "portuguese": "a ao as com da das de do dos e em na no nas nos o os ou para por um uma",
        "catalan": "a al amb d de del dels el els en i l la les o per un una",
        "romanian": "a al ale cu de din în la o pe pentru și sau un",
        "swedish": "av den det en ett för i med och på till",
        "danish": "af den det en et for i med og på til",
        "norwegian": "av den det en ei et for i med og på til",
        "polish": "dla do i lub na od oraz po w we z ze",
        "czech": "a do i k na nebo od pro s se v z",
        "finnish": "ja tai",
        "hungarian": "a az egy és vagy",
        "russian": "в для и из или к на от по",
        "turkish": "bir ile ve veya için",
    }.items()
}
_ALL = frozenset[str]().union(*_OF.values())


def joins(word: str) -> bool:
    """Whether a word only joins others in any language."""
    return word in _ALL


def content(words: Sequence[str], languages: AbstractSet[str]) -> list[int]:
    """The places of the words (of `words_of`) that an item must have; all of them where they only join."""
    joining = frozenset[str]().union(*(_OF[language] for language in languages if language in _OF))
    return [place for place, word in enumerate(words) if word not in joining] or list(range(len(words)))
