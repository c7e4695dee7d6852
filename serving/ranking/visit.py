"""What a visitor's value says of where they are: the items of this visit, and those of earlier ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from stream.entries import Summary
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


def viewed_items(own: Sequence[viewed.Viewed], others: Sequence[Summary]) -> list[str]:
    """What the visitor and the customer's other visitors looked at, newest first."""
    seen = [(one.at, one.item_id) for one in own]
    seen += [(touch.at, touch.item_id) for one in others for touch in one.viewed]
    seen.sort(key=lambda one: -one[0])
    return list(dict.fromkeys(item_id for _, item_id in seen))


def shared_items(others: Sequence[Summary], known: Iterable[str]) -> list[str]:
    """Items that the customer's other visitors looked at or bought, newest first, without those `known`."""
    touches = [touch for one in others for touch in (*one.viewed, *one.bought)]
    touches.sort(key=lambda touch: -touch.at)
    left = dict.fromkeys(touch.item_id for touch in touches)
    for item_id in known:
        left.pop(item_id, None)
    return list(left)
