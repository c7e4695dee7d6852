"""Numbers for item ids, so that rows of relations are arrays and a score is one addition of arrays."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
from numpy.typing import NDArray


class Codes:
    """Item ids in order of first sight; a code is a place in `ids` and never changes while the process lives."""

    __slots__ = ("_codes", "ids")

    def __init__(self, item_ids: Iterable[str] = ()) -> None:
        self.ids: list[str] = []
        self._codes: dict[str, int] = {}
        for item_id in item_ids:
            self.code(item_id)

    def __len__(self) -> int:
        return len(self.ids)

    def code(self, item_id: str) -> int:
        """The item's number, a new one if it has none."""
        code = self._codes.get(item_id)
        if code is None:
            code = self._codes[item_id] = len(self.ids)
            self.ids.append(item_id)
        return code

    def known(self, item_id: str) -> int | None:
        """The item's number, None if it has none."""
        return self._codes.get(item_id)

    def array(self, item_ids: Collection[str]) -> NDArray[np.int32]:
        """The numbers of many items, new ones where they have none."""
        try:
            return np.fromiter(map(self._codes.__getitem__, item_ids), np.int32, len(item_ids))
        except KeyError:
            return np.fromiter(map(self.code, item_ids), np.int32, len(item_ids))
