"""A process's own copy of the catalogue: the follower that fills it, its title vectors, and its file on disk."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from stream.catalogue import KIND, Catalogue
from stream.follower import Follower
from stream.local_copy import LocalCopy
from stream.settings import Settings
from stream.title_vectors import TitleVectors

FOLDER = "copies"
# Kafka answers a waiting fetch as soon as there is something, the embedded broker only when its time is over
WAIT_MS = 100
WAIT_EMBEDDED_MS = 10
_SAVE_EVERY_S = 20.0


class CatalogueCopy:
    """What serving and the visitor agent's session vectors know of items.

    Parameters
    ----------
    keep: whether this process writes the local copy; every process reads it.
    """

    def __init__(self, settings: Settings, *, keep: bool = False) -> None:
        file = LocalCopy(settings.data_dir / FOLDER / "catalogue", KIND)
        self.catalogue = Catalogue(file, settings.run_id)
        self.vectors = TitleVectors(self.catalogue)
        wait_ms = WAIT_EMBEDDED_MS if settings.embedded_broker else WAIT_MS
        self.follower = Follower(settings.broker_url, "catalog", self.catalogue, wait_ms=wait_ms)
        self._keep = keep
        self._tasks: list[asyncio.Task[Any]] = []

    def partitions(self, noun: str) -> int:
        """Partitions of one of our topics, as the broker says, or as it said last time; 0 while nobody knows."""
        return self.follower.partitions.get(noun) or self.catalogue.partitions.get(noun, 0)

    def all_partitions(self) -> dict[str, int]:
        """Partitions of all of our topics that are known, by noun."""
        return {**self.catalogue.partitions, **self.follower.partitions}

    def start(self) -> None:
        """Load the local copy and begin to follow; returns at once (`catalogue.ready` says when there is something)."""
        self.catalogue.load()
        self.follower.start()
        self._tasks = [asyncio.create_task(self.vectors.follow(), name="title vectors")]
        if self._keep:
            self._tasks.append(asyncio.create_task(self._save(), name="catalogue's local copy"))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        await self.follower.stop()
        if self._keep:
            await self.catalogue.save(self.all_partitions())

    async def _save(self) -> None:
        while True:
            await asyncio.sleep(_SAVE_EVERY_S)
            await self.catalogue.save(self.all_partitions())
