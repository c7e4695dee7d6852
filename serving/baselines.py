"""Recommenders of the literature, to compare with on the same history. Only `evaluate` uses them.

Each learns an event at a time, as the code that serves does, and predicts from the running session.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nlargest
from operator import itemgetter
from typing import Protocol


class Baseline(Protocol):
    """A recommender that learns online."""

    name: str

    def learn(self, session: str, item_id: str) -> None:
        """`item_id` is the next step of `session`."""

    def predict(self, session: str, items: Sequence[str], count: int) -> list[str]:
        """The best next items, best first; `items` are the session's steps so far, oldest first."""


class Popularity:
    """What was seen most since the history began."""

    name = "popularity"
    KEPT = 256

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}
        self._top: dict[str, int] = {}
        self._floor = 0

    def learn(self, session: str, item_id: str) -> None:
        seen = self._seen[item_id] = self._seen.get(item_id, 0) + 1
        if item_id in self._top or seen > self._floor or len(self._top) < self.KEPT:
            self._top[item_id] = seen
        if len(self._top) > self.KEPT:  # counts only grow, so no item that leaves now was among the best
            del self._top[min(self._top, key=self._top.__getitem__)]
            self._floor = min(self._top.values())

    def predict(self, session: str, items: Sequence[str], count: int) -> list[str]:
        return nlargest(min(count, self.KEPT), self._top, key=self._top.__getitem__)


class SequentialRules:
    """SR: what followed the last item, at most 10 steps later, weighted by 1 / steps.

    References
    ----------
    Ludewig, M., Jannach, D. (2018). Evaluation of session-based recommendation algorithms. UMUAI 28.
    """

    name = "sr"
    STEPS = 10

    def __init__(self) -> None:
        self._rules: dict[str, dict[str, float]] = {}
        self._last: dict[str, list[str]] = {}

    def learn(self, session: str, item_id: str) -> None:
        last = self._last.setdefault(session, [])
        for steps, before in enumerate(reversed(last), 1):
            if before != item_id:
                rule = self._rules.setdefault(before, {})
                rule[item_id] = rule.get(item_id, 0.0) + 1 / steps
        last.append(item_id)
        del last[: -self.STEPS]

    def predict(self, session: str, items: Sequence[str], count: int) -> list[str]:
        rule = self._rules.get(items[-1], {}) if items else {}
        return nlargest(count, rule, key=rule.__getitem__)


class SessionNeighbours:
    """VS-kNN: the items of the sessions most like this one, the like with its newest items most of all.

    Of the sessions that share an item with the last 10 of this one the `SAMPLE` youngest are compared: an item weighs
    1 - 0.1 * steps back. The items of the `NEIGHBOURS` most similar count by similarity / steps back to the newest
    shared item. Running sessions are neighbours like all others; the session itself is not.

    References
    ----------
    Ludewig, M., Jannach, D. (2018). Evaluation of session-based recommendation algorithms. UMUAI 28.
    """

    name = "vs_knn"
    NEIGHBOURS = 100
    SAMPLE = 1_000
    LAST = 10

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._items: list[dict[str, None]] = []
        self._sessions: dict[str, list[int]] = {}

    def learn(self, session: str, item_id: str) -> None:
        number = self._numbers.setdefault(session, len(self._items))
        if number == len(self._items):
            self._items.append({})
        if item_id not in self._items[number]:
            self._items[number][item_id] = None
            self._sessions.setdefault(item_id, []).append(number)

    def predict(self, session: str, items: Sequence[str], count: int) -> list[str]:
        scores: dict[str, float] = {}
        for number, weight in self._neighbours(self._numbers.get(session), items):
            for item_id in self._items[number]:
                scores[item_id] = scores.get(item_id, 0.0) + weight
        return nlargest(count, scores, key=scores.__getitem__)

    def _neighbours(self, own: int | None, items: Sequence[str]) -> list[tuple[int, float]]:
        """The most similar sessions, with what their items count."""
        last = items[-self.LAST :]
        weights = {item_id: 1 - 0.1 * (len(last) - place) for place, item_id in enumerate(last, 1)}
        similar: dict[int, float] = {}
        shared: dict[int, int] = {}
        for steps, item_id in enumerate(dict.fromkeys(reversed(last)), 1):
            weight = weights[item_id]
            for number in self._sessions.get(item_id, [])[-self.SAMPLE :]:
                similar[number] = similar.get(number, 0.0) + weight
                shared.setdefault(number, steps)
        if own is not None:
            similar.pop(own, None)
        youngest = nlargest(self.SAMPLE, similar) if len(similar) > self.SAMPLE else similar
        best = nlargest(self.NEIGHBOURS, ((number, similar[number]) for number in youngest), key=itemgetter(1, 0))
        return [(number, similarity / shared[number]) for number, similarity in best]


def baselines() -> list[Baseline]:
    """One of each, having learnt nothing."""
    return [Popularity(), SequentialRules(), SessionNeighbours()]
