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

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import exp
from typing import Any, NamedTuple

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
ALSO = 0.25
"""Who adds less than this share of what the first adds is no second reason."""
STEP_LENT = 30
BEYOND = 128
BEYOND_MS = 60_000
_NONE, _NO_CODES = np.zeros(0, np.float32), np.zeros(0, np.int32)


class Links(Struct, frozen=True, gc=False):
    """Other items' `codes` with their `weights`."""

    codes: NDArray[np.int32] = _NO_CODES
    weights: NDArray[np.float32] = _NONE

    def __len__(self) -> int:
        return len(self.codes)


UNLINKED = Links()


class Beyond(NamedTuple):
    """What an item's neighbours say together, as of `at` (ms): items and their weights, the `BEYOND` heaviest."""

    at: int
    codes: NDArray[np.int32]
    weights: NDArray[np.float32]


class Row(Struct, frozen=True, gc=False):
    """One item's row as of `at` (ms), ready to be added; made once per version of the row, 0.2 µs for each neighbour.

    `codes` are the neighbours, ascending, `weights` their `after` + 0.7 * `before`, `times` how often each came after.
    The `STEP_NEIGHBOURS` heaviest are `nearest`, heaviest first; the `STEP_LENT` heaviest, `lent`, are what the row
    lends to those one step before it. `total` is in how many sessions the item was seen, decayed. `together` are those
    that were in one cart or order with it, as (code, weight), `bought` those that shoppers bought after it. `counts` is
    how often each neighbour was counted, after or before, `counted` the sum of that, `returns` how many sessions came
    back to the item, and how many there were; `evident` keeps what `serving/slate/evidence.py` made of that, `beyond`
    what `further` made of the neighbours' rows, for `BEYOND_MS` or until this row changes.
    """

    code: int
    at: int
    total: float
    repeat_rate: float
    codes: NDArray[np.int32]
    weights: NDArray[np.float32]
    nearest: NDArray[np.int32] = _NO_CODES
    nearest_weights: NDArray[np.float32] = _NONE
    lent: NDArray[np.int32] = _NO_CODES
    lent_weights: NDArray[np.float32] = _NONE
    after: NDArray[np.float32] = _NONE
    before: NDArray[np.float32] = _NONE
    times: NDArray[np.float32] = _NONE
    together: Links = UNLINKED
    bought: Links = UNLINKED
    counts: NDArray[np.float32] = _NONE
    counted: int = 0
    returns: tuple[int, int] = (0, 0)
    evident: dict[str, float] = {}
    beyond: list[Beyond] = []


class Ranked(Struct, frozen=True, gc=False):
    """The best items, best first: `codes`, `scores` and `because`, the place of the item that added most to each.

    Places count the session's items first, then the earlier ones. `also` are the places of those that added second
    most, where that is not little beside it; else -1 (empty: nobody looked).
    """

    codes: list[int]
    scores: list[float]
    because: list[int]
    also: list[int] = []


def parse(item_id: str, item: Any, codes_: Codes) -> Row:
    """The row of an item's value (`stream.item.Item`)."""
    code, state = codes_.code(item_id), relations.SIGNAL.of(item)
    scale = relations.scale(state, item.at)
    links = dict.fromkeys((*state.after, *state.before))
    codes = codes_.array(links)
    order = codes.argsort()
    after = _column((link.weight if (link := state.after.get(one)) else 0.0 for one in links), order, scale)
    before = _column((link.weight if (link := state.before.get(one)) else 0.0 for one in links), order, scale)
    codes, weights = codes[order], after + np.float32(BEFORE) * before
    lent = _largest(weights, STEP_LENT)
    near, returns = lent[:STEP_NEIGHBOURS], repeats.SIGNAL.of(item)
    times = _column((link.count if (link := state.after.get(one)) else 0 for one in links), order)
    counts = times + _column((link.count if (link := state.before.get(one)) else 0 for one in links), order)
    return Row(
        code,
        item.at,
        state.total * scale,
        repeats.rate(returns),
        codes,
        weights,
        codes[near],
        weights[near],
        codes[lent],
        weights[lent],
        after,
        before,
        times,
        _linked(state.together, codes_, scale),
        _linked(state.bought, codes_, scale),
        counts,
        int(counts.sum()),
        (returns.repeats, returns.sessions),
    )


def _column(values: Iterable[float], order: NDArray[np.intp], scale: float = 1.0) -> NDArray[np.float32]:
    found = np.fromiter(values, np.float64, len(order))
    found *= scale
    return found[order].astype(np.float32)


