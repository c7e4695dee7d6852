"""Recommenders of the literature, to compare with on the same history. Only `evaluate` uses them.

Each learns an event at a time, as the code that serves does, and predicts from the running session.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from serving.baselines.neighbours import SessionNeighbours
from serving.baselines.popularity import Popularity, RecentPopularity
from serving.baselines.rules import AssociationRules, SequentialRules
from serving.baselines.stan import TimedNeighbours


class Baseline(Protocol):
    """A recommender that learns online; times are in ms."""

    name: str

    def learn(self, session: str, item_id: str, at: int) -> None:
        """`item_id` is the next step of `session`."""

    def predict(self, session: str, items: Sequence[str], count: int, at: int) -> list[str]:
        """The best next items, best first; `items` are the session's steps so far, oldest first."""


def baselines() -> list[Baseline]:
    """One of each, having learnt nothing."""
    return [
        Popularity(), RecentPopularity(), AssociationRules(), SequentialRules(), SessionNeighbours(), TimedNeighbours(),
    ]  # fmt: skip
