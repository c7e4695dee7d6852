"""Offers and what came of them: how a shelf and its outcome become an example.

Waiting offers lie in a fixed number of slots, by their decision's nonce; the newer of two in one slot is kept. So their
room is bounded whatever is decided, nothing has to be cleared, and what is found depends on nothing but the log. A busy
shop loses some (one in eleven at 100 shelves a second that are answered for within a minute), which costs a learner
little.

A click is weighted by the inverse of how likely its place was looked at, 1 / (place + 1)^0.5, within `MOST_WEIGHT`; a
step on another way was found without the shelf's help and weighs 1.

References
----------
Joachims, T., Swaminathan, A. and Schnabel, T. (2017). Unbiased learning-to-rank with biased feedback. WSDM 2017.
"""

from __future__ import annotations

from collections.abc import Collection
from zlib import crc32

import numpy as np
from msgspec import Struct, field

from stream.choice import Choice, Matrix
from stream.entries import Offer, Outcome
from stream.fold import Family
from stream.signals.shelves import LIFE_MS
from stream.topics import TOPICS

SLOTS = 1 << 16
MOST_WEIGHT = 3.0
EXAMINED_POWER = 0.5
KEPT_S = 2 * TOPICS["feedback"].retention_days * 86_400

LEARNS: dict[str, Collection[str]] = {
    "clicks": frozenset({"click", "step", "ignored"}),
    "conversions": frozenset({"convert", "ignored"}),
}
"""Which outcomes each model of choices learns from."""
RANKED_BY = {"clicks": "clicks", "conversions": "conversions", "revenue": "conversions"}
"""What a shelf may have been ranked by → the model whose versions those are."""


class Waiting(Struct, array_like=True, gc=False):
    """An offer, and whether it is `settled`; `converted` are the items that have been counted."""

    offer: Offer
    settled: bool = False
    converted: list[str] = field(default_factory=list)


class Joined(Struct, gc=False):
    """What became of offers and outcomes.

    `unmatched` outcomes have no offer: most often because no model ranked their shelf; `repeated` ones were counted
    already. `refused` offers were made by other features than are learnt.
    """

    offers: int = 0
    refused: int = 0
    matched: int = 0
    unmatched: int = 0
    repeated: int = 0


WAITING = Family("waiting", Waiting, "a shelf that waits for what comes of it", "slot", ttl_s=KEPT_S)
JOINED = Family("joined", Joined, "what became of shelves and what was done with them, in counts")


def slot_of(nonce: bytes) -> str:
    """The short key of the slot in which an offer waits."""
    return f"waiting:{crc32(nonce) % SLOTS}"


def take(waiting: Waiting | None, outcome: Outcome, joined: Joined) -> bool:
    """Whether this outcome is the offer's, and the first of its kind; it is counted."""
    if (
        waiting is None
        or waiting.offer.nonce != outcome.nonce
        or not -LIFE_MS <= outcome.at - waiting.offer.at <= LIFE_MS
    ):
        joined.unmatched += 1
        return False
    if outcome.item_id in waiting.converted if outcome.kind == "convert" else waiting.settled:
        joined.repeated += 1
        return False
    if outcome.kind == "convert":
        waiting.converted.append(outcome.item_id)
    else:
        waiting.settled = True
    joined.matched += 1
    return True


def choice_of(offer: Offer, outcome: Outcome) -> Choice | None:
    """The example: of the items seen, in the order as shown, which was chosen; None if it says nothing."""
    seen = set(outcome.seen)
    places = [place for place, item_id in enumerate(offer.item_ids) if item_id in seen]
    if not places:
        return None
    chosen = next((row for row, place in enumerate(places) if offer.item_ids[place] == outcome.item_id), -1)
    if chosen < 0 and outcome.kind in {"click", "convert"}:
        return None
    weight = 1.0 if outcome.kind != "click" else min((places[chosen] + 1) ** EXAMINED_POWER, MOST_WEIGHT)
    return Choice(matrix(offer)[places], chosen, weight)


def matrix(offer: Offer) -> Matrix:
    """The features [items, features]."""
    flat: Matrix = np.frombuffer(offer.features, "<f2").astype(np.float64)
    return flat.reshape(len(offer.item_ids), -1)


def fits(offer: Offer, width: int, anew: int) -> bool:
    """Whether an offer was made by the features that are learnt: `width` of them, since the version `anew`."""
    return len(offer.features) == 2 * width * len(offer.item_ids) and (not offer.version or offer.version > anew)
