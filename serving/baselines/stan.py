"""V-STAN: sessions like this one, by place and time.

References
----------
Garg, D., Gupta, P., Malhotra, P., Vig, L., Shroff, G. (2019). Sequence and time aware neighborhood for session-based
recommendations: STAN. SIGIR.
Ludewig, M., Mauro, N., Latifi, S., Jannach, D. (2021). Empirical analysis of session-based recommendation algorithms.
UMUAI 31.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nlargest
from math import exp, log, sqrt
from operator import itemgetter

_DAY_MS = 86_400_000


class TimedNeighbours:
    """V-STAN: neighbours count by the places of shared items in both sessions, by age and by how rare an item is.

    Of the sessions that share an item with the last `LAST` of this one the `SAMPLE` youngest are compared, by
    Σ exp(-steps back / `PLACE`) of shared items / √items * exp(-age / `AGE_MS`). An item of the `NEIGHBOURS` most
    similar counts similarity * exp(-steps from the last shared item / `NEAR`) * exp(-steps back of the newest shared
    item / `PLACE`) * (1 + `RARE` * log(sessions / sessions with the item)). The constants are those of the authors'
    code (`NEIGHBOURS` and `SAMPLE` those of VS-kNN).
    Deviation: running sessions are neighbours like all others; the session itself is not.
    """

    name = "v_stan"
    NEIGHBOURS = 100
    SAMPLE = 1_000
    LAST = 10
    PLACE = 1.02
    AGE_MS = 5 * _DAY_MS
    NEAR = 2.05
    RARE = 5.0

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._places: list[dict[str, int]] = []
        self._steps: list[int] = []
        self._at: list[int] = []
        self._sessions: dict[str, list[int]] = {}

    def learn(self, session: str, item_id: str, at: int) -> None:
        number = self._numbers.setdefault(session, len(self._places))
        if number == len(self._places):
            self._places.append({})
            self._steps.append(0)
            self._at.append(at)
        if item_id not in self._places[number]:
            self._sessions.setdefault(item_id, []).append(number)
        self._steps[number] += 1
        self._places[number][item_id] = self._steps[number]
        self._at[number] = at

    def predict(self, session: str, items: Sequence[str], count: int, at: int) -> list[str]:
        last = items[-self.LAST :]
        weights = {item_id: exp((place - len(last)) / self.PLACE) for place, item_id in enumerate(last, 1)}
        scores: dict[str, float] = {}
        for number, similarity in self._neighbours(self._numbers.get(session), weights, at):
            places = self._places[number]
            shared = [item_id for item_id in weights if item_id in places]
            near = max(places[item_id] for item_id in shared)
            worth = similarity * max(weights[item_id] for item_id in shared)
            for item_id, place in places.items():
                scores[item_id] = scores.get(item_id, 0.0) + worth * exp(-abs(place - near) / self.NEAR)
        rare = {item_id: score * (1 + self.RARE * self._rarity(item_id)) for item_id, score in scores.items()}
        return nlargest(count, rare, key=rare.__getitem__)

    def _neighbours(self, own: int | None, weights: dict[str, float], at: int) -> list[tuple[int, float]]:
        similar: dict[int, float] = {}
        for item_id, weight in weights.items():
            for number in self._sessions.get(item_id, [])[-self.SAMPLE :]:
                similar[number] = similar.get(number, 0.0) + weight
        if own is not None:
            similar.pop(own, None)
        youngest = nlargest(self.SAMPLE, similar) if len(similar) > self.SAMPLE else similar
        aged = ((number, similar[number] * self._age_weight(number, at)) for number in youngest)
        return nlargest(self.NEIGHBOURS, aged, key=itemgetter(1, 0))

    def _age_weight(self, number: int, at: int) -> float:
        return exp(min(0, self._at[number] - at) / self.AGE_MS) / sqrt(len(self._places[number]))

    def _rarity(self, item_id: str) -> float:
        return log(len(self._places) / len(self._sessions[item_id]))
