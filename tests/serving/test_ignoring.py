"""What shoppers ignore teaches: a category that somebody never cares for leaves their shelf, by learning alone."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import numpy as np
from msgspec.structs import replace

from serving.decide import decide
from serving.decision import Decision
from serving.history import History
from serving.placements import placements
from serving.ranking.learnt import Chooser
from serving.request import Request, visit
from serving.shop import Shop
from stream.catalogue import Catalogue
from stream.choice import Choice
from stream.chooser import Chooser as Learner
from stream.ingest import Accepted, validate
from tests.stream.test_catalogue import read, record

START_MS = 1_790_000_000_000
PLACEMENT = replace(placements()["home_for_you"], rotation=None, explore=None)
GRANTED = {"analytics": True, "personalization": True}
CATEGORIES = "ABCD"
ITEMS = [f"{category}{n}" for category in CATEGORIES for n in range(30)]
IMPRESSIONS, SHELVES = 50, 40


class Street:
    """A shop of four categories that a crowd has walked through without any preference."""

    def __init__(self) -> None:
        catalogue = Catalogue()
        self.history, self.model, self.rng = History(Shop(catalogue)), Learner(), Random(3)
        read(*[record(one, n, title=one, category=one[0]) for n, one in enumerate(ITEMS)], catalogue=catalogue)
        self._events = 0
        for n in range(300):
            for second, item_id in enumerate(self.rng.sample(ITEMS, 4)):
                self.event(f"crowd-{n}", "view_item", [item_id], START_MS + n * 60_000 + second * 1_000)
        self.now = START_MS + 400 * 60_000

    def event(self, visitor: str, name: str, items: list[str], at: int) -> None:
        self._events += 1
        event = {
            "event_id": f"e{self._events}",
            "event": name,
            "occurred_at": at,
            "received_at": at,
            "visitor_id": visitor,
            "consent": GRANTED,
            "items": [{"item_id": one, "index": place} for place, one in enumerate(items)],
            "page": {"type": "home", "view_id": f"view-{self._events}"},
        }
        accepted = validate(json.dumps(event).encode(), timestamp=0)
        assert isinstance(accepted, Accepted), accepted
        self.history.fold(accepted, learning=True)

    def shelf(self, visitor: str) -> Decision:
        shop = self.history.shop
        shop.refresh(self.now)
        request = Request(visitor_id=visitor, n=12)
        known: Any = self.history.visitor(visitor, self.now)
        snapshot = self.history.snapshot(known, visit(request, PLACEMENT, known, self.now))
        snapshot = replace(snapshot, choosers={"clicks": Chooser("clicks", 1, self.model.scorer())})
        return decide(request, snapshot, PLACEMENT, "", self.now, Random(0))

    def shop_around(self, visitor: str, disliked: str, *, learns: bool) -> tuple[float, float]:
        """The disliked category's share of the shelf at first, and after at most `IMPRESSIONS` impressions of it.

        The shopper looks at one item of each category to begin with, and later takes an item of the shelf that is not
        of that category, one time in three. Without learning neither what was seen is told of, nor the model taught.
        """
        for place, item_id in enumerate(self.rng.choice(ITEMS[n * 30 : n * 30 + 30]) for n in range(4)):
            self.event(visitor, "view_item", [item_id], self.now + place * 1_000)
        self.now += 10_000
        first = share(self.shelf(visitor), disliked)
        seen = 0
        for _ in range(SHELVES):
            decision = self.shelf(visitor)
            shown = [one.item_id for one in decision.items]
            seen += sum(one[0] == disliked for one in shown)
            if seen > IMPRESSIONS:
                break
            liked = [one for one in shown if one[0] != disliked]
            taken = self.rng.choice(liked) if liked and self.rng.random() < 1 / 3 else None
            if learns:
                self.event(visitor, "view_item_list", shown, self.now)
                assert decision.choices is not None
                chosen = -1 if taken is None else shown.index(taken)
                assert self.model.learn(Choice(decision.choices.features.astype(np.float64), chosen))
            if taken is not None:
                self.event(visitor, "view_item", [taken], self.now + 2_000)
            self.now += 20_000
        return first, share(self.shelf(visitor), disliked)


def share(decision: Decision, category: str) -> float:
    return sum(one.item_id[0] == category for one in decision.items) / len(decision.items)


def played(*, learns: bool) -> tuple[float, float]:
    """Mean shares at first and in the end, over shoppers who each dislike another category."""
    street = Street()
    shares = [street.shop_around(f"me-{n}", CATEGORIES[n % 4], learns=learns) for n in range(24)]
    first, last = np.mean(shares, axis=0).tolist()
    return first, last


def test_a_category_that_is_always_ignored_loses_half_of_its_place_within_fifty_impressions() -> None:
    first, last = played(learns=True)
    assert last <= first / 2
    control_first, control_last = played(learns=False)
    assert control_last > 0.75 * control_first
