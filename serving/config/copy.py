"""A serving process's own copy of the documents: the follower that fills it, and its file on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from serving.config.documents import COPY_KIND, Config, Kind
from stream.catalogue_copy import FOLDER, WAIT_EMBEDDED_MS, WAIT_MS
from stream.follower import Follower
from stream.local_copy import LocalCopy
from stream.settings import Settings

_SAVE_EVERY_S = 2.0


class ConfigCopy:
    """Follows the topic into a `Config`, which is on disk two seconds after each change."""

    def __init__(self, settings: Settings, kinds: Sequence[Kind[Any]]) -> None:
        self.config = Config(kinds, LocalCopy(settings.data_dir / FOLDER / "config", COPY_KIND), settings.run_id)
        wait_ms = WAIT_EMBEDDED_MS if settings.embedded_broker else WAIT_MS
        self.follower = Follower(settings.broker_url, "config", self.config, wait_ms=wait_ms)
        self._saving: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Load the local copy and begin to follow; returns at once."""
        self.config.load()
        self.follower.start()
        self._saving = asyncio.create_task(self._save(), name="config's local copy")

    async def stop(self) -> None:
        if self._saving is not None:
            self._saving.cancel()
            with suppress(asyncio.CancelledError):
                await self._saving
        await self.follower.stop()
        await self.config.save()

    async def _save(self) -> None:
        while True:
            await asyncio.sleep(_SAVE_EVERY_S)
            await self.config.save()
