"""What was measured, and how, in words that stand beside the numbers."""

from __future__ import annotations

from typing import Any

from msgspec import to_builtins

from serving.assortment import Listed
from serving.evaluation.intervals import LEVEL, RESAMPLES
from serving.evaluation.judge import COLD_SESSIONS
from serving.placement import Placement
from stream.signals import session

_LEARNT = (
    "candidates of all recommenders by a model of choices, which learns from every learnt step and the list before it"
)
_TIERS = "table score; what it leaves free is filled by the other recommenders in this order"


def protocol(
    placement: Placement,
    *,
    events: int,
    rejected: int,
    passed_over: int,
    guarded: int,
    catalogue: Listed,
    tested: int,
    no_repeats: bool,
    frozen: bool,
) -> dict[str, Any]:
    """The JSON's `protocol`; `frozen`: nothing was learnt of what was tested."""
    without = ", without those that were in their session before" if no_repeats else ""
    return {
        "events": events,
        "events_rejected": rejected,
        "events_tested": tested,
        "steps_passed_over": passed_over,
        "steps_guarded": guarded,
        "catalogue": to_builtins(catalogue),
        "learning": "before the tested events only" if frozen else "after every event",
        "learning_of_the_order": "before the tested events from every third step, then as above",
        "targets": f"the items of view_item and add_to_cart events with one item{without}",
        "candidates": f"all items known so far, the session's own {'not' if no_repeats else 'too'}",
        "exclusions_off": ["out_of_stock", "hidden", "in_cart", "bought", "dismissed"],
        "guards": {
            "times_a_pair_counts_in_a_session": 1,
            "pairs_in_a_session": session.PAIRS,
            "items_in_a_session": session.ITEMS,
            "sessions_of_a_visitor_a_day": session.SESSIONS_A_DAY,
            "floods": "not learnt",
        },
        "placement": placement.name,
        "recommenders": [*placement.recommenders, "popular"],
        "ranking": _LEARNT if placement.goal else _TIERS,
        **_words(),
    }


def _words() -> dict[str, str]:
    return {
        "no_repeats": "targets of new_in_session, in lists without the session's own items",
        "by_length": "next, by the steps that the session had before (of its last 50)",
        "by_event": "next, by the target's event; purchase: the items of confirmed purchases in sessions that began in "
        "the tested part, each once, in the list just before the session's first event with the item "
        "(view_item, add_to_cart or the purchase itself)",
        "cold_first, cold_next": "first and second step of sessions that began in the tested part, of visitors of whom "
        "nothing was known",
        "unseen_items": "new_in_session, whose item nobody had seen",
        "cold_items": f"new_in_session, whose item came up in the tested part, in 1 to {COLD_SESSIONS} sessions "
        "before this one",
        "new_items": "of new_in_session, after the first event, those whose item nobody had before the tested part, in "
        "lists without the session's own items; pdp_similar as on the page of the session's last item",
        "evidence, probability": "next: each item of the lists by its evidence, and by its score where the order is "
        "learnt (fill: of no generator that speaks for the visit), and how often it was what came next; error and "
        "overstated: how far the mean of these bands is from that, and above it, weighed by items; only those that "
        "claim something",
        "steps_passed_over, steps_guarded": "views and carts of one item that became part of no session (twice the "
        "same event_id, late, or without consent), and those that were served but taught nothing, as `guards` say",
        "coverage": "share of all items known in the end that were in a tested list of 20",
        "popularity": "mean over these lists of an item's number of steps / that of the most seen item",
        "gini": "how unequally the places of these lists fall on all items known in the end (0 = equally, 1 = one item "
        "has all; Shani, Gunawardana 2011)",
        "intervals": f"{LEVEL} %, percentiles of {RESAMPLES} resamples of whole sessions; those of differences (what "
        "serves minus the baseline) are paired",
    }
