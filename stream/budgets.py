"""Budgets: how many coupons a declared offer has given, counted by one owner in the order of its log.

A claim is granted as long as fewer are given than the budget of the claim says. Which were granted is told without
naming anybody: by their places in the visitors' partitions, as ranges between which nothing was refused. So a budget is
never exceeded, however many ask at once; what is granted stays granted; a budget that is raised opens new ranges.
"""

from __future__ import annotations

from msgspec import Struct, field

from stream.entries import Claimed
from stream.fold import Family, State

RANGES = 16


class Budget(Struct, gc=False):
    """What one offer has given.

    `seen`: by partition of the events topic the offset of the newest claim that was decided; `granted`: by partition
    ranges of offsets, both ends in it, at most `RANGES` of them; the oldest coupons are the first to be forgotten.
    """

    given: int = 0
    refused: int = 0
    seen: dict[int, int] = field(default_factory=dict)
    granted: dict[int, list[tuple[int, int]]] = field(default_factory=dict)

    def take(self, partition: int, offset: int, coupons: int) -> None:
        """Grant the claim at this place, or refuse it."""
        before = self.seen.get(partition)
        self.seen[partition] = offset
        if self.given >= coupons:
            self.refused += 1
            return
        self.given += 1
        ranges = self.granted.setdefault(partition, [])
        if ranges and ranges[-1][1] == before:
            ranges[-1] = (ranges[-1][0], offset)
        else:
            ranges.append((offset, offset))
            del ranges[:-RANGES]

    def granted_at(self, partition: int, offset: int) -> bool | None:
        """Whether the claim at this place was granted; None: it was not decided yet."""
        if offset > self.seen.get(partition, -1):
            return None
        return any(first <= offset <= last for first, last in self.granted.get(partition, ()))


BUDGET = Family("budget", Budget, "how many coupons one offer has given, and to which claims", "offer")


def budget_key(offer: str) -> str:
    """The short key of an offer's budget."""
    return f"{BUDGET.name}:{offer}"


def count(entry: Claimed, state: State) -> None:
    """Decide a claim."""
    key = budget_key(entry.offer)
    budget: Budget = state.read(key) or Budget()
    budget.take(entry.partition, entry.offset, entry.coupons)
    state.put(key, budget)
