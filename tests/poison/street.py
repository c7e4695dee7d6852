"""A shop with honest shoppers around one item, and somebody who wants another item to be shown next to it.

Events go through the gate and the live folds (`serving/history.py`), and shelves come from `decide`: what is compared
is what a shopper would be shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from random import Random
from typing import Any, NamedTuple

from serving.decide import decide
from serving.history import History
from serving.placements import placements
from serving.request import Request, visit
from serving.shop import Shop
from stream.catalogue import Catalogue
from stream.ingest import Accepted, validate

START_MS = 1_790_000_000_000
SECOND_MS, MINUTE_MS, DAY_MS = 1_000, 60_000, 86_400_000
HERE, PUSHED = "kettle", "junk"
NEIGHBOURS = tuple(f"cup-{n}" for n in range(12))
ORDINARY = (HERE, PUSHED, HERE, PUSHED)
"""What an ordinary shopper does who likes both: looks at one, at the other, and at both again."""
GRANTED = {"analytics": True, "personalization": True}
Event = dict[str, Any]

_numbers = count()


class Standing(NamedTuple):
    """How the pushed item stands: its score and place on the product page, its rate and place among what is popular,
    and what a shopper's own return to it counts."""

    score: float
    place: int
    rate: float
    popular_place: int
    returns: float


def look(
    visitor: str, item: str, at: int, *, session: str | None = None, name: str = "view_item", **more: Any
) -> Event:
    """One event of an item."""
    named = {} if session is None else {"session_id": session}
    return {
        "event_id": f"e{next(_numbers)}",
        "event": name,
        "occurred_at": at,
        "received_at": at,
        "visitor_id": visitor,
        "consent": GRANTED,
        "items": [{"item_id": item}],
        "edge": {"key": "pk_shop"},
        **named,
        **more,
    }


def walk(visitor: str, items: Iterable[str], at: int, *, every_ms: int = SECOND_MS, **more: Any) -> Iterator[Event]:
    """A visitor looks at one item after the other."""
    for n, item in enumerate(items):
        yield look(visitor, item, at + n * every_ms, **more)


def ordinary(visitors: Sequence[int]) -> Iterator[Event]:
    """Ordinary shoppers, one session each, who begin at these times."""
    for n, at in enumerate(visitors):
        yield from walk(f"ordinary-{n}", ORDINARY, at)


class Street:
    """A shop after a day of honest shoppers; `play` goes on from there."""

    def __init__(self) -> None:
        catalogue = Catalogue()
        catalogue.caught_up()  # the shop has sent none
        self.history = History(Shop(catalogue))
        rng = Random(5)
        for n in range(60):
            items = [HERE, *rng.sample(NEIGHBOURS, 3), HERE]
            self.play(walk(f"honest-{n}", items, START_MS - DAY_MS + n * 20 * MINUTE_MS))

    def play(self, events: Iterable[Event]) -> None:
        for event in events:
            accepted = validate(json.dumps(event).encode(), timestamp=0)
            assert isinstance(accepted, Accepted), accepted
            self.history.fold(accepted, learning=True)

    def shelf(self, placement: str, now: int, *page: str) -> dict[str, float]:
        """Item → score, in the order of a shelf that nobody in particular is shown."""
        shop, where = self.history.shop, placements()[placement]
        shop.refresh(now)
        request = Request(item_ids=page, n=20)
        there = visit(request, where, None, now)
        snapshot = self.history.snapshot(None, there, asked_for_somebody=False)
        return {one.item_id: one.score for one in decide(request, snapshot, where, "", now, Random(0)).items}

    def standing(self, now: int) -> Standing:
        page, popular = self.shelf("pdp_also_bought", now, HERE), self.shelf("trending", now)
        row = self.history.row(PUSHED)
        return Standing(
            score=page.get(PUSHED, 0.0),
            place=_place(page),
            rate=popular.get(PUSHED, 0.0),
            popular_place=_place(popular),
            returns=0.0 if row is None else row.repeat_rate * row.total,
        )

    def shared(self, now: int) -> dict[str, Any]:
        """What all shoppers share: every item's row and the popular shelf."""
        rows = {item: self.history.row(item) for item in sorted(self.history.seen)}
        numbers = {item: (row.total, row.repeat_rate, row.weights.tolist()) for item, row in rows.items() if row}
        return {"rows": numbers, "popular": self.shelf("trending", now), "seen": dict(self.history.seen)}


def _place(shelf: dict[str, float]) -> int:
    return list(shelf).index(PUSHED) if PUSHED in shelf else len(shelf)


def standing_after(events: Iterable[Event], now: int) -> Standing:
    """How the pushed item stands at `now` after these events."""
    street = Street()
    street.play(events)
    return street.standing(now)


def gains_no_more(attacked: Standing, fair: Standing) -> bool:
    """Whether an attack gained at most what ordinary sessions did, but for the last digits."""
    more = 1.0 + 1e-6
    return (
        attacked.score <= fair.score * more
        and attacked.place >= fair.place
        and attacked.rate <= fair.rate * more
        and attacked.popular_place >= fair.popular_place
        and attacked.returns <= fair.returns * more
    )
