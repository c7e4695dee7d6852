"""What marketers edit: documents by kind and name, in `liveshelf.config.v1`, followed by every serving process."""

from __future__ import annotations

import re
from typing import Any, Protocol, TypeVar

import msgspec


class Named(Protocol):
    """A document's struct."""

    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Named)


class BadDocument(ValueError):
    """A document is not valid; `pointer` says where (RFC 6901), the text what to write instead."""

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(detail)
        self.pointer, self.detail = pointer, detail


def pointed(error: msgspec.ValidationError) -> tuple[str, str]:
    """Where msgspec found something, as a JSON Pointer, and what."""
    what, _, where = str(error).partition(" - at ")
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", what, re.DOTALL)
    steps = re.findall(r"\.([^.\[\]]+)|\[(\d+)\]", where.strip("`"))
    pointer = "".join(f"/{name or place}" for name, place in steps)
    if unknown:
        return f"{pointer}/{_escaped(unknown[1])}", "There is no field of this name; the schema lists them."
    return pointer, f"{what}."


def read(document: Any, kind: type[T], name: str) -> T:
    """The document as a struct of this kind, if it is one and says this name; raises `BadDocument`."""
    try:
        found = msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise BadDocument(*pointed(error)) from None
    if found.name != name:
        raise BadDocument("/name", f"It must be {name!r}, as the path says.")
    return found


def _escaped(name: str) -> str:
    return name[:100].replace("~", "~0").replace("/", "~1")
