"""Events for benches: the real clickstream of `serenade_sessions` where it is, else made ones of the same kind."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import orjson

DATA = Path(os.environ.get("LIVESHELF_TEST_DATA", "../shared/data")) / "serenade_sessions"
GRANTED = {"analytics": True, "personalization": True}
_MADE_ITEMS = 8_000
_SIDE_BY_SIDE = 200


class Click(NamedTuple):
    """One `view_item`; `at` in ms."""

    session: str
    item_id: str
    at: int


def source() -> str:
    """What the clicks are."""
    return "serenade_sessions" if list(DATA.glob("sessions_*.parquet")) else "made sessions"


def backlog(events: int) -> Iterator[tuple[bytes, bytes]]:
    """(visitor id, event) of `events` events whose last one happens now; a history too short comes again, later on."""
    clicks = _recorded() if list(DATA.glob("sessions_*.parquet")) else list(_made(events))
    first, last = clicks[0].at, clicks[-1].at
    rounds = -(-events // len(clicks))
    span = last - first + 3_600_000
    shift = int(time.time() * 1000) - last - span * (rounds - 1)
    number = 0
    for turn in range(rounds):
        for click in clicks[: events - number]:
            number += 1
            visitor = f"{click.session}-{turn}"
            yield visitor.encode(), event(f"b{number}", visitor, click.item_id, click.at + shift + turn * span)


def event(event_id: str, visitor: str, item_id: str, at: int, **more: Any) -> bytes:
    """A `view_item` that was received when it occurred."""
    return orjson.dumps(
        {
            "event_id": event_id,
            "event": "view_item",
            "occurred_at": at,
            "sent_at": at,
            "received_at": at,
            "visitor_id": visitor,
            "session_id": visitor,
            "consent": GRANTED,
            "items": [{"item_id": item_id}],
            **more,
        }
    )


def _recorded() -> list[Click]:
    import pandas as pd

    clicks = pd.concat(pd.read_parquet(file) for file in sorted(DATA.glob("sessions_*.parquet")))
    clicks = clicks.sort_values(["Time", "SessionId"], kind="stable")
    rows = clicks[["SessionId", "ItemId", "Time"]].itertuples(index=False)
    return [Click(f"s{session}", str(item), int(at) * 1000) for session, item, at in rows]


def _made(events: int) -> Iterator[Click]:
    """Sessions of two to twelve views that go on side by side."""
    rng, names = random.Random(3), count()
    open_sessions: list[tuple[str, int]] = []
    for number in range(events):
        if len(open_sessions) < _SIDE_BY_SIDE:
            open_sessions.append((f"m{next(names)}", rng.randint(2, 12)))
        place = rng.randrange(len(open_sessions))
        session, left = open_sessions[place]
        yield Click(session, f"i{int(rng.paretovariate(0.6)) % _MADE_ITEMS}", number * 100)
        open_sessions[place] = (session, left - 1)
        if left == 1:
            del open_sessions[place]
