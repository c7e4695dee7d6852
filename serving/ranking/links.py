"""What the items of a visit are linked to by orders: fewer links than views make, each of them stronger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp

import numpy as np
from numpy.typing import NDArray

from serving.ranking.best import NOTHING, Ranked
from serving.ranking.row import Links, Row
from serving.ranking.table import PLACE, SESSION_ITEMS, weight

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
    said = [(place, row, links_of(row)) for place, row in enumerate(session[:SESSION_ITEMS]) if row is not None]
    said = [one for one in said if len(one[2])]
    if not said:
        return NOTHING
    words = [weight(row, now, exp(-place / PLACE)) for place, row, _ in said]
    lengths = [len(links) for *_, links in said]
    codes, of = np.unique(np.concatenate([links.codes for *_, links in said]), return_inverse=True)
    sessions = np.concatenate([links.weights * decay for (*_, links), (decay, _) in zip(said, words, strict=True)])
    values = sessions * np.repeat([word for _, word in words], lengths)
    scores = np.bincount(of, values)
    scores[np.bincount(of, sessions) < LEAST] = 0.0
    scores[np.isin(codes, [row.code for row in session if row is not None])] = 0.0
    if shown is not None:
        scores[(codes >= len(shown)) | ~shown[np.minimum(codes, len(shown) - 1)]] = 0.0
    best = np.argsort(-scores, kind="stable")[:count]
    best = best[scores[best] > 0.0]
    loudest = np.lexsort((-values, of))[np.searchsorted(np.sort(of), best)]
    places = np.repeat([place for place, *_ in said], lengths)[loudest]
    return Ranked.of(codes[best], scores[best], places)
