"""Rotation: what a visitor was shown several times and never cared for makes room for something else.

It sinks below all others, and keeps its order there; it is never hidden. It comes back after a rest, counted from the
last time it was seen, or at once with interest in it (`stream/signals/impressions.py`).
"""

from __future__ import annotations

from typing import Any

from serving.candidate import Candidate
from serving.stage import Context
from stream.signals import impressions

HOUR_MS = 3_600_000


def applies(context: Context) -> bool:
    """Whether the placement rotates, and this visitor was shown anything often enough."""
    rotation, visitor = context.placement.rotation, context.snapshot.visitor
    return rotation is not None and visitor is not None and bool(_resting(context))


def stage(candidates: list[Candidate], context: Context) -> list[Candidate]:
    """Those that rest go behind the others."""
    resting = _resting(context) if context.placement.rotation is not None else ()
    behind = [one for one in candidates if one.item_id in resting] if resting else []
    return [*(one for one in candidates if one.item_id not in resting), *behind] if behind else candidates


def _resting(context: Context) -> set[str]:
    rotation, visitor = context.placement.rotation, context.snapshot.visitor
    if rotation is None or visitor is None:
        return set()
    holder: Any = visitor
    since, after = context.now - rotation.rest_hours * HOUR_MS, rotation.after
    seen = impressions.SIGNAL.of(holder).items.items()
    return {item_id for item_id, one in seen if one.ignored >= after and one.at > since}
