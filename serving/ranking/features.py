"""What the learnt ranker is told of each candidate: `stream.features.CHOICE_FEATURES`, computed for all at once.

Everything comes from what a request has in memory: rows of the visit's items, popularity, the visit's steps, titles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import exp, log, log1p

import numpy as np
from numpy.typing import NDArray

from serving.ranking.row import Row
from serving.ranking.table import PLACE
from serving.recommender import Known
from stream.features import CHOICE_FEATURES, CHOICE_LIMIT
from stream.signals import relations
from stream.signals.impressions import Shown
from stream.signals.repeats import PRIOR_RATE

Features = NDArray[np.float16]
Scores = NDArray[np.float32]
_PLACE = {name: place for place, name in enumerate(CHOICE_FEATURES)}
_OF_ROW = slice(_PLACE["after_last"], _PLACE["linked_items"])
_OF_SESSION = slice(_PLACE["in_session"], _PLACE["similar"])
SCORED = ("session_table", "second_step", "profile")
"""Generators whose scores are features."""
NOTHING = 1e-4
"""What is added to scores before their logarithm is taken: below every score that says anything."""
_RANKS = np.log1p(np.arange(2_000, dtype=np.float32))
LINKING = 3
"""Of so many of the newest items it is told how many of them an item is linked to."""
SHARE = 100.0
USUAL = 0.05
"""The share of impressions that lead to a click where nothing else is known."""


def features(
    known: Known, codes: NDArray[np.int32], places: Mapping[int, int], scores: Scores, ranked: int
) -> Features:
    """One row per item, as `CHOICE_FEATURES` names the columns, float16, within ±`CHOICE_LIMIT`.

    Parameters
    ----------
    codes: the items' codes, each once; `places` the other way round.
    scores: [`SCORED`, items], what these generators gave each item, 0 for nothing. Before a visit has an item of its
        own the table says what earlier visits do, which is another matter with a weight of its own.
    ranked: so many of the first have a place in the generators' order.
    """
    columns = np.zeros((len(_PLACE), len(codes)), np.float32)
    logs = np.log(scores + NOTHING)
    columns[_PLACE["table" if known.session else "earlier"]] = logs[0]
    columns[_PLACE["second_step"]] = logs[1]
    columns[_PLACE["no_second_step"]] = scores[1] == 0.0
    columns[_PLACE["rank"], :ranked] = _RANKS[:ranked]
    if scores[2].any():
        columns[_PLACE["profile"]] = logs[2]
    _tell_relations(columns, codes, known)
    _tell_popularity(columns, codes, known)
    if known.repeats and known.steps:
        _tell_session(columns, places, known)
    _tell_content(columns, codes, known)
    columns.clip(-CHOICE_LIMIT, CHOICE_LIMIT, out=columns)
    found: Features = columns.T.astype(np.float16)
    return found


def _tell_relations(columns: NDArray[np.float32], codes: NDArray[np.int32], known: Known) -> None:
    """What rows of the newest items say of the candidates: logarithms of shares of the row's sessions."""
    linked = columns[_PLACE["linked_items"]]
    for place, item_id in enumerate(known.session[:LINKING]):
        row = known.rows.get(item_id)
        if row is None or not len(row.codes):
            continue
        at = row.codes.searchsorted(codes)
        there = row.codes.take(at, mode="clip") == codes
        linked += there
        if not place:
            told = row.steps.take(at, axis=1, mode="clip")
            told[:2] *= _share(row, known.now)
            np.multiply(np.log1p(told, out=told), there, out=columns[_OF_ROW])


def _share(row: Row, now: int) -> float:
    """What a weight of the row is multiplied by to be a percentage of the sessions that saw its item."""
    decay = exp((row.at - now) / relations.TAU_MS)
    return SHARE * decay / (row.total * decay + 1.0)


def _tell_popularity(columns: NDArray[np.float32], codes: NDArray[np.int32], known: Known) -> None:
    if known.board is None:
        return
    fast, seen = known.board.of(codes, known.now)
    np.log1p(fast, out=columns[_PLACE["popular_now"]])
    np.log1p(seen, out=columns[_PLACE["sessions"]])


def _tell_session(columns: NDArray[np.float32], places: Mapping[int, int], known: Known) -> None:
    """What speaks for going back to an item of this visit."""
    walked = [step.item_id for step in known.steps]
    times, stack, since_new = dict[str, int](), list[str](), 0
    for item_id in walked:
        since_new += 1
        times[item_id] = times.get(item_id, 0) + 1
        if item_id in stack:
            del stack[stack.index(item_id) + 1 :]
        else:
            stack.append(item_id)
            since_new = 0
    newest, below = walked[-1], stack[-2] if len(stack) > 1 else None
    led = [before for before, after in pairwise(walked) if after == newest]
    visit = log1p(len(walked)), times[newest] > 1, log1p(since_new)
    found, rows = list[int](), list[tuple[float, ...]]()
    for back, item_id in enumerate(dict.fromkeys(reversed(walked))):
        place = places.get(known.codes.code(item_id))
        if place is not None:
            row = known.rows.get(item_id)
            rate = PRIOR_RATE if row is None else row.repeat_rate
            found.append(place)
            here = 1.0, not back, rate, log(times[item_id]), exp(-back / PLACE)
            rows.append((*here, *visit, log1p(led.count(item_id)), below == item_id))
    if found:
        columns[_OF_SESSION, found] = np.array(rows, np.float32).T


def _tell_content(columns: NDArray[np.float32], codes: NDArray[np.int32], known: Known) -> None:
    """How near candidates are to the visit by title, and whether they are of the newest item's category."""
    vectors, here = known.vectors, known.session_vector
    if vectors is not None and here is not None:
        columns[_PLACE["similar"]] = vectors.near(codes, here)
    if known.categories is None:
        return
    categories = known.categories(codes)
    visited = known.categories(known.codes.array(known.session[:1]))
    if len(visited) and visited[0]:
        columns[_PLACE["same_category"]] = categories == visited[0]
    if known.impressions is not None and known.impressions.items:
        shown = known.impressions.items
        _tell_impressions(columns, codes, known.codes.array(shown), list(shown.values()))
        its = known.categories(known.codes.array(shown))
        columns[_PLACE["ignored_category"]] = _ignored(its, list(shown.values()), categories)


def _tell_impressions(
    columns: NDArray[np.float32], codes: NDArray[np.int32], seen: NDArray[np.int32], shown: Sequence[Shown]
) -> None:
    """On how many shelves the visitor saw an item since they last cared for it."""
    order = seen.argsort()
    at = order[np.minimum(np.searchsorted(seen, codes, sorter=order), len(seen) - 1)]
    times = np.array([one.ignored for one in shown], np.float32)
    columns[_PLACE["ignored"]] = np.log1p(times[at]) * (seen[at] == codes)


def _ignored(its: NDArray[np.int32], shown: Sequence[Shown], categories: NDArray[np.int32]) -> NDArray[np.float64]:
    """How much less than usual the visitor cares for a category, the logarithm of

    (impressions * `USUAL` + 1/2) / (clicks + 1/2): 0 where nothing was shown, below it where they care more.
    """
    size = int(max(its.max(), categories.max(initial=0))) + 1
    expected = np.bincount(its, [one.shown for one in shown], size) * USUAL + 0.5
    clicks = np.bincount(its, [one.clicked for one in shown], size) + 0.5
    found: NDArray[np.float64] = np.log(expected / clicks)[categories] * (categories > 0)
    return found
