"""VS-kNN: sessions like this one.

References
----------
Ludewig, M., Jannach, D. (2018). Evaluation of session-based recommendation algorithms. UMUAI 28.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nlargest
from operator import itemgetter


class SessionNeighbours:
    """VS-kNN: the items of the sessions most like this one, the like with its newest items most of all.

    Of the sessions that share an item with the last 10 of this one the `SAMPLE` youngest are compared: an item weighs
    1 - 0.1 * steps back. The items of the `NEIGHBOURS` most similar count by similarity / steps back to the newest
    shared item. Running sessions are neighbours like all others; the session itself is not.
    """

    name = "vs_knn"
    NEIGHBOURS = 100
    SAMPLE = 1_000
    LAST = 10

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._items: list[dict[str, None]] = []
        self._sessions: dict[str, list[int]] = {}

    def learn(self, session: str, item_id: str, at: int) -> None:
        number = self._numbers.setdefault(session, len(self._items))
        if number == len(self._items):
            self._items.append({})
        if item_id not in self._items[number]:
            self._items[number][item_id] = None
            self._sessions.setdefault(item_id, []).append(number)

    def predict(self, session: str, items: Sequence[str], count: int, at: int) -> list[str]:
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
