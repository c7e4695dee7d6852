"""Boosts and buries: for each item which of them are about it, as bits, so that a candidate costs one look.

The bits are made anew only when a field that a rule names has changed (`serving.filters.masks`), 64 rules to an array.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from msgspec import UNSET
from msgspec.structs import replace
from numpy.typing import NDArray

from serving.candidate import Candidate, Effect
from serving.filters.columns import Mask
from serving.rules.rule import Rule
from serving.shop import Shop

STRONGEST: Final = 100.0
_WORD = 64


class Boosts:
    """The boosts and buries of a placement; which of them act on a request says a number with a bit for each."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = rules
        self._shop: Shop | None = None
        self._version: tuple[int, int] | None = None
        self._masks: list[Mask] = []
        self._words: list[NDArray[np.uint64]] = []
        self._effects: dict[int, Effect] = {}

    def bits_of(self, rules: Sequence[Rule]) -> int:
        """Those of these rules that boost or bury, as bits."""
        acting = set(rules)
        return sum(1 << place for place, one in enumerate(self.rules) if one in acting)

    def applied(self, candidates: list[Candidate], shop: Shop, acting: int) -> list[Candidate]:
        """The candidates in their new order; the list itself where no rule is about any of them."""
        effects = self.effects(shop.codes.array([one.item_id for one in candidates]), shop, acting)
        if not any(effects):
            return candidates
        moved = [
            (one, 1.0) if effect is None else (_moved(one, effect), effect.factor)
            for one, effect in zip(candidates, effects, strict=True)
        ]
        moved.sort(key=lambda pair: (-pair[0].score, -pair[1]))
        return [one for one, _ in moved]

    def effects(self, codes: NDArray[np.int32], shop: Shop, acting: int) -> list[Effect | None]:
        """What the acting rules do to each of these items, None where none is about it."""
        self._catch_up(shop)
        words = [word.take(codes).tolist() for word in self._words]
        bits = words[0] if len(words) == 1 else map(_joined, zip(*words, strict=True))
        return [self._effect(one & acting) if one & acting else None for one in bits]

    def _effect(self, bits: int) -> Effect:
        found = self._effects.get(bits)
        if found is None:
            acting = [one for place, one in enumerate(self.rules) if bits >> place & 1]
            factor = 1.0
            for one in acting:
                factor *= _factor(one)
            factor = min(max(factor, 1 / STRONGEST), STRONGEST)
            found = self._effects[bits] = Effect(factor, tuple(one.name for one in acting))
        return found

    def _catch_up(self, shop: Shop) -> None:
        """Follow the catalogue; nothing to do unless a field of a condition changed."""
        version = shop.version
        if shop is self._shop and version == self._version:
            return
        masks = [shop.met(one.condition) for one in self.rules if one.condition is not None]
        if shop is not self._shop or not _same(masks, self._masks):
            self._words = _packed(masks)
        self._shop, self._version, self._masks = shop, version, masks


def _joined(words: Sequence[int]) -> int:
    return sum(word << _WORD * place for place, word in enumerate(words))


def _factor(rule: Rule) -> float:
    then = rule.document.then
    if then.boost is not UNSET:
        return then.boost
    return 1.0 if then.bury is UNSET else 1 / then.bury


def _moved(candidate: Candidate, effect: Effect) -> Candidate:
    """The candidate with its new score; one below 0 is drawn to it instead of away from it."""
    score = candidate.score * effect.factor if candidate.score > 0 else candidate.score / effect.factor
    return replace(candidate, score=score, rules=candidate.rules + effect.names)


def _same(masks: list[Mask], others: list[Mask]) -> bool:
    return len(masks) == len(others) and all(map(lambda one, other: one is other, masks, others))


def _packed(masks: list[Mask]) -> list[NDArray[np.uint64]]:
    """Bit n of a code's word says whether mask n lets it through."""
    words = []
    for begin in range(0, len(masks), _WORD):
        word = np.zeros(len(masks[begin]), np.uint64)
        for place, mask in enumerate(masks[begin : begin + _WORD]):
            word[np.flatnonzero(mask)] |= np.uint64(1 << place)
        words.append(word)
    return words
