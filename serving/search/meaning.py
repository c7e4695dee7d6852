"""What words mean, by static vectors: a notebook is near a laptop although they share no letter.

The vectors know English only. Items of other languages are found by their words alone, and lose nothing to others: the
score of a meaning is added, and none is 0.
"""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from stream import vectors
from stream.title_vectors import TitleVectors
from stream.vectors import Vector

_KEPT = 1_024


class Meaning:
    """How near items' titles are to a query."""

    def __init__(self, titles: TitleVectors | None) -> None:
        self._titles = titles
        self._queries: OrderedDict[str, Vector] = OrderedDict()

    def likeness(self, query: str, numbers: NDArray[np.int32]) -> NDArray[np.float32]:
        """The cosine of the query and each of these items' titles; 0 where either has no vector."""
        near = np.zeros(len(numbers), np.float32)
        if self._titles is not None:
            there = numbers < len(self._titles.matrix)
            rows = self._titles.matrix[numbers[there]]
            if rows.any():  # until the first title has its vector, the model may not be loaded yet
                near[there] = rows @ self._vector(query)
        return near

    def _vector(self, query: str) -> Vector:
        known = self._queries.pop(query, None)
        vector = vectors.title_vectors([query])[0] if known is None else known
        self._queries[query] = vector
        if len(self._queries) > _KEPT:
            self._queries.popitem(last=False)
        return vector
