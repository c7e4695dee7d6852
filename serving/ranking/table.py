"""The table score: what the rows of the session's items say comes next.

For the session's last items, newest first, with weight w = e^(-place/1.5) / (total + 1)^0.75:

    score(i) = sum of w * (after[i] + 0.7 * before[i])  over those items
             + 2 * w * total * repeat rate              for each of those items itself

so an item counts that often followed or preceded them, less so after items that everybody sees; and the session's own
items come back as often as shoppers come back to them. Items of earlier visits count a little for themselves, and lend
their neighbours only where the visit has no item yet.

This is session-kNN with all neighbours, summed up beforehand (`stream/signals/relations.py`), about 40 µs a request.

References
----------
Kersbergen, B. et al. (2022). Serenade: low-latency session-based recommendation in e-commerce at scale. SIGMOD.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import exp
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from serving.ranking.codes import Codes
from stream.signals import relations, repeats

# measured by HR@20 / MRR@20 on the last fifth of Serenade and Online Retail, see `serving/ranking/DESIGN.md`
SESSION_ITEMS = 5
PLACE = 1.5
DAMPING = 0.75
BEFORE = 0.7
ITSELF = 2.0
NEWEST_ITSELF = 0.25
EARLIER_ITEMS = 30
EARLIER_PLACE = 20.0
EARLIER_WEIGHT = 0.02
EARLIER_ROWS = 5
STEP_NEIGHBOURS = 15
UNKNOWN_TOTAL = 1.0


NOTHING: NDArray[np.int32] = np.zeros(0, np.int32)


class Row(Struct, frozen=True, gc=False):
    """One item's row as of `at` (ms), ready to be added; made once per version of the row, 0.2 µs for each neighbour.

    `codes` are the neighbours, `weights` their after + 0.7 * before, `counts` how often each was counted, before or
    after, and `counted` the sum of that; `total` is in how many sessions the item was seen, decayed. `returns` are how
    many sessions came back to it, of how many. `together` are those that were in one cart or order with it, as
    (code, weight).
    """

    code: int
    at: int
    total: float
    repeat_rate: float
    codes: NDArray[np.int32]
    weights: NDArray[np.float32]
    together: tuple[tuple[int, float], ...] = ()
    counts: NDArray[np.int32] = NOTHING
    counted: int = 0
    returns: tuple[int, int] = (0, 0)


class Ranked(Struct, frozen=True, gc=False):
    """The best items, best first: `codes`, `scores` and `because`, the place of the item that added most to each.

    Places count the session's items first, then the earlier ones. `times` is how often that item's shoppers went on to
    this one (or came from it), `of` how many such steps there were in all; `of` = 0: nobody counted.
    """

    codes: list[int]
    scores: list[float]
    because: list[int]
    times: list[int]
    of: list[int]


class Voice(Struct, frozen=True, gc=False):
    """What one item of the visitor says: `lent` weighs its neighbours (0: it lends none), `own` is its own score."""

    place: int
    row: Row
    lent: float
    own: float


def parse(item_id: str, item: Any, codes: Codes) -> Row:
    """The row of an item's value (`stream.item.Item`)."""
    state = relations.SIGNAL.of(item)
    links = {other: link.weight for other, link in state.after.items()}
    counts = {other: link.count for other, link in state.after.items()}
    for other, link in state.before.items():
        links[other] = links.get(other, 0.0) + BEFORE * link.weight
        counts[other] = counts.get(other, 0) + link.count
    scale, returns = relations.scale(state, item.at), repeats.SIGNAL.of(item)
    return Row(
        codes.code(item_id),
        item.at,
        state.total * scale,
        repeats.rate(returns),
        codes.array(links),
        (np.fromiter(links.values(), np.float64, len(links)) * scale).astype(np.float32),
        tuple((codes.code(other), link.weight * scale) for other, link in state.together.items()),
        np.fromiter(counts.values(), np.int32, len(counts)),
        sum(counts.values()),
        (returns.repeats, returns.sessions),
    )


def rank(
    session: Sequence[Row | None],
    earlier: Sequence[Row | None] = (),
    *,
    now: int,
    count: int = 60,
    shown: NDArray[np.bool_] | None = None,
) -> Ranked:
    """The `count` best next items at `now` (ms).

    Parameters
    ----------
    session: rows of the visit's different items, newest first; None for an item that has no row yet.
    earlier: rows of items seen before, newest first, without those in `session`.
    shown: by code, whether an item may be answered; None = all. Codes beyond its end may not.
    """
    voices = _voices(session[:SESSION_ITEMS], earlier[:EARLIER_ITEMS], now)
    return _best(voices, count, shown) if voices else Ranked([], [], [], [], [])


