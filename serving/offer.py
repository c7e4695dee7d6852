"""What a candidate generator offers: arrays, of which only the items that are looked at become candidates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from serving.candidate import Candidate, Scored
from serving.ranking.best import NOTHING, Ranked
from serving.ranking.codes import Codes
from serving.ranking.top import Top

Places = NDArray[np.intp]


class Offer(Struct, frozen=True, gc=False):
    """A generator's items, best first.

    Attributes
    ----------
    recommender: the generator's name.
    ranked: the items' codes and scores, and by place in `speakers` the visitor's items that speak for each.
    """

    recommender: str
    ranked: Ranked
    speakers: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.ranked.codes)

    def candidate(self, place: int, ids: Sequence[str], score: float, rules: tuple[str, ...]) -> Candidate:
        """The item at a place, with this score, which these rules touched; `ids` are all items' by code."""
        ranked, speakers = self.ranked, self.speakers
        because, also = ranked.because.item(place), ranked.also.item(place)
        return Candidate(
            ids[ranked.codes.item(place)],
            score,
            self.recommender,
            speakers[because] if because >= 0 else None,
            speakers[also] if also >= 0 else None,
            rules,
        )

    def candidates(self, ids: Sequence[str]) -> list[Candidate]:
        """All of them; `ids` are all items' by code."""
        ranked, name = self.ranked, self.recommender
        speakers = [*self.speakers, None]  # None is at -1
        return [
            Candidate(ids[code], score, name, speakers[because], speakers[also])
            for code, score, because, also in zip(
                ranked.codes.tolist(),
                ranked.scores.tolist(),
                ranked.because.tolist(),
                ranked.also.tolist(),
                strict=True,
            )
        ]


def nothing(recommender: str) -> Offer:
    """An offer of no items."""
    return Offer(recommender, NOTHING)


def scored(recommender: str, codes: Codes, items: Scored, because: str | None = None) -> Offer:
    """An offer of these items, for all of which the same item speaks, or none."""
    found = codes.array([item_id for item_id, _ in items])
    return listed(recommender, Top(found, np.array([score for _, score in items]), codes.ids), because)


def listed(recommender: str, items: Top, because: str | None = None) -> Offer:
    """As `scored`, of a ranking that requests share."""
    because_places = np.full(len(items), -1 if because is None else 0, np.intp)
    ranked = Ranked.of(items.codes, items.scores, because_places)
    return Offer(recommender, ranked, () if because is None else (because,))


def reasoned(recommender: str, codes: Codes, items: Iterable[tuple[str, float, str | None]]) -> Offer:
    """An offer of these items, each with its score and the item that speaks for it, if there is one."""
    listed = list(items)
    speakers = {one: place for place, one in enumerate(dict.fromkeys(one for *_, one in listed if one is not None))}
    because = [-1 if one is None else speakers[one] for *_, one in listed]
    ranked = Ranked.of(codes.array([one for one, *_ in listed]), [score for _, score, _ in listed], because)
    return Offer(recommender, ranked, tuple(speakers))
