"""A ranking that requests share: as arrays for who adds up or numbers, as pairs for everybody else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray


class Top(Sequence[tuple[str, float]]):
    """Items with their scores, best first; `codes` are places in `ids`."""

    __slots__ = ("codes", "ids", "scores")

    def __init__(self, codes: NDArray[np.int32], scores: NDArray[np.float64], ids: Sequence[str]) -> None:
        self.codes, self.scores, self.ids = codes, scores, ids

    def __len__(self) -> int:
        return len(self.codes)

    def __iter__(self) -> Iterator[tuple[str, float]]:
        return zip(map(self.ids.__getitem__, self.codes.tolist()), self.scores.tolist(), strict=True)

    @overload
    def __getitem__(self, place: int) -> tuple[str, float]: ...
    @overload
    def __getitem__(self, place: slice) -> Top: ...
    def __getitem__(self, place: int | slice) -> tuple[str, float] | Top:
        if isinstance(place, slice):
            return Top(self.codes[place], self.scores[place], self.ids)
        return self.ids[self.codes[place]], float(self.scores[place])

    def without(self, code: int) -> Top:
        """The others."""
        others = self.codes != code
        return Top(self.codes[others], self.scores[others], self.ids)


EMPTY = Top(np.zeros(0, np.int32), np.zeros(0), ())
