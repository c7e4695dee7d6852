"""Popularity: the same list for everybody."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from heapq import nlargest


class Popularity:
    """What was seen most since the history began."""

    name = "popularity"
    KEPT = 256

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}
        self._top: dict[str, int] = {}
        self._floor = 0

    def learn(self, session: str, item_id: str, at: int) -> None:
        seen = self._seen[item_id] = self._seen.get(item_id, 0) + 1
        if item_id in self._top or seen > self._floor or len(self._top) < self.KEPT:
            self._top[item_id] = seen
        if len(self._top) > self.KEPT:  # counts only grow, so no item that leaves now was among the best
            del self._top[min(self._top, key=self._top.__getitem__)]
            self._floor = min(self._top.values())

    def predict(self, session: str, items: Sequence[str], count: int, at: int) -> list[str]:
        return nlargest(min(count, self.KEPT), self._top, key=self._top.__getitem__)


class RecentPopularity:
    """What was seen most in the last `STEPS` steps of everybody, of equals the newest first."""

    name = "recent_popularity"
    STEPS = 2_000

    def __init__(self) -> None:
        self._steps: deque[str] = deque()
        self._seen: dict[str, int] = {}

    def learn(self, session: str, item_id: str, at: int) -> None:
        self._steps.append(item_id)
        self._seen[item_id] = self._seen.pop(item_id, 0) + 1
        if len(self._steps) > self.STEPS:
            oldest = self._steps.popleft()
            self._seen[oldest] -= 1
            if not self._seen[oldest]:
                del self._seen[oldest]

    def predict(self, session: str, items: Sequence[str], count: int, at: int) -> list[str]:
        return nlargest(count, reversed(self._seen), key=self._seen.__getitem__)
