"""A slot as serving reads it: what its policies score by, what became of its arms, and what a change would bring.

It is a view of the learner agent's state, written with it: whoever may read it knows what the log says up to a second
ago. As with other models its bytes are checked before anything is believed, and nothing here imports River.
"""

from __future__ import annotations

import hashlib

import msgspec
import numpy as np
from msgspec import Struct

from stream.bandits.features import CONTEXT, WIDTH, Vector
from stream.bandits.shadow import Verdict
from stream.published import FORMAT, ModelRefusedError, Sealed

_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Published(Struct, frozen=True):
    """One slot at its `version`, which counts all that was learnt, `at` (ms) lastly.

    `arms` are in the order of all that follows. `hits` and `misses`: discounted rewards and trials without one;
    `means` [arms, features] and `covariances` [arms, features, features] of the weights, float64, little-endian;
    `counts`: views, clicks, dismissals and conversions of each arm since its beginning. `views` are the slot's.
    """

    slot: str
    version: int
    at: int
    views: int
    features: list[str]
    arms: list[str]
    hits: list[float]
    misses: list[float]
    means: bytes
    covariances: bytes
    counts: list[tuple[int, int, int, int]]
    shadows: dict[str, Verdict]


def seal(published: Published) -> Sealed:
    """Pack a slot."""
    body = msgspec.msgpack.encode(published)
    return Sealed(FORMAT, hashlib.sha256(body).digest(), body)


def load_slot(packed: bytes) -> Published:
    """The slot in `packed`, the value of `policy:<slot>`.

    Raises
    ------
    ModelRefusedError: broken, changed or non-finite bytes, another format, or a slot learnt on other features.
    """
    try:
        sealed = msgspec.msgpack.decode(packed, type=Sealed)
        if sealed.format != FORMAT or hashlib.sha256(sealed.body).digest() != sealed.checksum:
            raise ModelRefusedError("the slot's bytes were changed, or another release wrote them: they are left alone")
        published = msgspec.msgpack.decode(sealed.body, type=Published)
    except _UNREADABLE as error:
        raise ModelRefusedError(f"these bytes are no published slot ({error})") from error
    _check(published)
    return published


def moments(published: Published) -> tuple[Vector, Vector]:
    """The weights' means [arms, features] and covariances [arms, features, features]."""
    arms = len(published.arms)
    means = np.frombuffer(published.means, "<f8").reshape(arms, WIDTH)
    return means, np.frombuffer(published.covariances, "<f8").reshape(arms, WIDTH, WIDTH)


def _check(published: Published) -> None:
    if tuple(published.features) != CONTEXT:
        raise ModelRefusedError(f"{published.slot} was learnt on other features: wait for this release's learner")
    arms = len(published.arms)
    sizes = {len(published.hits), len(published.misses), len(published.counts)}
    if sizes != {arms} or len(published.means) != 8 * arms * WIDTH or len(published.covariances) != 8 * arms * WIDTH**2:
        raise ModelRefusedError(f"{published.slot} has {arms} arms, but not as many of all that belongs to them")
    numbers = np.concatenate([published.hits, published.misses, *(part.ravel() for part in moments(published))])
    if not np.isfinite(numbers).all() or min((*published.hits, *published.misses), default=0.0) < 0:
        raise ModelRefusedError(f"{published.slot} holds numbers that no learning gives: it would answer nonsense")
