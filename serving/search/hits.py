"""What a search finds."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from serving.search.lexical import Scores


class Hits(Struct, frozen=True, gc=False):
    """Items by the catalogue's number (`Shelved.number`).

    Attributes
    ----------
    numbers, scores: the best, best first; equal ones by number. `meant`: what of the scores is meaning.
    whole: how many were found.
    matching: all that were found, ascending; what facets are counted over.
    """

    numbers: NDArray[np.int32]
    scores: Scores
    meant: Scores
    whole: int
    matching: NDArray[np.int32]


def best(numbers: NDArray[np.int32], scores: Scores, most: int) -> NDArray[np.intp]:
    """Places of the highest scores, highest first, equal ones by number; `numbers` ascend."""
    if most < len(scores):
        floor = np.partition(scores, -most)[-most] if most else np.inf
        places = np.flatnonzero(scores >= floor)
    else:
        places = np.arange(len(scores))
    return places[np.lexsort((numbers[places], -scores[places]))][:most]
