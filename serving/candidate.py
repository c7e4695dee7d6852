"""An item that might be shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from msgspec import Struct

Scored: TypeAlias = Sequence[tuple[str, float]]
"""Items with their scores, best first."""


class Effect(NamedTuple):
    """What rules that boost or bury make of an item's score: a factor above 0, and their names."""

    factor: float
    names: tuple[str, ...]


class Candidate(Struct, frozen=True, gc=False):
    """An item that might be shown.

    `because_item_id` is the visitor's item that speaks for it most, `also_item_id` the one that does so second most.
    `rules` names the marketers' rules that touched it.
    """

    item_id: str
    score: float
    recommender: str
    because_item_id: str | None = None
    also_item_id: str | None = None
    rules: tuple[str, ...] = ()
