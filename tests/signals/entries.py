"""Streams of entries as visitors make them, for tests of item signals."""

from __future__ import annotations

import random

from stream.entries import Bought, Followed, PairsEntry, Seen

DAY_MS = 86_400_000
START_MS = 1_700_000_000_000


def entry_stream(seed: int, length: int, *, items: int = 400, days: float = 400.0) -> list[PairsEntry]:
    """Entries of one item in about the order of time, now and then late, with many neighbours."""
    rng = random.Random(seed)
    at = START_MS
    entries: list[PairsEntry] = []
    for offset in range(length):
        at += int(rng.expovariate(1) * days * DAY_MS / length)
        then = at - rng.choice([0, 0, 0, rng.randrange(DAY_MS)])
        entries.append(_entry(rng, offset, then, items))
    return entries


def _entry(rng: random.Random, offset: int, at: int, items: int) -> PairsEntry:
    other = f"sku-{rng.randrange(items):08}"
    kind = rng.random()
    if kind < 0.4:
        back = [(f"sku-{rng.randrange(items):08}", rng.random()) for _ in range(rng.randrange(6))]
        return Seen(offset, 0, "item", at, "view_item", rng.random() < 0.3, back)
    if kind < 0.95:
        relation = "together" if rng.random() < 0.3 else "viewed"
        return Followed(offset, 0, "item", at, relation, other, rng.random())
    return Bought(offset, 0, "item", at, rng.randrange(1, 5), rng.random() < 0.5)
