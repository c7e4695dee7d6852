"""Items that few have looked at so far, as requests share them; what is drawn among them is drawn without a state.

A draw is a race: item i arrives at -ln(u_i) / w_i, with u_i from a hash of the item and the seed, and is the first with
probability w_i / Σ w (weighted rendezvous: Schindelhauer, Schomaker, "Weighted distributed hash tables", SPAA 2005).
Every process draws the same, and an item that comes or goes moves only the draws that it wins or won.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stream.vectors import DIMENSIONS, Vector

VIEWS = 30
DAYS = 30
AT_ONCE = 32
"""An item is new for `DAYS`, while fewer sessions than `VIEWS` have seen it; so many have their turn at once, the
latest first."""

Uniforms = NDArray[np.float64]
_HASH_BYTES = 8
_UNIT = 2.0**-53


class Newcomers(NamedTuple):
    """New items that may be answered, the latest first: `matrix[n]` is the title vector of `item_ids[n]`, or zero."""

    item_ids: Sequence[str]
    codes: NDArray[np.int32]
    categories: Sequence[str | None]
    hashes: NDArray[np.uint64]
    matrix: Vector

    def arrivals(self, seed: int) -> Uniforms:
        """-ln(u) of each item in the race of `seed` (64 bits)."""
        return -np.log(_uniforms(self.hashes ^ np.uint64(seed)))


def newcomers(
    item_ids: Sequence[str],
    codes: NDArray[np.int32],
    category_of: Mapping[str, str],
    vector_of: Callable[[str], Vector | None],
) -> Newcomers:
    """These items, with what a draw needs of them."""
    matrix = np.zeros((len(item_ids), DIMENSIONS), np.float32)
    for n, item_id in enumerate(item_ids):
        vector = vector_of(item_id)
        if vector is not None:
            matrix[n] = vector
    hashes = [blake2b(one.encode(), digest_size=_HASH_BYTES).digest() for one in item_ids]
    categories = [category_of.get(item_id) for item_id in item_ids]
    return Newcomers(item_ids, codes, categories, np.frombuffer(b"".join(hashes), ">u8").astype(np.uint64), matrix)


def _uniforms(mixed: NDArray[np.uint64]) -> Uniforms:
    """In (0, 1), from 64 bits each: the finalizer of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014)."""
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    drawn: Uniforms = ((mixed >> np.uint64(11)).astype(np.float64) + 0.5) * _UNIT
    return drawn
