"""The catalogue's title vectors, kept beside it in memory: one matrix row for each item's number."""

from __future__ import annotations

import asyncio

import numpy as np

from stream import vectors
from stream.catalogue import Catalogue, Shelved
from stream.signals import session
from stream.vectors import DIMENSIONS, Vector

_AT_ONCE = 64  # about a millisecond: the event loop has other things to do


class TitleVectors:
    """Follows a catalogue; an item without a vector yet (a moment, or no catalogue) has a row of zeros.

    Attributes
    ----------
    matrix: float32, `matrix[n]` is the vector of `item_ids[n]`, of unit length or zero; both may be longer than needed,
        and both are replaced when they grow.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.matrix: Vector = np.zeros((0, DIMENSIONS), np.float32)
        self.item_ids: list[str] = []
        self._catalogue = catalogue
        self._titles: dict[int, str] = {}
        self._something = asyncio.Event()
        catalogue.watch(self._changed)

    def of(self, item_id: str) -> Vector | None:
        """An item's vector, None where there is none yet."""
        shelved = self._catalogue.items.get(item_id)
        if shelved is None or shelved.number >= len(self.matrix):
            return None
        vector: Vector = self.matrix[shelved.number]
        return vector if vector.any() else None

    def of_session(self, running: session.State) -> bytes | None:
        """The session vector as it lies in Redis; None for a session that has no known item."""
        found = vectors.session_vector(running.steps, self.of)
        return None if found is None else vectors.pack(found)

    async def follow(self) -> None:
        """Make the vectors of new titles as they come, for ever; loads the model first, in a thread."""
        await asyncio.to_thread(vectors.title_vectors, ["warm"])
        while True:
            await self._something.wait()
            self._something.clear()
            while self._titles:
                self.catch_up(_AT_ONCE)
                await asyncio.sleep(0)

    def catch_up(self, most: int) -> None:
        """Make the vectors of at most so many waiting titles."""
        numbers = list(self._titles)[:most]
        if numbers:
            self.matrix[numbers] = vectors.title_vectors([self._titles.pop(number) for number in numbers])

    def _changed(self, item_id: str, before: Shelved | None, after: Shelved | None) -> None:
        if after is None:
            assert before is not None  # a change has at least one side
            self._titles.pop(before.number, None)
            self.matrix[before.number] = 0
            return
        if before is None or before.item.title != after.item.title:
            self._make_room(after.number, item_id)
            self._titles[after.number] = after.item.title
            self._something.set()

    def _make_room(self, number: int, item_id: str) -> None:
        if number >= len(self.matrix):
            grown = np.zeros((max(1_024, 2 * number), DIMENSIONS), np.float32)
            grown[: len(self.matrix)] = self.matrix
            self.matrix = grown
        while len(self.item_ids) <= number:
            self.item_ids.append("")
        self.item_ids[number] = item_id
