"""An answer that nothing changed stays the same: the clock that scores go by.

Scores decay, each at its own pace, so that near ties would swap from one second to the next. They go by a clock that
stands still for `STEP_MS` after the visitor's last event; stock, publication and rests go by the real one.
"""

from __future__ import annotations

from serving.stage import Snapshot

STEP_MS = 3_600_000


def instant(snapshot: Snapshot, now: int) -> int:
    """The time (ms) that scores go by: whole hours after the visitor's last event, of the clock without a visitor."""
    last = snapshot.visitor.last if snapshot.visitor is not None else None
    begun = 0 if last is None else min(last.at, now)
    return now - (now - begun) % STEP_MS
