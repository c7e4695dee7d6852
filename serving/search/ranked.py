"""The matches of a rung in the order in which a page takes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from msgspec import Struct

from serving.candidates import session_vector
from serving.filters.columns import Mask
from serving.search import order
from serving.search.analysis import words_of
from serving.search.behaviour import Boosts
from serving.search.ladder import Match
from serving.search.question import SEARCH, Sort
from serving.search.ruled import Boosted, Ruled
from serving.stage import Snapshot

_KIND = np.array([0.0, order.KIND])


class Parts(NamedTuple):
    """What the scores of `numbers` are made of, each in the same order; `meant` is a part of `found`.

    `before_visit` are the scores before the visit had a say, `after_visit` those before marketers' rules had, `final`
    those that order.
    """

    numbers: order.Numbers
    found: order.Scores
    meant: order.Scores
    kind: order.Scores
    before_visit: order.Scores
    after_visit: order.Scores
    final: order.Scores


class Ranked(Struct, frozen=True, gc=False):
    """Items with their scores, best first; `rules` names by item what marketers' rules moved it."""

    item_ids: list[str]
    scores: list[float]
    rules: Mapping[str, tuple[str, ...]] = {}
    parts: Parts | None = None

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
        parts = self._parts(match, alone=alone or self._whole_title(match))
        numbers, boosted = match.best, Boosted(parts.after_visit)
        if parts.after_visit is not parts.found:  # then it is more than what was found
            boosted = self._ruled.boosted(self._ids(numbers), parts.after_visit, self._shop)
        places, parts = order.by_relevance(numbers, boosted.scores, self._shop), parts._replace(final=boosted.scores)
        return Ranked(self._ids(numbers[places]), boosted.scores[places].tolist(), boosted.names, parts)

    def _parts(self, match: Match, *, alone: bool) -> Parts:
        """The scores with the kind that is meant, what shoppers took, and where the visit is; or as they were found."""
        numbers, found = match.best, match.scores
        nothing = np.zeros(len(numbers))
        if alone:
            return Parts(numbers, found, match.meant, nothing, found, found, found)
        kind = nothing if self._kind is None else _KIND[self._kind[self._shop.codes_of(numbers)].astype(np.intp)]
        taken = order.by_taken(numbers, found + kind, self._taken, self._shop)
        visit, titles = session_vector(self._snapshot, SEARCH), self._shop.vectors
        if visit is None or titles is None:
            return Parts(numbers, found, match.meant, kind, taken, taken, taken)
        after = order.by_visit(numbers, taken, titles.matrix, visit)
        return Parts(numbers, found, match.meant, kind, taken, after, after)

    def _whole_title(self, match: Match) -> bool:
        """Whether the query is the whole title of what answers it best: no visit knows better."""
        best = next(iter(self._ids(match.best[:1])), "")
        return bool(best) and words_of(self._shop.title_of(best)) == words_of(self._query)

    def _ids(self, numbers: order.Numbers) -> list[str]:
        ids = self._shop.codes.ids
        return [ids[code] for code in self._shop.codes_of(np.asarray(numbers)).tolist()]
