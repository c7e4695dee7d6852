"""The learnt order: all generators' candidates in one list, ranked by a published model of choices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from serving.ranking.features import Features, features
from serving.recommender import Candidate, Known, Recommender
from stream.choice import Nested, gate, inclusive_value, packed
from stream.features import CHOICE_START, GATE_START

UNLEARNT = Nested(list(CHOICE_START), list(GATE_START))
GATHERED = {"session_table": 60, "second_step": 60, "popular": 10}
ROOM = 60
"""Fewer candidates than that leave room for generators that only fill."""
SCORED = ("session_table", "second_step", "profile")
MILLIONTHS = 1_000_000
OTHERWISE = 20
"""How many candidates are asked of a generator; `serving/ranking/DESIGN.md` says what more would change."""


class Chooser(Struct, frozen=True):
    """A published model of choices as requests use it; version 0 has learnt nothing."""

    model: str
    version: int = 0
    scorer: Nested = UNLEARNT


class Choices(Struct, frozen=True):
    """What a shelf was ranked by: a model, and the features of its items in their order."""

    model: str
    version: int
    features: Features

    def packed(self) -> str:
        """The features as they are logged."""
        return packed(self.features)


class Ranking:
    """Candidates ranked, best first, with the features that each was ranked by.

    A candidate's score is the probability that it comes next, by the model for a shelf of the first `count`; with
    `priced` that times what one pays for it (0 where nobody knows), the expected revenue.
    """

    def __init__(
        self,
        known: Known,
        chooser: Chooser,
        offers: Sequence[Sequence[Candidate]],
        count: int,
        *,
        priced: bool = False,
    ) -> None:
        self._known, self._chooser, self._priced = known, chooser, priced
        self._scores = {name: _scores(offers, name) for name in SCORED}
        found: dict[str, Candidate] = {}
        for offer in offers:
            for one in offer:
                found.setdefault(one.item_id, one)
        self._places = {item_id: place for place, item_id in enumerate(found)}
        self._features = self._told(list(found))
        self._found = list(found.values())
        self._ordered = self._order(count) if found else ()

    def __iter__(self) -> Iterator[Candidate]:
        """The candidates, best first; most are never asked for."""
        for place, score in self._ordered:
            yield replace(self._found[place], score=score)

    def choices(self, item_ids: Sequence[str]) -> Choices:
        """What these items, the shelf, were ranked by, or would have been."""
        new = [item_id for item_id in item_ids if item_id not in self._places]
        if new:
            self._places |= {item_id: len(self._places) + more for more, item_id in enumerate(new)}
            self._features = np.concatenate([self._features, self._told(new)])
        rows = [self._places[item_id] for item_id in item_ids]
        return Choices(self._chooser.model, self._chooser.version, self._features[rows])

    def _told(self, item_ids: list[str]) -> Features:
        return features(self._known, item_ids, *(self._scores[name] for name in SCORED))

    def _order(self, count: int) -> Iterable[tuple[int, float]]:
        """Places of the candidates with their scores, best first."""
        utilities = self._features.astype(np.float64) @ np.array(self._chooser.scorer.weights)
        shelf = utilities[(-utilities).argsort(kind="stable")[:count]]
        any_probability = gate(self._chooser.scorer, shelf)
        scores = np.exp(utilities - inclusive_value(shelf)) * any_probability
        if self._priced:
            price_of = self._known.price_of.get
            scores *= [(price_of(one.item_id) or 0) / MILLIONTHS for one in self._found]
        order = (-scores).argsort(kind="stable")
        return list(zip(order.tolist(), scores[order].tolist(), strict=True))


def gathered(known: Known, tiers: Iterable[Sequence[Recommender]], count: int) -> list[list[Candidate]]:
    """What every generator offers, lowest tier first; of those that fill only where there is room."""
    offers: list[list[Candidate]] = []
    found = 0
    for one in (one for tier in tiers for one in tier):
        if not one.fills or found < max(count, ROOM):
            offers.append(one.candidates(known, max(count, GATHERED.get(one.name, OTHERWISE))))
            found += len(offers[-1])
    return offers


def _scores(offers: Iterable[Sequence[Candidate]], name: str) -> Mapping[str, float]:
    return {one.item_id: one.score for offer in offers for one in offer if one.recommender == name}