def _linked(links: Mapping[str, relations.Link], codes: Codes, scale: float) -> Links:
    if not links:
        return UNLINKED
    weights = np.fromiter((link.weight for link in links.values()), np.float64, len(links)) * scale
    return Links(codes.array(links), weights.astype(np.float32))


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
    lent: list[tuple[int, float, Row]] = []
    own: list[tuple[int, float, Row]] = []
    for place, row in enumerate(session[:SESSION_ITEMS]):
        if row is not None:
            decay, word = weight(row, now, exp(-place / PLACE))
            itself = ITSELF * row.repeat_rate * (1.0 if place else NEWEST_ITSELF)
            lent.append((place, word * decay, row))
            own.append((place, itself * word * decay * row.total, row))
    far = EARLIER_WEIGHT if session else 1.0
    for back, row in enumerate(earlier[:EARLIER_ITEMS]):
        if row is not None:
            place = len(session[:SESSION_ITEMS]) + back
            decay, word = weight(row, now, far * exp(-back / EARLIER_PLACE))
            if not session and back < EARLIER_ROWS:
                lent.append((place, word * decay, row))
            own.append((place, ITSELF * word * decay * row.total, row))
    if not own:
        return Ranked([], [], [], [])
    codes = [*(row.codes for _, _, row in lent), np.array([row.code for _, _, row in own], np.int32)]
    weights = [*(row.weights for _, _, row in lent), np.array([score for _, score, _ in own], np.float32)]
    factors = np.array([*(factor for _, factor, _ in lent), 1.0], np.float32)
    said_by = [*(place for place, _, _ in lent), *(place for place, _, _ in own)]
    ends = np.cumsum([*(len(row.codes) for _, _, row in lent), *([1] * len(own))])
    return _best(codes, weights, factors, _Said(said_by, ends), count, shown)


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
    codes, weights, places = list[NDArray[np.int32]](), list[NDArray[np.float32]](), list[int]()
    for place, row in enumerate(session):
        if row is not None and len(row.codes):
            if not row.beyond or now - row.beyond[0].at > BEYOND_MS:
                row.beyond[:] = [_beyond(row, row_of, now)]
            codes.append(row.beyond[0].codes)
            weights.append(row.beyond[0].weights)
            places.append(place)
    if not codes:
        return Ranked([], [], [], [])
    factors = np.exp(np.array(places) / -PLACE).astype(np.float32)
    ends = np.cumsum([len(one) for one in codes])
    return _best(codes, weights, factors, _Said(places, ends), count, shown)


def _beyond(row: Row, row_of: Callable[[int], Row | None], now: int) -> Beyond:
    """What an item's neighbours say together, by its row and theirs."""
    pairs = zip(row.nearest.tolist(), row.nearest_weights.tolist(), strict=True)
    told = [(other, nearness) for code, nearness in pairs if (other := row_of(code)) is not None]
    if not told:
        return Beyond(now, _NO_CODES, _NONE)
    decays = np.exp((np.array([other.at for other, _ in told], np.float64) - now) / relations.TAU_MS)
    totals = np.array([other.total for other, _ in told])
    shares = np.array([nearness for _, nearness in told]) / float(row.weights.sum())
    factors = (decays * shares / (totals * decays + 1.0) ** DAMPING).astype(np.float32)
    codes = np.concatenate([other.lent for other, _ in told])
    values = np.concatenate([other.lent_weights for other, _ in told])
    values *= np.repeat(factors, [len(other.lent) for other, _ in told])
    found, back = np.unique(codes, return_inverse=True)
    sums = np.bincount(back, values).astype(np.float32)
    top = _largest(sums, BEYOND)
    return Beyond(now, found[top], sums[top])


def weight(row: Row, now: int, nearness: float) -> tuple[float, float]:
    """(what a stored weight counts now, the weight of this item's word)."""
    decay = exp((row.at - now) / relations.TAU_MS)
    return decay, nearness / (row.total * decay + 1.0) ** DAMPING


class _Said(NamedTuple):
    """Who said what: `places` of those that spoke, and by `ends` where in all entries each one's end."""

    places: list[int]
    ends: NDArray[np.int64]


def _best(
    codes: list[NDArray[np.int32]],
    weights: list[NDArray[np.float32]],
    factors: NDArray[np.float32],
    said: _Said,
    count: int,
    shown: NDArray[np.bool_] | None,
) -> Ranked:
    """Add up what is said of each item, and keep the best.

    Entries are sorted by item, the heaviest first: floats that are not negative have the order of their bits.
    """
    entries = np.concatenate(codes)
    if not len(entries):
        return Ranked([], [], [], [])
    values = np.concatenate(weights)
    values *= np.repeat(factors, [len(one) for one in codes])
    order = ((entries.astype(np.int64) << 32) - values.view(np.int32)).argsort()
    entries, values = entries[order], values[order]
    first = np.empty(len(entries), np.bool_)
    first[0] = True
    np.not_equal(entries[1:], entries[:-1], out=first[1:])
    starts = np.flatnonzero(first)
    sums = np.add.reduceat(values, starts)
    if shown is not None:
        sums[~_allowed(entries[starts], shown)] = -1.0
    top = _largest(sums, count)
    top = top[sums[top] > 0.0]
    starts = starts[top]
    return Ranked(entries[starts].tolist(), sums[top].tolist(), *_speakers(entries, values, order, starts, said))


def _speakers(
    entries: NDArray[np.int32],
    values: NDArray[np.float32],
    order: NDArray[np.int64],
    starts: NDArray[np.int64],
    said: _Said,
) -> tuple[list[int], list[int]]:
    """For the item that begins at each of `starts` who added most to it, and who second most."""
    then = np.minimum(starts + 1, len(entries) - 1)
    two = entries.take(then) == entries.take(starts)
    two &= values.take(then) >= ALSO * values.take(starts)
    places, ends = np.array(said.places), said.ends
    because = places.take(ends.searchsorted(order.take(starts), side="right"))
    also = places.take(ends.searchsorted(order.take(then), side="right"))
    two &= also != because
    also[~two] = -1
    return because.tolist(), also.tolist()


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
