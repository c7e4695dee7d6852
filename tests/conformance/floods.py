"""The worst that the contract allows: the longest ids, the most items, never the same twice."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import count
from typing import Any

import orjson

from stream.entries import Bought, Followed, PairsEntry, Seen
from stream.ingest import MAX_EVENT_BYTES
from stream.tokens import DecisionToken, decision_id

MOST_CHARACTERS = 128
EVENT_ID_CHARACTERS = 64
OWNER = "flood".ljust(26, "a")
"""Whose flood it is: a pseudonym that a token can carry."""
START_MS = 1_790_000_000_000
DAY_MS = 86_400_000


def flood(character: str, events: int, characters: int = MOST_CHARACTERS) -> Iterator[tuple[bytes, bytes, int]]:
    """One visitor's events as (key, value, time in ms), with ids of so many times `character`.

    Among them are banners of ours, each another, with the longest names that there are.
    """
    numbers = count()
    visitor = character * characters
    many = min(60, MAX_EVENT_BYTES // (characters * len(character.encode()) + 60) - 4)
    plan = (
        ("view_item", 1),
        ("dismiss", many),
        ("view_item_list", many),
        ("add_to_cart", 1),
        ("add_to_cart", many),
        ("purchase", many),
    )
    for n in range(events):
        # the first 40 without an order, and never too many a minute: a flood that is found out is remembered less
        name, size = plan[n % (len(plan) - (n < 40))]
        at = START_MS + n * 600
        items = [{"item_id": _id(character, next(numbers), characters), "quantity": 1_000_000} for _ in range(size)]
        document = _document(name, visitor, items, at, n, character)
        yield visitor.encode(), orjson.dumps(document), at
        if n % 10 == 0:
            yield visitor.encode(), orjson.dumps({**document, **_of_a_banner(n)}), at


def _of_a_banner(n: int) -> dict[str, Any]:
    """What makes an event another one, of a banner that nobody has seen yet."""
    arm = f"{_id('c', n, 64)}/{_id('x', n, 40)}"
    name = "dismiss" if n % 20 else "view_promotion"
    return {"event_id": f"b{n}", "event": name, "items": [], "promotion": {"promotion_id": arm}, "decision_id": None}


def _document(name: str, visitor: str, items: list[Any], at: int, n: int, character: str) -> dict[str, Any]:
    made = DecisionToken("home", "", at, OWNER, 1, DAY_MS, DAY_MS, b"%08d" % n)
    named = {"decision_id": decision_id(b"", made)} if name == "view_item_list" else {}
    return named | {
        "event_id": _id(character, n, min(len(visitor), EVENT_ID_CHARACTERS)),
        "event": name,
        "occurred_at": at,
        "received_at": at,
        "visitor_id": visitor,
        "session_id": _id(character, min(n, 2), len(visitor)),
        "consent": {"analytics": True, "personalization": True, "marketing": True},
        "items": items,
    }


def _id(character: str, number: int, characters: int) -> str:
    return character * (characters - len(str(number))) + str(number)


def entry_flood(seed: int, length: int, *, items: int, characters: int = 12) -> Iterator[PairsEntry]:
    """Entries of one item with many neighbours, over years, now and then late."""
    rng = random.Random(seed)
    at = START_MS
    for offset in range(length):
        at += rng.randrange(DAY_MS)
        then = at - rng.choice((0, 0, rng.randrange(DAY_MS)))
        other = _id("i", rng.randrange(items), characters)
        kind = rng.random()
        if kind < 0.4:
            back = [(_id("i", rng.randrange(items), characters), rng.random()) for _ in range(rng.randrange(6))]
            yield Seen(offset, 0, "item", then, "view_item", rng.random() < 0.3, back)
        elif kind < 0.95:
            yield Followed(offset, 0, "item", then, rng.choice(("viewed", "together", "bought")), other, rng.random())
        else:
            yield Bought(offset, 0, "item", then, rng.randrange(1, 1_000_000), rng.random() < 0.5)
