"""What a signal is: a bounded piece of state, folded from events, that serving can read and explain.

A file in `stream/signals/` is one signal and exposes ``SIGNAL``; nothing else has to be told of it. Its state is part
of the one value that its owner keeps for a visitor or an item, so that a request reads all signals in one round trip.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

S = TypeVar("S")


def _keep(_: Any) -> None:
    """Nothing in it grows."""


@dataclass(frozen=True, slots=True)
class Signal(Generic[S]):
    """One signal.

    Parameters
    ----------
    name: attribute of the visitor's or item's value; also its name in explanations and in the key table.
    scope: whose value it is part of.
    state: an `msgspec.Struct` type that can be made without arguments.
    on: event names (visitor scope) or entry tags (item scope) that it folds.
    fold: visitor scope ``fold(state, accepted, emit)``; item scope ``fold(state, entry)``. Pure but for these.
    explain: one sentence for marketers and shoppers.
    halve: visitor scope, forget the older half of what grows (for visitors whose value is too large).
    """

    name: str
    scope: Literal["visitor", "item"]
    state: type[S]
    on: frozenset[str]
    fold: Callable[..., None]
    explain: str
    halve: Callable[[S], None] = _keep

    def of(self, holder: Any) -> S:
        """The signal's state in a visitor's or an item's value."""
        found: S = getattr(holder, self.name)
        return found
