"""What the items of a visit are linked to by orders: fewer links than views make, each of them stronger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from math import exp

import numpy as np
from numpy.typing import NDArray

from serving.ranking.table import PLACE, SESSION_ITEMS, Links, Ranked, Row, weight

LEAST = 1.5
"""What all sessions that link an item have to come to, decayed: one shopper's order is no habit, two lately are."""


def linked(
    session: Sequence[Row | None],
    links_of: Callable[[Row], Links],
    *,
    now: int,
    count: int,
    shown: NDArray[np.bool_] | None = None,
) -> Ranked:
    """The `count` items that the visit's items are linked to most, each item's word weighing as in the table score.

    Parameters
    ----------
    session: rows of the visit's different items, newest first; None for an item that has no row yet.
    links_of: which links of a row count.
    shown: by code, whether an item may be answered; None = all.
    """
    scores: defaultdict[int, float] = defaultdict(float)
    sessions: defaultdict[int, float] = defaultdict(float)
    most: dict[int, tuple[float, int]] = {}
    for place, row in enumerate(session[:SESSION_ITEMS]):
        links = () if row is None else links_of(row)
        if row is None or not links:
            continue
        decay, word = weight(row, now, exp(-place / PLACE))
        for code, link in links:
            said = word * decay * link
            scores[code] += said
            sessions[code] += decay * link
            if said > most.get(code, (0.0, 0))[0]:
                most[code] = said, place
    own = {row.code for row in session if row is not None}
    best = [(-score, code) for code, score in scores.items() if sessions[code] >= LEAST and code not in own]
    if shown is not None:
        best = [one for one in best if one[1] < len(shown) and shown[one[1]]]
    best.sort()
    codes = [code for _, code in best[:count]]
    return Ranked(codes, [scores[code] for code in codes], [most[code][1] for code in codes])
