"""A document of another system, read by path, so that whatever is missing or wrong can be named where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from stream.strict_json import Reason, Rejected, rejected


class Flaw(Exception):
    """Something that an event cannot do without is missing or wrong."""

    def __init__(self, reason: Reason, what: str, fix: str, field: str) -> None:
        super().__init__(what)
        self.rejected: Rejected = rejected(reason, what, fix, field)


def inside(value: Any, path: str) -> Any:
    """What lies below a value, names separated by dots; None where there is nothing."""
    for name in _names(path):
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


@lru_cache(maxsize=1_024)
def _names(path: str) -> tuple[str, ...]:
    return tuple(path.split("."))


class Spot(NamedTuple):
    """One value in a document and its path, such as `data[2].ecommerce`; None where there is none."""

    value: Any
    path: str = ""

    def at(self, path: str) -> Spot:
        """What lies below, names separated by dots; a place that is not there has the value None."""
        return Spot(inside(self.value, path), f"{self.path}.{path}" if self.path else path)

    def each(self) -> Iterator[Spot]:
        """The entries of a list; of anything else none."""
        for number, value in enumerate(self.value if isinstance(self.value, list) else ()):
            yield Spot(value, f"{self.path}[{number}]")

    def first(self, *paths: str) -> Spot:
        """The first of several places that holds something; the first place if none does."""
        spots = [self.at(path) for path in paths]
        return next((spot for spot in spots if spot.value not in (None, "")), spots[0])

    @property
    def text(self) -> str | None:
        """A text, or a whole number as one: ids are often written so."""
        if isinstance(self.value, int) and not isinstance(self.value, bool):
            return str(self.value)
        return self.value if isinstance(self.value, str) and self.value else None

    def needed(self, fix: str) -> Spot:
        """The same, if there is anything."""
        if self.value in (None, "", [], {}):
            raise Flaw("schema", f"`{self.path}` is missing or empty", fix, self.path)
        return self

    def listed(self, fix: str) -> list[Spot]:
        """The entries of a list that must be there, and be one with something in it."""
        self.needed(fix)
        if not isinstance(self.value, list):
            raise Flaw("schema", f"`{self.path}` is not a list", fix, self.path)
        return list(self.each())

    def named(self, fix: str) -> str:
        """The text that must be there."""
        self.needed(fix)
        if self.text is None:
            raise Flaw("schema", f"`{self.path}` is not a text", fix, self.path)
        return self.text
