"""What marketers edit: documents by kind and name, in `liveshelf.config.v1`, followed by every serving process."""

from __future__ import annotations

import re

import msgspec


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


def _escaped(name: str) -> str:
    return name[:100].replace("~", "~0").replace("/", "~1")
