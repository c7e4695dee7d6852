"""The valid items of a feed on disk while the rest of it is checked, so that nothing is sent of a feed that is refused,
and memory does not grow with it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import orjson


class Spool:
    """Updates in the order in which they came; may be read any number of times."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # closed by `__exit__`

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def put(self, update: bytes) -> None:
        """Add one JSON object, which has no line feed in it."""
        self._file.write(update + b"\n")

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        """Each item's id and its update."""
        self._file.seek(0)
        for line in self._file:
            yield orjson.loads(line)["item_id"], line
