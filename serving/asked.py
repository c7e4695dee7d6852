"""A mapping whose values are made when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

V = TypeVar("V")


class Asked(Mapping[str, V]):
    """A mapping whose values are made when they are asked for, and with `keep` only once."""

    def __init__(self, make: Callable[[str], V | None], *, keep: bool = True) -> None:
        self._make, self._keep = make, keep
        self._made: dict[str, V] = {}

    def get(self, key: str, default: V | None = None) -> V | None:  # type: ignore[override]  # one default type is enough
        if key in self._made:
            return self._made[key]
        value = self._make(key)
        if value is None:
            return default
        if self._keep:
            self._made[key] = value
        return value

    def __getitem__(self, key: str) -> V:
        value = self.get(key)
        if value is None:
            raise KeyError(key)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)
