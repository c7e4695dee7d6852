"""Adding up what items say of others, and the best of it, with who said most: one chain of numpy calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

ALSO = 0.25
"""Who adds less than this share of what the first adds is no second reason."""


Listed: TypeAlias = Sequence[float] | NDArray[Any]


class Ranked(Struct, frozen=True, gc=False):
    """The best items, best first: `codes`, `scores` and `because`, the place of the item that added most to each.

    Places count the session's items first, then the earlier ones. `also` are the places of those that added second
    most, where that is not little beside it. -1 is nobody.
    """

    codes: NDArray[np.int32]
    scores: NDArray[np.floating[Any]]
    because: NDArray[np.intp]
    also: NDArray[np.intp]

    @staticmethod
    def of(codes: Listed, scores: Listed, because: Listed, also: Listed | None = None) -> Ranked:
        """The same of lists; without `also` nobody speaks second."""
        second = np.full(len(codes), -1, np.intp) if also is None else np.asarray(also, np.intp)
        return Ranked(np.asarray(codes, np.int32), np.asarray(scores, np.float64), np.asarray(because, np.intp), second)


NOTHING = Ranked.of((), (), ())


class Voice(NamedTuple):
    """Who speaks: an item's place, with the factor of its word, and of how many items it says something."""

    place: int
    factor: float
    items: int


def best(
    codes: list[NDArray[np.int32]],
    weights: list[NDArray[np.float32]],
    voices: Sequence[Voice],
    count: int,
    shown: NDArray[np.bool_] | None,
) -> Ranked:
    """Add up what is said of each item, in the order of `voices`, and keep the best.

    Entries are sorted by item, the heaviest first: floats that are not negative have the order of their bits.
    """
    entries = np.concatenate(codes)
    if not len(entries):
        return NOTHING
    values = np.concatenate(weights)
    places, factors, items = zip(*voices, strict=True)
    voice = np.arange(len(voices)).repeat(items)
    values *= np.array(factors, np.float32).take(voice)
    order = ((entries.astype(np.int64) << 32) - values.view(np.int32)).argsort()
    entries, values = entries.take(order), values.take(order)
    first = np.empty(len(entries), np.bool_)
    first[0] = True
    np.not_equal(entries[1:], entries[:-1], out=first[1:])
    starts = first.nonzero()[0]
    sums = np.add.reduceat(values, starts)
    if shown is not None:
        sums[~_allowed(entries.take(starts), shown)] = -1.0
    top = largest(sums, count)
    found = sums.take(top)
    many = int(np.count_nonzero(found > 0.0))  # they are sorted
    starts = starts.take(top[:many])
    said_by = np.array(places).take(voice.take(order))
    return Ranked(entries.take(starts), found[:many], *_speakers(entries, values, said_by, starts))


def _speakers(
    entries: NDArray[np.int32],
    values: NDArray[np.float32],
    said_by: NDArray[np.int64],
    starts: NDArray[np.int64],
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """For the item that begins at each of `starts` who added most to it, and who second most."""
    then = np.minimum(starts + 1, len(entries) - 1)
    two = entries.take(then) == entries.take(starts)
    two &= values.take(then) >= ALSO * values.take(starts)
    because, also = said_by.take(starts), said_by.take(then)
    two &= also != because
    also[~two] = -1
    return because, also


def _allowed(codes: NDArray[np.int32], shown: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """By ascending codes."""
    if codes[-1] < len(shown):
        return shown.take(codes)
    known = codes[: codes.searchsorted(len(shown))]
    return np.concatenate([shown.take(known), np.zeros(len(codes) - len(known), np.bool_)])


def largest(sums: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Places of the `count` largest, largest first."""
    less = -sums
    if len(sums) <= count:
        return less.argsort(kind="stable")
    some: NDArray[np.intp] = np.sort(less.argpartition(count)[:count])
    return some[less[some].argsort(kind="stable")]
