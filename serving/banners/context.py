"""What a slot's bandit is told of who asks: where the visit is, on what device, when, and if it is the first.

Only what the visitor has agreed to: without personalization nobody is asked about here. The session vector's 64 numbers
are told as 8, by rows of a Hadamard matrix: orthogonal, the same everywhere and for ever, and near visits stay near.

References
----------
Ailon, N. and Chazelle, B. (2009). The fast Johnson-Lindenstrauss transform. SIAM Journal on Computing 39.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from serving.rules.segment import Shopper, compiled
from stream.bandits.features import BUCKETS, FACTORS, Vector, logged
from stream.signals import session
from stream.vectors import DIMENSIONS
from stream.vectors import unpack as vector_of

DAY_MS = 86_400_000
ITEMS = 10
SMALL: Final = frozenset({"mobile", "tablet", "phone"})
_PROJECTION: Vector = np.array(
    [[(-1.0) ** (row & place).bit_count() for place in range(DIMENSIONS)] for row in range(1, 1 + FACTORS)]
) / math.sqrt(FACTORS)
_returns: Final = compiled({"visitor": "returning"})


def context_of(shopper: Shopper, vector: bytes | None, device: str = "") -> Vector:
    """The context in the order of `stream.bandits.features.CONTEXT`, as it is logged.

    Parameters
    ----------
    vector: the session vector as it is stored; it counts while the session runs.
    device: the class of device, such as `mobile`; empty if nobody knows.
    """
    running = session.SIGNAL.of(shopper.visitor)
    here = running.last_at > 0 and shopper.now <= running.last_at + session.GAP_MS
    items = [step.item_id for step in running.steps[-ITEMS:]] if here else []
    hour = 2 * math.pi * (shopper.now % DAY_MS) / DAY_MS
    known, small = bool(device), device.lower() in SMALL
    rest = [known and small, known and not small, math.sin(hour), math.cos(hour), _returns(shopper)]
    factors = _factors(vector if here else None)
    return logged(np.concatenate(([1.0], factors, _affinity(items, shopper.shop.category_of), rest)))


def _factors(packed: bytes | None) -> Vector:
    """Eight numbers of a length near 1, or zeros."""
    vector: NDArray[np.float32] | None = vector_of(packed)
    if vector is None:
        return np.zeros(FACTORS)
    found: Vector = _PROJECTION @ vector.astype(np.float64)
    return found


def _affinity(items: Iterable[str], category_of: Mapping[str, str]) -> Vector:
    """Which shares of the visit's items lie in which bucket of top categories."""
    found: Vector = np.zeros(BUCKETS)
    for item_id in items:
        category = category_of.get(item_id)
        if category:
            found[crc32(category.partition(">")[0].strip().lower().encode()) % BUCKETS] += 1.0
    found /= max(found.sum(), 1.0)
    return found
