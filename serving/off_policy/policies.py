"""The policies that are asked about: each says, of a shelf as it was logged, what it would have shown at each place.

A policy is a function of what was known when deciding: the items of the order (without what exploration put in), their
scores and features, and how often each had been looked at. It must not look at which of them were drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from serving.off_policy.logged import Listed, Logged

Mix: TypeAlias = Mapping[str, float]
"""Recommender → the probability that an item of it stands at a place."""


class Target(NamedTuple):
    """For each place of a shelf: with which probability its shown item would stand there, and what would in all."""

    at: Sequence[float]
    mix: Sequence[Mix]


class Policy(NamedTuple):
    """One policy; `lacks` is empty, or why these shelves cannot tell what it would have shown."""

    name: str
    says: str
    target: Callable[[Logged], Target]
    lacks: Callable[[Sequence[Logged]], str] = lambda _: ""


def _as_logged(shelf: Logged) -> Target:
    return Target([slot.probability for slot in shelf.items], [{slot.recommender: 1.0} for slot in shelf.items])


def _without_exploration(shelf: Logged) -> Target:
    return _exploring(shelf, 0.0)


def _exploring_twice(shelf: Logged) -> Target:
    return _exploring(shelf, 2.0)


def _exploring(shelf: Logged, times: float) -> Target:
    """The same draw, so many times as often; what a place gives to new items is what its usual item lacks to 1."""
    given = min(
        (1.0 - slot.probability for slot in shelf.items if slot.instead_of is None and slot.probability < 1.0),
        default=0.0,
    )
    at, mix = [], []
    for slot in shelf.items:
        drawn = slot.instead_of is not None
        share = times * (given if drawn or slot.probability < 1.0 else 0.0)
        at.append(times * slot.probability if drawn else 1.0 - share)
        mix.append(
            {slot.usual.recommender: 1.0 - share, "exploration": share} if share else {slot.usual.recommender: 1.0}
        )
    return Target(at, mix)


def _never_explored(shelves: Sequence[Logged]) -> str:
    if any(slot.instead_of for shelf in shelves for slot in shelf.items):
        return ""
    return "No shelf of this log has a new item that exploration drew: give a placement an `explore` share."


def _ordered(shelf: Logged, key: Callable[[Listed], float]) -> Target:
    """The order's items by `key`, highest first, then by score; equal ones by id, never by where they were shown."""
    order = sorted(shelf.order, key=lambda one: (-key(one), -one.score, one.item_id))
    pairs = zip(order, shelf.items, strict=True)
    return Target(
        [float(one.item_id == slot.item_id) for one, slot in pairs], [{one.recommender: 1.0} for one in order]
    )


def _popular(shelf: Logged) -> Target:
    return _ordered(shelf, lambda one: shelf.looks.get(one.item_id, 0))


def _table(shelf: Logged) -> Target:
    return _ordered(shelf, lambda one: one.table or 0.0)


def _not_all_told(shelves: Sequence[Logged]) -> str:
    if all(one.table is not None for shelf in shelves for one in shelf.order):
        return ""
    return (
        "Not every shelf tells its items' table scores: only those that a model ordered do. "
        "Ask for one such placement (--placement home_for_you)."
    )


def _by_score(shelf: Logged) -> Target:
    return _ordered(shelf, lambda one: one.score)


POLICIES = (
    Policy("as_logged", "What was shown.", _as_logged),
    Policy("without_exploration", "The same shelves without new items drawn.", _without_exploration, _never_explored),
    Policy("exploring_twice", "The same shelves with twice as many new items.", _exploring_twice, _never_explored),
    Policy("popular", "The shelf's items by how often each had been looked at before.", _popular),
    Policy("table", "The shelf's items by the table score, without the learnt model.", _table, _not_all_told),
    Policy("by_score", "The shelf's items by their logged score alone.", _by_score),
)
