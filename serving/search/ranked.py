"""The matches of a rung in the order in which a page takes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from msgspec import Struct

from serving.candidates import session_vector
from serving.filters.columns import Mask
from serving.search import order
from serving.search.analysis import words_of
from serving.search.behaviour import Boosts
from serving.search.ladder import Match
from serving.search.question import SEARCH, Sort
from serving.search.ruled import Ruled
from serving.stage import Snapshot


class Ranked(Struct, frozen=True, gc=False):
    """Items with their scores, best first; `rules` names by item what marketers' rules moved it."""

    item_ids: list[str]
    scores: list[float]
    rules: Mapping[str, tuple[str, ...]] = {}

    def __iter__(self) -> Iterator[tuple[str, float]]:
        return zip(self.item_ids, self.scores, strict=True)


class Ranking:
    """Orders matches.

    Parameters
    ----------
    query: as it was typed; a best match with just this title stays where it is.
    kind: by code, what is of the kind that is meant; None: nobody knows. `taken` what shoppers took before.
    """

    def __init__(
        self, snapshot: Snapshot, query: str, kind: Mask | None, taken: Boosts, ruled: Ruled, sort: Sort
    ) -> None:
        self._snapshot, self._shop = snapshot, snapshot.shop
        self._query, self._kind, self._taken, self._ruled, self._sort = query, kind, taken, ruled, sort

    def of(self, match: Match, *, alone: bool = False) -> Ranked:
        """The matches of a rung; `alone`: nothing but the words orders them."""
        if self._sort != "relevance":
            numbers = order.sorted_by(self._sort, match.numbers, self._shop)
            return Ranked(self._ids(numbers), [0.0] * len(numbers))
        numbers, scores = match.best, match.scores
        rules: Mapping[str, tuple[str, ...]] = {}
        if not (alone or self._whole_title(match)):
            scores, rules = self._ruled.boosted(self._ids(numbers), self._learnt(numbers, scores), self._shop)
        places = order.by_relevance(numbers, scores, self._shop)
        return Ranked(self._ids(numbers[places]), scores[places].tolist(), rules)

    def _learnt(self, numbers: order.Numbers, scores: order.Scores) -> order.Scores:
        """The scores with the kind that is meant, what shoppers took, and where the visit is."""
        if self._kind is not None:
            scores = scores + order.KIND * self._kind[self._shop.codes_of(numbers)]
        scores = order.by_taken(numbers, scores, self._taken, self._shop)
        visit, titles = session_vector(self._snapshot, SEARCH), self._shop.vectors
        return scores if visit is None or titles is None else order.by_visit(numbers, scores, titles.matrix, visit)

    def _whole_title(self, match: Match) -> bool:
        """Whether the query is the whole title of what answers it best: no visit knows better."""
        best = next(iter(self._ids(match.best[:1])), "")
        return bool(best) and words_of(self._shop.title_of(best)) == words_of(self._query)

    def _ids(self, numbers: order.Numbers) -> list[str]:
        ids = self._shop.codes.ids
        return [ids[code] for code in self._shop.codes_of(np.asarray(numbers)).tolist()]
