"""What shoppers read of a decision: why these items, why this one, what would be otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from serving.recommender import Relation
from serving.recommenders import recommenders
from serving.shop import NEWEST

NAMED = 2

_DID = {
    "view_item": "you looked at {}",
    "select_item": "you chose {}",
    "add_to_cart": "you put {} into the cart",
    "add_to_wishlist": "you put {} on the wish list",
    "purchase": "you bought {}",
}
_RELATES: dict[Relation, str] = {
    "viewed_next": "shoppers often look at this around it",
    "one_step_further": "shoppers come from it to this by way of others",
    "goes_with": "this goes with it",
    "bought_together": "shoppers buy this together with it",
    "bought_after": "shoppers buy this after it",
    "similar": "this is like it",
    "same_category": "this is popular in the same category",
    "itself": "",
}
_OTHERWISE = {
    NEWEST: "New in the shop.",
    "exploration": "New here: few have seen it yet.",
    "pinned": "The shop recommends this here.",
    "search": "It answers what was searched for.",
}
_WITHOUT_REASON = {
    "fallback": "These were the most popular items: there was not enough to go by.",
    "insufficient_data": "Nothing was shown: there was not enough to go by.",
    "no_consent": "These items were not chosen by anything you did: you have not agreed to that.",
    "degraded": "These items were chosen from what was at hand while a part of the system was away.",
}
_FITTING = "These items fit the page and what was popular; nothing that you did decided it."
_LEFT = {
    "fallback": "there is not enough to go by: popular items are shown",
    "insufficient_data": "there is not enough to go by: nothing is shown",
}

_NO_BANNER = {
    "no_campaign": "No banner was shown: the shop has none for this place.",
    "not_now": "No banner was shown: the shop has none for this place at this time.",
    "spent": "No banner was shown: what the shop had for this place is over.",
    "not_known": "No banner was shown: those of this place are chosen by what may be known of you.",
    "not_audience": "No banner was shown: those of this place are for other shoppers.",
    "dismissed": "No banner was shown: you sent the one of this place away.",
    "capped": "No banner was shown: you had seen the one of this place often enough.",
    "resting": "No banner was shown: those of this place did not interest you, and rest.",
    "daily_cap": "No banner was shown: you had seen as many as anybody is shown in a day.",
}


def did(event: str, name: str) -> str:
    """What the shopper did, as a clause."""
    return _DID.get(event, event + " of {}").format(name)


def of_item(recommender: str, event: str | None, name: str, relation: Relation | None) -> str:
    """Why one item is shown: `event` is the shopper's own, about the item called `name`; None if none led to it."""
    if event is None:
        found = recommenders().get(recommender)
        return found.explain if found else _OTHERWISE.get(recommender, _FITTING)
    relates = _RELATES.get(relation, "") if relation else ""
    return f"Because {did(event, name)}{': ' if relates else ''}{relates}."


def of_items(items: Iterable[dict[str, Any]], title_of: Callable[[str], str]) -> dict[str, str]:
    """Why each item of a shelf or of a decision's record is shown, by its id."""
    told = {}
    for item in items:
        cause: dict[str, Any] = next(iter(item.get("because", ())), {})
        item_id = cause.get("item_id")
        name = title_of(item_id) if item_id else "an item"
        told[item["item_id"]] = of_item(item["recommender"], cause.get("event"), name, cause.get("relation"))
    return told


def of_record(record: dict[str, Any]) -> str:
    """Why these items, or this banner, in one sentence, from a decision's record."""
    if record.get("kind") == "banner":
        return _of_banner(record["banner"])
    reasons = {
        (one["event"], one.get("item_id") or "an item"): one["seconds_ago"]
        for item in record["items"]
        for one in item.get("because", ())
    }
    if not reasons:
        return _WITHOUT_REASON.get(record["status"], _FITTING)
    newest = sorted(reasons.items(), key=lambda reason: reason[1])
    told = [f"{did(event, item_id)} {ago(seconds)} before" for (event, item_id), seconds in newest[:NAMED]]
    more = f", and {len(newest) - NAMED} more things that you did" if len(newest) > NAMED else ""
    return f"You saw these items because {' and '.join(told)}{more}."


def _of_banner(banner: dict[str, Any]) -> str:
    if banner["chosen"] < 0:
        return _NO_BANNER[banner["reason"]]
    if len(banner["arms"]) == 1:
        return "You saw this banner because the shop shows it here now: no other one was to be shown to you."
    percent, among = 100 * banner["probabilities"][banner["chosen"]], len(banner["arms"])
    return f"You saw this banner because it was drawn, by {percent:.0f} %, from {among} that the shop shows here."


def without(name: str, falls: Sequence[tuple[str, int, int | None]], status: str) -> str:
    """What is otherwise without the item `name`; `falls` are (name, position, position then) of those that fall.

    Positions count from 0.
    """
    if status in _LEFT:
        return f"Without {name}: {_LEFT[status]}."
    if not falls:
        return f"Without {name}: everything stays where it is."
    first, before, after = falls[0]
    goes = f"is gone from position {before}" if after is None else f"falls from position {before} to {after}"
    more = f", and {len(falls) - 1} more fall" if len(falls) > 1 else ""
    return f"Without {name}: {first} {goes}{more}."


def ago(seconds: float) -> str:
    """A time as people say it."""
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"
