"""What a candidate generator is: a pure function from what was read to items that might be shown, with a reason.

A file in `serving/recommenders/` is one generator and exposes ``RECOMMENDER``; nothing else has to be told of it. The
ranking is by tier: what the table scores comes first, by its score, and the other generators fill what is left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from serving.candidate import Candidate, Scored
from serving.offer import Offer
from serving.ranking.board import Board
from serving.ranking.codes import Codes
from serving.ranking.row import Row
from serving.ranking.top import EMPTY, Top
from stream.signals import impressions
from stream.signals.session import Step

Need: TypeAlias = Literal["views", "categories", "titles", "pairs", "orders", "visitors"]
Relation: TypeAlias = Literal[
    "viewed_next",
    "one_step_further",
    "goes_with",
    "bought_together",
    "bought_after",
    "similar",
    "same_category",
    "itself",
]
"""How an item stands to the visitor's item that speaks for it; what shoppers read of each: `serving/sentences.py`."""


class Vectors(Struct, frozen=True, gc=False):
    """Title vectors of items: `matrix[n]` is the vector of `item_ids[n]`, of unit length or zero, float32.

    `codes[n]` is its code, `number_of` the other way round, -1 where an item has no vector, and at its end, for codes
    beyond. `shown` says by code whether an item may be answered, None = all. `few` are places of the newest items that
    hardly anybody has seen.
    """

    item_ids: Sequence[str]
    matrix: NDArray[np.float32]
    codes: NDArray[np.int32]
    number_of: NDArray[np.int32]
    few: NDArray[np.int32]
    shown: NDArray[np.bool_] | None = None

    def allowed(self, numbers: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Whether the items at these places may be answered."""
        return np.ones(len(numbers), np.bool_) if self.shown is None else self.shown[self.codes[numbers]]

    def nearness(self, here: NDArray[np.float32]) -> NDArray[np.float32]:
        """Cosine of every item with a vector of unit length, -1 where the item may not be answered."""
        found: NDArray[np.float32] = self.matrix @ here
        if self.shown is not None:
            found[~self.shown[self.codes]] = -1.0
        return found

    def near(self, codes: NDArray[np.int32], here: NDArray[np.float32]) -> NDArray[np.float32]:
        """Cosine of the items of these codes with a vector of unit length, 0 where they have none."""
        numbers = self.number_of.take(codes, mode="clip")
        found: NDArray[np.float32] = self.matrix.take(numbers, axis=0, mode="clip") @ here
        found[(numbers < 0) | (numbers >= len(self.matrix))] = 0.0
        return found


class Known(Struct, frozen=True, gc=False):
    """What a request knows, handed to every generator.

    Parameters
    ----------
    now: time of the request (ms).
    session: different items of this visit, newest first; on a product page its item is the first.
    earlier: items seen before, newest first, without those in `session`.
    viewed: all items seen lately, newest first (the shelf "recently viewed").
    codes, rows: parsed rows of the session's and earlier items, those that exist.
    row_of: the parsed row of any item that this process has read.
    popular: the shop's most popular items now, best first.
    popular_in: the same within a category.
    lists: other rankings of the shop, made when they are asked for: `rising`, what is popular and becomes more so;
        `newest`, with the time (ms) since when each item is known or published.
    category_of, brand_of: an item's, where the catalogue knows it; `price_of` what one pays for it, in millionths.
    steps: this visit's steps, oldest first; `repeats` whether its items may come back for their own sake.
    board: popularity of any item; `categories` numbers the categories of items by code, 0 = none.
    impressions: what the visitor was shown, and whether they cared; None: nobody knows.
    vectors, session_vector: title vectors and where this session is among them.
    shown: by code, whether an item may be answered (in stock, not hidden); None = all. It only saves work: rules are
        applied to the candidates anyway.
    """

    now: int
    session: Sequence[str] = ()
    earlier: Sequence[str] = ()
    viewed: Sequence[str] = ()
    codes: Codes = field(default_factory=Codes)
    rows: Mapping[str, Row] = field(default_factory=dict)
    row_of: Callable[[str], Row | None] = lambda _: None
    popular: Top = EMPTY
    popular_in: Mapping[str, Top] = field(default_factory=dict)
    lists: Mapping[str, Scored] = field(default_factory=dict)
    category_of: Mapping[str, str] = field(default_factory=dict)
    brand_of: Mapping[str, str] = field(default_factory=dict)
    price_of: Mapping[str, int] = field(default_factory=dict)
    steps: Sequence[Step] = ()
    repeats: bool = True
    board: Board | None = None
    categories: Callable[[NDArray[np.int32]], NDArray[np.int32]] | None = None
    impressions: impressions.State | None = None
    vectors: Vectors | None = None
    session_vector: NDArray[np.float32] | None = None
    shown: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class Recommender:
    """One candidate generator.

    Parameters
    ----------
    name: what a candidate and a decision call it.
    tier: generators of a lower tier rank first; within a tier the score decides.
    personal: whether it uses what is known of the visitor (needs the consent to personalization).
    offer: at most so many items, best first, each once.
    explain: one sentence for shoppers.
    needs: what there must be in the shop before it can say anything (`serving/readiness.py`).
    located: whether it needs the session's place among titles; `fills`: whether a learnt order only
        asks it where others offer little.
    relation: how its candidates stand to the visitor's item that speaks for them; None if none ever does.
    """

    name: str
    tier: int
    personal: bool
    offer: Callable[[Known, int], Offer]
    explain: str
    needs: Need
    located: bool = False
    fills: bool = False
    relation: Relation | None = None

    def candidates(self, known: Known, count: int) -> list[Candidate]:
        """What it offers, as candidates."""
        return self.offer(known, count).candidates(known.codes.ids)
