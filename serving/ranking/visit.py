"""What a visitor's value says of where they are: the items of this visit, and those of earlier ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stream.signals import bought, session, viewed


def session_items(steps: Iterable[session.Step]) -> list[str]:
    """The different items of a session, newest first."""
    return list(dict.fromkeys(step.item_id for step in reversed(list(steps))))


def earlier_items(visitor: Any, here: Iterable[str] = ()) -> list[str]:
    """Items that the visitor looked at or bought, newest first, without those of this visit (`here`)."""
    seen = [(item.at, item.item_id) for item in viewed.SIGNAL.of(visitor).items]
    seen += [(purchase.at, item_id) for item_id, purchase in bought.SIGNAL.of(visitor).items.items()]
    seen.sort(key=lambda one: -one[0])
    left = dict.fromkeys(item_id for _, item_id in seen)
    for item_id in here:
        left.pop(item_id, None)
    return list(left)
