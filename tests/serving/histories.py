"""Histories of events for evaluations, as files."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

START_MS = 1_700_000_000_000
CONSENT = {"analytics": True, "personalization": True}


def view(number: int, session: str, item_id: str, **more: Any) -> dict[str, Any]:
    return {
        "event_id": f"e{number}",
        "event": "view_item",
        "occurred_at": START_MS + number * 1_000,
        "visitor_id": f"v{session}",
        "session_id": session,
        "consent": CONSENT,
        "items": [{"item_id": item_id}],
    } | more


def views(sessions: Iterable[Sequence[str]], *, prefix: str = "s", start: int = 0) -> list[dict[str, Any]]:
    """One session after the other."""
    steps = [(f"{prefix}{n}", item_id) for n, items in enumerate(sessions) for item_id in items]
    return [view(number, session, item_id) for number, (session, item_id) in enumerate(steps, start)]


def written(path: Path, events: Iterable[Any]) -> Path:
    with gzip.open(path, "wt", encoding="utf-8") as out:
        out.writelines(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in events)
    return path
