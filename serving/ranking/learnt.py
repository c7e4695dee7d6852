"""The learnt order: all generators' candidates in one list, ranked by a published model of choices."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from serving.candidate import Candidate, Effect
from serving.offer import Offer
from serving.ranking.features import SCORED, Features, Scores, features
from serving.recommender import Known, Recommender
from stream.choice import Matrix, Nested, gate, inclusive_value, packed
from stream.features import CHOICE_START, GATE_START

UNLEARNT = Nested(list(CHOICE_START), list(GATE_START))
GATHERED = {"session_table": 60, "second_step": 60, "popular": 10}
ROOM = 60
"""Fewer candidates than that leave room for generators that only fill."""
MILLIONTHS = 1_000_000
NOWHERE, NOTHING = np.zeros(0, np.intp), np.zeros(0)
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
    `priced` that times what one pays for it (0 where nobody knows), the expected revenue. `beside` are codes of items
    that may stand on the shelf though nobody offers them; their features come last.
    """

    def __init__(
        self,
        known: Known,
        chooser: Chooser,
        offers: Sequence[Offer],
        count: int,
        beside: Sequence[int] = (),
        *,
        priced: bool = False,
    ) -> None:
        self._known, self._chooser, self._priced, self._offers = known, chooser, priced, offers
        self._ends = list(accumulate(map(len, offers)))
        offered = [code for offer in offers for code in offer.ranked.codes.tolist()]
        places: dict[int, int] = {}
        rows = np.array([places.setdefault(code, len(places)) for code in offered], np.intp)
        entries = np.empty(len(places), np.intp)
        entries[rows[::-1]] = np.arange(len(rows))[::-1]  # the first that offered an item is written last
        self._entries, self._places = entries.tolist(), places
        for code in beside:
            places.setdefault(code, len(places))
        self._codes = np.fromiter(places, np.int32, len(places))
        self._features = features(known, self._codes, places, self._offered(rows), len(entries))
        self._order, self._scores = self._ordered(count) if offered else (NOWHERE, NOTHING)
        self._effects: Sequence[Effect | None] = ()
        self._place_of: dict[str, int] = {}

    def __iter__(self) -> Iterator[Candidate]:
        """The candidates, best first; most are never asked for."""
        ids, effects = self._known.codes.ids, self._effects
        for place, score in zip(self._order.tolist(), self._scores.tolist(), strict=True):
            entry = self._entries[place]
            offer = bisect(self._ends, entry)
            begin = self._ends[offer - 1] if offer else 0
            effect = effects[place] if effects else None
            candidate = self._offers[offer].candidate(entry - begin, ids, score, effect.names if effect else ())
            self._place_of[candidate.item_id] = place
            yield candidate

    @property
    def codes(self) -> NDArray[np.int32]:
        """The candidates' codes, in no order."""
        return self._codes[: len(self._entries)]

    def boost(self, effects: Sequence[Effect | None]) -> None:
        """Order anew by what rules make of each item of `codes`; of equal scores what they boost comes first."""
        if any(effects):
            factors = np.array([1.0 if one is None else one.factor for one in effects]).take(self._order)
            scores = self._scores * factors
            again = np.lexsort((-factors, -scores))
            self._order, self._scores, self._effects = self._order[again], scores[again], effects

    @property
    def likely(self) -> bool:
        """Whether scores were learnt to be how likely an item is looked at next."""
        return self._chooser.version > 0 and self._chooser.model == "clicks"

    def choices(self, item_ids: Sequence[str]) -> Choices:
        """What these items, the shelf, were ranked by, or would have been."""
        if unseen := [item_id for item_id in item_ids if item_id not in self._place_of]:
            codes = list(map(self._known.codes.code, unseen))
            self._tell([code for code in codes if code not in self._places])
            self._place_of |= zip(unseen, map(self._places.__getitem__, codes), strict=True)
        rows = [self._place_of[item_id] for item_id in item_ids]
        return Choices(self._chooser.model, self._chooser.version, self._features[rows])

    def _tell(self, new: list[int]) -> None:
        """Features of items that nobody offered."""
        if not new:
            return
        places = {code: place for place, code in enumerate(new)}
        scores = np.zeros((len(SCORED), len(new)), np.float32)
        told = features(self._known, np.array(new, np.int32), places, scores, len(new))
        self._places |= {code: len(self._places) + place for code, place in places.items()}
        self._features = np.concatenate([self._features, told])

    def _offered(self, rows: NDArray[np.intp]) -> Scores:
        """What the generators of `SCORED` gave each item, 0 where they did not offer it."""
        scores = np.zeros((len(SCORED), len(self._codes)), np.float32)
        for offer, end in zip(self._offers, self._ends, strict=True):
            if offer.recommender in SCORED:
                scores[SCORED.index(offer.recommender), rows[end - len(offer) : end]] = offer.ranked.scores
        return scores

    def _ordered(self, count: int) -> tuple[NDArray[np.intp], Matrix]:
        """Places of the candidates, best first, and their scores."""
        features = self._features[: len(self._entries)]
        utilities = features.astype(np.float64) @ np.array(self._chooser.scorer.weights)
        order = (-utilities).argsort(kind="stable")
        shelf = utilities[order[:count]]
        inclusive = inclusive_value(shelf)
        scores = np.exp(utilities - inclusive)
        scores *= gate(self._chooser.scorer, inclusive)
        if self._priced:
            ids, price_of = self._known.codes.ids, self._known.price_of.get
            scores *= [(price_of(ids[code]) or 0) / MILLIONTHS for code in self.codes.tolist()]
            order = (-scores).argsort(kind="stable")
        return order, scores[order]


def gathered(known: Known, tiers: Iterable[Sequence[Recommender]], count: int) -> list[Offer]:
    """What every generator offers, lowest tier first; of those that fill only where there is room."""
    offers: list[Offer] = []
    found = 0
    for one in (one for tier in tiers for one in tier):
        if not one.fills or found < max(count, ROOM):
            offers.append(one.offer(known, max(count, GATHERED.get(one.name, OTHERWISE))))
            found += len(offers[-1])
    return offers
