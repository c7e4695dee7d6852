"""Rules of two items: what goes with the last one; of equals the one that was learnt last stands first.

References
----------
Ludewig, M., Jannach, D. (2018). Evaluation of session-based recommendation algorithms. UMUAI 28.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nlargest


class AssociationRules:
    """AR: what was in sessions together with the last item, whichever came first, by the number of pairs of steps.

    Deviation: of a session's steps the last `STEPS` make pairs with a new one, and none with its own item.
    """

    name = "ar"
    STEPS = 50

    def __init__(self) -> None:
        self._pairs: dict[str, dict[str, int]] = {}
        self._last: dict[str, list[str]] = {}

    def learn(self, session: str, item_id: str, at: int) -> None:
        last = self._last.setdefault(session, [])
        own = self._pairs.setdefault(item_id, {})
        for before in last:
            if before != item_id:
                other = self._pairs[before]
                own[before] = own.pop(before, 0) + 1
                other[item_id] = other.pop(item_id, 0) + 1
        last.append(item_id)
        del last[: -self.STEPS]

    def predict(self, session: str, items: Sequence[str], count: int, at: int) -> list[str]:
        pairs = self._pairs.get(items[-1], {}) if items else {}
        return nlargest(count, reversed(pairs), key=pairs.__getitem__)


class SequentialRules:
    """SR: what followed the last item, at most 10 steps later, weighted by 1 / steps."""

    name = "sr"
    STEPS = 10

    def __init__(self) -> None:
        self._rules: dict[str, dict[str, float]] = {}
        self._last: dict[str, list[str]] = {}

    def learn(self, session: str, item_id: str, at: int) -> None:
        last = self._last.setdefault(session, [])
        for steps, before in enumerate(reversed(last), 1):
            if before != item_id:
                rule = self._rules.setdefault(before, {})
                rule[item_id] = rule.pop(item_id, 0.0) + 1 / steps
        last.append(item_id)
        del last[: -self.STEPS]

    def predict(self, session: str, items: Sequence[str], count: int, at: int) -> list[str]:
        rule = self._rules.get(items[-1], {}) if items else {}
        return nlargest(count, reversed(rule), key=rule.__getitem__)
