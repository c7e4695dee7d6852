"""Title vectors: where an item lies among words, known before anybody has looked at it.

Static word vectors (no context, no network, no GPU): a title is tokenised, its tokens' vectors are averaged. They serve
items that nobody has seen, and give the running session a place among all items. The weights lie in wordllama's wheel.

References
----------
Miller, D. L. (2024). WordLlama: recycled token embeddings from large language models.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream.signals.session import Step

Vector = NDArray[np.float32]

DIMENSIONS = 64
LARGEST_TITLE = 400
RECENT = 10
_DECAY = tuple(math.exp(-place / 3) for place in range(RECENT))
_CART = 2.0
_BEGINS = "\N{LOWER ONE EIGHTH BLOCK}"  # what a token has in front that begins a word


@cache
def _model() -> Any:
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    import wordllama  # noqa: PLC0415  # half a second and 100 MB: only processes that make vectors pay for it

    root.setLevel(level)  # importing it sets up the root logger, which is the process's own business
    root.handlers[:] = handlers
    folder = Path(wordllama.__file__).parent
    return wordllama.WordLlama.load(cache_dir=folder, disable_download=True, trunc_dim=DIMENSIONS)


def title_vectors(titles: Sequence[str]) -> Vector:
    """One row of unit length for each title; a title without a known word has a row of zeros.

    Costs about 20 µs a title in batches; the first call loads the weights (0.6 s).
    """
    rows = np.zeros((len(titles), DIMENSIONS), np.float32)
    # an empty text has no tokens to average, and the mean of nothing is not a number
    spoken = [n for n, title in enumerate(titles) if title.strip()]
    if spoken:
        rows[spoken] = _model().embed([titles[n][:LARGEST_TITLE] for n in spoken])
    return _unit(np.nan_to_num(rows, copy=False))


def pieces(word: str) -> list[str]:
    """What a word in lower case is read as: itself if it is a common one, else the parts that its vector comes from."""
    tokens = _model().tokenizer.encode(word, add_special_tokens=False).tokens
    return [piece for piece in (str(token).lstrip(_BEGINS) for token in tokens) if piece]


def session_vector(steps: Sequence[Step], vector_of: Callable[[str], Vector | None]) -> Vector | None:
    """Where a session is: the decayed mean of its last items' title vectors, of unit length.

    The newest of the last `RECENT` different items weighs 1, each earlier one e^(-1/3) of the next; a cart doubles.

    Parameters
    ----------
    steps: the session's steps, oldest first.
    vector_of: an item's title vector, None for items that the catalogue does not know.
    """
    weights: dict[str, float] = {}
    for step in reversed(steps):
        weight = _CART if step.event == "add_to_cart" else 1.0
        if step.item_id in weights:
            weights[step.item_id] = max(weights[step.item_id], weight)
        elif len(weights) < RECENT:
            weights[step.item_id] = weight
    total: Vector | None = None
    for (item_id, weight), decay in zip(weights.items(), _DECAY, strict=False):
        vector = vector_of(item_id)
        if vector is not None:
            part = vector * np.float32(weight * decay)
            total = part if total is None else total + part
    length = 0.0 if total is None else math.sqrt(float(total @ total))
    if total is None or not length:
        return None
    total /= np.float32(length)
    return total


def pack(vector: Vector) -> bytes:
    """As it lies in Redis: float32, little-endian."""
    return vector.astype("<f4").tobytes()


def unpack(packed: bytes | None) -> Vector | None:
    """The vector of `pack`; None for nothing, for another length, or for numbers that are not finite."""
    if packed is None or len(packed) != DIMENSIONS * 4:
        return None
    vector = np.frombuffer(packed, "<f4")
    return vector if np.isfinite(vector).all() else None


def _unit(rows: Vector) -> Vector:
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    unit: Vector = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return unit
