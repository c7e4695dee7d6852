"""A banner in the decisions' log: what was asked of it, checked, as far as a bandit may learn from it."""

from __future__ import annotations

import math
from base64 import b64decode
from typing import Annotated, Literal

import numpy as np
from msgspec import Meta, Struct

MOST_ARMS = 64
MOST_CONTEXT_BYTES = 64
_ADDS_UP = 1e-3

Id = Annotated[str, Meta(min_length=1, max_length=128)]
Probability = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0, le=2**53)]


class Shadow(Struct, frozen=True, gc=False):
    """What another policy would have shown: with which probability each arm."""

    policy: Id
    version: Count
    probabilities: list[Probability]


class Banner(Struct, frozen=True, gc=False):
    """Of a slot's arms `chosen` (its place, -1: none) was shown; `context`: base64 of float16, little-endian.

    `goal`: what counts as the chosen arm's reward.
    """

    slot: Id
    arms: Annotated[list[Id], Meta(max_length=MOST_ARMS)]
    chosen: int
    probabilities: list[Probability]
    policy: Id
    version: Count
    context: str
    shadow: Shadow | None = None
    goal: Literal["clicks", "conversions"] = "clicks"


class Chosen(Struct, frozen=True):
    """A banner offer's fields."""

    nonce: bytes
    at: int
    slot: str
    arm: str
    probability: float
    context: bytes
    goal: str
    shadow_policy: str
    shadow_probability: float


def chosen(banner: Banner, nonce: bytes, at: int) -> Chosen | None:
    """The offer; None where nothing was shown. Raises ValueError for what no policy says."""
    _check(banner.arms, banner.probabilities)
    if banner.shadow is not None:
        _check(banner.arms, banner.shadow.probabilities)
    if banner.chosen == -1:
        return None
    if not 0 <= banner.chosen < len(banner.arms) or not banner.probabilities[banner.chosen]:
        raise ValueError(f"arm {banner.chosen} of {len(banner.arms)} was shown, which could not be")
    return Chosen(
        nonce,
        at,
        banner.slot,
        banner.arms[banner.chosen],
        banner.probabilities[banner.chosen],
        _context(banner.context),
        banner.goal,
        banner.shadow.policy if banner.shadow else "",
        banner.shadow.probabilities[banner.chosen] if banner.shadow else 0.0,
    )


def _check(arms: list[str], probabilities: list[float]) -> None:
    if len(arms) != len(probabilities):
        raise ValueError(f"{len(arms)} arms have {len(probabilities)} probabilities")
    if arms and not math.isclose(sum(probabilities), 1.0, abs_tol=_ADDS_UP):
        raise ValueError(f"the probabilities add up to {sum(probabilities)}, not to 1")


def _context(packed: str) -> bytes:
    context = b64decode(packed, validate=True)
    if len(context) > MOST_CONTEXT_BYTES or len(context) % 2:
        raise ValueError(f"{len(context)} bytes are no context of at most {MOST_CONTEXT_BYTES // 2} numbers")
    if not np.isfinite(np.frombuffer(context, "<f2")).all():
        raise ValueError("a number of the context is not finite")
    return context
