"""How often a query was asked, and how it went: for the shop's report, and for what is suggested.

The words of a query enter the state only with its `VISITORS`-th visitor: what fewer have asked for is counted, but
nobody is shown it. Until then each visitor is 16 bits, afterwards nothing.

How popular a query is grows by forward decay, in logarithms: a search at t counts 2^(t / `HALF_MS`), so that scores of
different queries compare at any time without ever being rescaled.

References
----------
Sweeney, L. (2002). k-anonymity: a model for protecting privacy. IJUFKS 10.
Cormode, G. et al. (2009). Forward decay: a practical time decay model for streaming systems. ICDE.
"""

from __future__ import annotations

from math import log2

from msgspec import Struct, field

from stream.entries import Searched, Taken

DAY_MS = 86_400_000
HALF_MS = 7 * DAY_MS
RETENTION_MS = 90 * DAY_MS
DAYS = 30
VISITORS = 5
PLACES = 10
"""Places told apart in the report; the last one holds all below, and clicks whose place nobody knows."""


class Day(Struct, array_like=True, gc=False):
    """A day's searches (a session counts once), and what came of them.

    `empty` found nothing, `told` of how many it is known what they found; `clicked` counts searches by the place of
    their best click; `carts` and `bought` count items.
    """

    searches: int = 0
    told: int = 0
    empty: int = 0
    clicked: list[int] = field(default_factory=lambda: [0] * (PLACES + 1))
    carts: int = 0
    bought: int = 0


class Counts(Struct, array_like=True):
    """One query; `text` is empty until `VISITORS` have asked for it, and `marks` are theirs until then.

    `at` (ms) is its newest search; `score`: log2 of its decayed number of searches, in the scale of 1970; `days`: day
    since 1970 → its counts, the last `DAYS`.
    """

    at: int = 0
    score: float = 0.0
    text: str = ""
    marks: list[int] = field(default_factory=list)
    days: dict[int, Day] = field(default_factory=dict)


def ask(counts: Counts, entry: Searched) -> None:
    """One search more."""
    _meet(counts, entry)
    new = entry.at / HALF_MS
    high, low = max(counts.score, new), min(counts.score, new)
    counts.score = round(high + log2(1.0 + 2.0 ** (low - high)), 6) if counts.at else round(new, 6)
    counts.at = max(counts.at, entry.at)
    count(counts.days, entry)


def _meet(counts: Counts, entry: Searched) -> None:
    if counts.text or entry.mark in counts.marks:
        return
    counts.marks.append(entry.mark)
    if len(counts.marks) >= VISITORS:
        counts.text, counts.marks = entry.query, []


def count(days: dict[int, Day], entry: Searched) -> None:
    """A search on its day."""
    day = _of(days, entry.at)
    if day is not None:
        day.searches += 1
        day.told += entry.results >= 0
        day.empty += entry.results == 0


def credit(days: dict[int, Day], entry: Taken) -> None:
    """What was taken counts on the day of its search."""
    day = _of(days, entry.asked_at)
    if day is None:
        return
    if entry.kind == "click":
        _clicked(day, entry)
    elif entry.kind == "cart":
        day.carts += 1
    else:
        day.bought += 1


def _clicked(day: Day, entry: Taken) -> None:
    """The search moves to the place of its best click."""
    place = PLACES if entry.place < 0 else min(entry.place, PLACES)
    if entry.best < 0:
        day.clicked[place] += 1
    elif place < (before := min(entry.best, PLACES)):
        day.clicked[before] -= 1
        day.clicked[place] += 1


def _of(days: dict[int, Day], at: int) -> Day | None:
    """The day's counts; None if it is older than what is kept."""
    number = at // DAY_MS
    if number not in days:
        if number <= max(days, default=0) - DAYS:
            return None
        days[number] = Day()
        for old in [one for one in days if one <= number - DAYS]:
            del days[old]
    return days[number]


def present(score: float, now: float) -> float:
    """How many searches a score is worth at `now` (ms), those before halved every `HALF_MS`."""
    return float(2.0 ** min(64.0, score - now / HALF_MS))