def _voices(session: Sequence[Row | None], earlier: Sequence[Row | None], now: int) -> list[Voice]:
    voices = []
    for place, row in enumerate(session):
        if row is not None:
            decay, weight = _weight(row, now, exp(-place / PLACE))
            itself = ITSELF * row.repeat_rate * (1.0 if place else NEWEST_ITSELF)
            voices.append(Voice(place, row, weight * decay, itself * weight * decay * row.total))
    far = EARLIER_WEIGHT if session else 1.0
    for back, row in enumerate(earlier):
        if row is not None:
            decay, weight = _weight(row, now, far * exp(-back / EARLIER_PLACE))
            lends = not session and back < EARLIER_ROWS
            own = ITSELF * weight * decay * row.total
            voices.append(Voice(len(session) + back, row, weight * decay if lends else 0.0, own))
    return voices


def further(
    session: Sequence[Row | None],
    row_of: Callable[[int], Row | None],
    *,
    now: int,
    count: int = 60,
    shown: NDArray[np.bool_] | None = None,
) -> Ranked:
    """The `count` best items one step beyond the neighbours of a visit's items.

    Each item lends its voice to its `STEP_NEIGHBOURS` nearest neighbours, in shares of their weights; they say what
    comes next as the items themselves would. So an item is found that shares no session with any item of the visit, as
    most do where sessions are few.

    Parameters
    ----------
    session: rows of the visit's different items, newest first.
    row_of: the row of a code, None where it has none or nobody has read it.
    """
    voices = [
        voice
        for place, row in enumerate(session)
        if row is not None and len(row.codes)
        for voice in _lent(place, row, row_of, now)
    ]
    return _best(voices, count, shown) if voices else Ranked([], [], [], [], [])


def _lent(place: int, row: Row, row_of: Callable[[int], Row | None], now: int) -> Iterator[Voice]:
    near = _largest(row.weights, STEP_NEIGHBOURS)
    share = exp(-place / PLACE) / float(row.weights.sum())
    for code, weight in zip(row.codes[near].tolist(), row.weights[near].tolist(), strict=True):
        neighbour = row_of(code)
        if neighbour is not None:
            decay, voice = _weight(neighbour, now, share * weight)
            yield Voice(place, neighbour, voice * decay, 0.0)


def _weight(row: Row, now: int, nearness: float) -> tuple[float, float]:
    """(what a stored weight counts now, the weight of this item's word)."""
    decay = exp((row.at - now) / relations.TAU_MS)
    return decay, nearness / (row.total * decay + 1.0) ** DAMPING


def _best(voices: list[Voice], count: int, shown: NDArray[np.bool_] | None) -> Ranked:
    """Add up what is said of each item, and keep the best."""
    lending = [voice for voice in voices if voice.lent]
    own = (np.array([v.row.code for v in voices], np.int32), np.array([v.own for v in voices], np.float32))
    codes = np.concatenate([*(v.row.codes for v in lending), own[0]])
    values = np.concatenate([*(v.row.weights * np.float32(v.lent) for v in lending), own[1]])
    order = codes.argsort(kind="stable")
    codes, values = codes[order], values[order]
    first = np.empty(len(codes), np.bool_)
    first[0] = True
    np.not_equal(codes[1:], codes[:-1], out=first[1:])
    starts = np.flatnonzero(first)
    sums = np.add.reduceat(values, starts)
    if shown is not None:
        sums[~_allowed(codes[starts], shown)] = -1.0
    top = _largest(sums, count)
    top = top[sums[top] > 0.0]
    entries = order[_heaviest(values, starts, top)]
    ends = np.cumsum([*(len(v.row.codes) for v in lending), *([1] * len(voices))])
    said_by = [*lending, *voices]
    loudest = np.searchsorted(ends, entries, side="right").tolist()
    times = np.concatenate([*(v.row.counts for v in lending), [v.row.returns[0] for v in voices]])[entries]
    of = [said_by[n].row.counted if n < len(lending) else said_by[n].row.returns[1] for n in loudest]
    return Ranked(
        codes[starts[top]].tolist(), sums[top].tolist(), [said_by[n].place for n in loudest], times.tolist(), of
    )


def _allowed(codes: NDArray[np.int32], shown: NDArray[np.bool_]) -> NDArray[np.bool_]:
    allowed = codes < len(shown)
    allowed[allowed] = shown[codes[allowed]]
    return allowed


def _largest(sums: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Places of the `count` largest, largest first."""
    less = -sums
    if len(sums) <= count:
        return less.argsort(kind="stable")
    some: NDArray[np.intp] = np.sort(less.argpartition(count)[:count])
    return some[less[some].argsort(kind="stable")]


def _heaviest(values: NDArray[np.float32], starts: NDArray[np.intp], top: NDArray[np.intp]) -> NDArray[np.intp]:
    """For each group in `top` (a run of `values` from its start to the next) the place of its largest value."""
    if not len(top):
        return top
    ends = np.append(starts[1:], len(values))[top]
    begins = starts[top]
    window = begins[:, None] + np.arange(int((ends - begins).max()))
    window = np.minimum(window, ends[:, None] - 1)
    heaviest: NDArray[np.intp] = window[np.arange(len(top)), values[window].argmax(axis=1)]
    return heaviest
