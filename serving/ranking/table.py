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

from collections.abc import Callable, Sequence
from math import exp

import numpy as np
from numpy.typing import NDArray

from serving.ranking.best import NOTHING, Ranked, Voice, best, largest
from serving.ranking.row import Beyond, Row
from stream.signals import relations

# measured by HR@20 / MRR@20 on the last fifth of Serenade and Online Retail, see `serving/ranking/DESIGN.md`
SESSION_ITEMS = 5
PLACE = 1.5
DAMPING = 0.75
ITSELF = 2.0
NEWEST_ITSELF = 0.25
EARLIER_ITEMS = 30
EARLIER_PLACE = 20.0
EARLIER_WEIGHT = 0.02
EARLIER_ROWS = 5
BEYOND = 128
BEYOND_MS = 60_000


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
    own: list[tuple[int, float, int]] = []
    for place, row in enumerate(session[:SESSION_ITEMS]):
        if row is not None:
            decay, word = weight(row, now, exp(-place / PLACE))
            itself = ITSELF * row.repeat_rate * (1.0 if place else NEWEST_ITSELF)
            lent.append((place, word * decay, row))
            own.append((place, itself * word * decay * row.total, row.code))
    far = EARLIER_WEIGHT if session else 1.0
    for back, row in enumerate(earlier[:EARLIER_ITEMS]):
        if row is not None:
            place = len(session[:SESSION_ITEMS]) + back
            decay, word = weight(row, now, far * exp(-back / EARLIER_PLACE))
            if not session and back < EARLIER_ROWS:
                lent.append((place, word * decay, row))
            own.append((place, ITSELF * word * decay * row.total, row.code))
    if not own:
        return NOTHING
    codes = [*[row.codes for _, _, row in lent], np.array([code for _, _, code in own], np.int32)]
    weights = [*[row.weights for _, _, row in lent], np.array([score for _, score, _ in own], np.float32)]
    voices = [Voice(place, factor, len(row.codes)) for place, factor, row in lent]
    voices += [Voice(place, 1.0, 1) for place, _, _ in own]
    return best(codes, weights, voices, count, shown)


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
    codes, weights, voices = list[NDArray[np.int32]](), list[NDArray[np.float32]](), list[Voice]()
    for place, row in enumerate(session):
        if row is not None and len(row.codes):
            if not row.beyond or now - row.beyond[0].at > BEYOND_MS:
                row.beyond[:] = [_beyond(row, row_of, now)]
            _, found, sums = row.beyond[0]
            codes.append(found)
            weights.append(sums)
            voices.append(Voice(place, exp(-place / PLACE), len(found)))
    return best(codes, weights, voices, count, shown) if codes else NOTHING


def _beyond(row: Row, row_of: Callable[[int], Row | None], now: int) -> Beyond:
    """What an item's neighbours say together, by its row and theirs."""
    pairs = zip(row.nearest.tolist(), row.nearest_weights.tolist(), strict=True)
    told = [(other, nearness) for code, nearness in pairs if (other := row_of(code)) is not None]
    if not told:
        return Beyond(now, np.zeros(0, np.int32), np.zeros(0, np.float32))
    decays = np.exp((np.array([other.at for other, _ in told], np.float64) - now) / relations.TAU_MS)
    totals = np.array([other.total for other, _ in told])
    shares = np.array([nearness for _, nearness in told]) / float(row.weights.sum())
    factors = (decays * shares / (totals * decays + 1.0) ** DAMPING).astype(np.float32)
    codes = np.concatenate([other.lent for other, _ in told])
    values = np.concatenate([other.lent_weights for other, _ in told])
    values *= np.repeat(factors, [len(other.lent) for other, _ in told])
    found, back = np.unique(codes, return_inverse=True)
    sums = np.bincount(back, values).astype(np.float32)
    top = largest(sums, BEYOND)
    return Beyond(now, found[top], sums[top])


def weight(row: Row, now: int, nearness: float) -> tuple[float, float]:
    """(what a stored weight counts now, the weight of this item's word)."""
    decay = exp((row.at - now) / relations.TAU_MS)
    return decay, nearness / (row.total * decay + 1.0) ** DAMPING
