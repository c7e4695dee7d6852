"""An answer that nothing changed stays the same: the clock that scores go by, and the seed of all that is drawn.

Scores decay, each at its own pace, so that near ties would swap from one second to the next. They go by a clock that
stands still for `STEP_MS` after the visitor's last event; stock, publication and rests go by the real one.
"""

from __future__ import annotations

from hashlib import blake2b
from random import Random

from serving.stage import Context, Snapshot

STEP_MS = 3_600_000


def instant(snapshot: Snapshot, now: int) -> int:
    """The time (ms) that scores go by: whole hours after the visitor's last event, of the clock without a visitor."""
    last = snapshot.visitor.last if snapshot.visitor is not None else None
    begun = 0 if last is None else min(last.at, now)
    return now - (now - begun) % STEP_MS


def drawn(context: Context) -> Random:
    """A source of chance that draws the same until the visitor does something: for this visitor, and this placement.

    Without a visitor it changes with the hour, and is the same for everybody.
    """
    snapshot = context.snapshot
    last = snapshot.visitor.last if snapshot.visitor is not None else None
    since = str(instant(snapshot, context.now)) if last is None else f"{last.at} {last.event_id}"
    seed = f"{snapshot.pid}\0{context.placement.name}\0{since}".encode()
    return Random(blake2b(seed, digest_size=8).digest())
