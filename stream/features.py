"""What models are told: features of a running session, computed in one place for learning and for serving.

Learning and serving must see the same numbers for the same situation, so both call the functions here, on the state
that the visitor agent folds. There is no clock in here: `at` is an argument.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stream.signals import cart as carts
    from stream.signals import session as sessions

_UNIT = 16
FEATURE_LIMIT = 12.0 * _UNIT
"""The largest value of a feature: the logarithm of some 160,000 events, or seconds (45 hours)."""

_COUNTED = {
    "page_views": "page_view",
    "impressions": "view_item_list",
    "clicks": "select_item",
    "views": "view_item",
    "searches": "search",
    "carts": "add_to_cart",
    "removals": "remove_from_cart",
    "cart_views": "view_cart",
    "checkouts": "begin_checkout",
    "wishes": "add_to_wishlist",
    "promotions": "view_promotion",
    "promotion_clicks": "select_promotion",
    "dismissals": "dismiss",
}

INTENT_FEATURES: tuple[str, ...] = (
    "events",
    *_COUNTED,
    "items",
    "repeats",
    "repeat_share",
    "cart_lines",
    "cart_units",
    "cart_age",
    "seconds",
    "dwell",
    "last_dwell",
)


def intent_features(session: sessions.State, cart: carts.State, at: int) -> list[int]:
    """The running session in the order of `INTENT_FEATURES`: logarithms of counts and seconds, and one share.

    Parameters
    ----------
    session, cart: the visitor's signals, the newest event already folded.
    at: the instant to describe, in ms: the event's time in a fold, `session.last_at` when serving. (Told the wall
        clock instead, a model would see pauses that it never saw while it learnt, as samples are taken at events.)

    Notes
    -----
    Every value is a whole number of sixteenths within [0, `FEATURE_LIMIT`]: a byte or two in the visitor's state, which
    keeps samples until the session closes, where a float takes nine. `repeats` counts steps on an item that was a step
    before, among the steps kept; `dwell` is the mean time between steps, `last_dwell` the time on the newest step that
    has ended (0 before the second event); `cart_age` the time since the newest line was put in (0 for an empty cart).
    """
    counts, steps, lines = session.counts, session.steps, cart.items.values()
    items = len({step.item_id for step in steps})
    repeats = len(steps) - items
    return [
        _log(session.events),
        *[_log(counts[name]) if name in counts else 0 for name in _COUNTED.values()],
        _log(items),
        _log(repeats),
        round(_UNIT * repeats / len(steps)) if steps else 0,
        _log(len(lines)),
        _log(sum([line.quantity for line in lines])),
        _log_seconds(at - max([line.at for line in lines])) if lines else 0,
        _log_seconds(at - session.started_at),
        _log_seconds((steps[-1].at - steps[0].at) // (len(steps) - 1)) if len(steps) > 1 else 0,
        _log_seconds(_last_dwell(steps, at)),
    ]


def begins_session(features: Sequence[float]) -> bool:
    """Whether an example is its session's first: taken after one event."""
    return features[0] <= _ONE_EVENT


def _last_dwell(steps: list[sessions.Step], at: int) -> int:
    if not steps:
        return 0
    if steps[-1].at < at:
        return at - steps[-1].at
    return steps[-1].at - steps[-2].at if len(steps) > 1 else 0


def _log(count: int) -> int:
    if count < len(_LOGS):
        return _LOGS[count] if count > 0 else 0
    return min(round(_UNIT * math.log1p(count)), int(FEATURE_LIMIT))


def _log_seconds(span_ms: int) -> int:
    return _log(span_ms // 1_000)


_LOGS = tuple(round(_UNIT * math.log1p(count)) for count in range(1_000))
_ONE_EVENT = _LOGS[1]


CHOICE_LIMIT = 64.0
"""The largest absolute value of a feature of choices; all are logarithms, shares or flags."""

_CHOICE: dict[str, float] = {
    "table": 1.0,
    "second_step": 0.05,
    "no_second_step": 0.0,
    "rank": 0.0,
    "earlier": 1.0,
    "profile": 1.0,
    "after_last": 0.0,
    "before_last": 0.0,
    "times_after_last": 0.0,
    "linked_items": 0.0,
    "popular_now": 0.0,
    "sessions": 0.0,
    "in_session": 0.0,
    "is_last": 0.0,
    "repeats": 0.0,
    "times_here": 0.0,
    "distance": 0.0,
    "steps": 0.0,
    "last_returned": 0.0,
    "since_new": 0.0,
    "led_here": 0.0,
    "back": 0.0,
    "similar": 0.0,
    "same_category": 0.0,
    "ignored": -0.2,
    "ignored_category": -1.0,
}
CHOICE_FEATURES: tuple[str, ...] = tuple(_CHOICE)
"""What a model of choices is told of each item of a shelf (`serving/ranking/features.py` computes them)."""
CHOICE_START: tuple[float, ...] = tuple(_CHOICE.values())
"""Weights before anything is learnt: the table score alone, near enough."""
GATE_START = (0.0, 1.0)
