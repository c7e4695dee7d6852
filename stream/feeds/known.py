"""The catalogue as it is now, followed while an import runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from stream.catalogue import Catalogue
from stream.cluster import BrokerAway
from stream.follower import Follower
from stream.topics import TOPICS

PATIENCE_S = 20.0


@asynccontextmanager
async def followed(broker_url: str) -> AsyncIterator[tuple[Catalogue, int]]:
    """The catalogue, read to its end, and how many partitions its topic has.

    Raises `BrokerAway` if nothing is heard for `PATIENCE_S`.
    """
    catalogue = Catalogue()
    follower = Follower(broker_url, "catalog", catalogue)
    follower.start()
    try:
        await _read(catalogue, follower, broker_url)
        yield catalogue, follower.partitions["catalog"]
    finally:
        await follower.stop()


async def _read(catalogue: Catalogue, follower: Follower, broker_url: str) -> None:
    """Wait for the end of the log, as long as there is progress."""
    loop = asyncio.get_running_loop()
    moved_at, positions = loop.time(), -1
    while not catalogue.ready.is_set():
        at = sum(catalogue.positions.values())
        if at != positions:
            moved_at, positions = loop.time(), at
        if loop.time() - moved_at > PATIENCE_S:
            raise BrokerAway(_silent(broker_url, follower))
        try:
            await asyncio.wait_for(catalogue.ready.wait(), 0.25)
        except TimeoutError:
            continue


def _silent(broker_url: str, follower: Follower) -> str:
    if follower.live and not follower.partitions.get("catalog"):
        return (
            f"the broker at {broker_url} has no topic {TOPICS['catalog'].name}. Start `liveshelf worker` or "
            "`liveshelf up` once: they create it."
        )
    return f"the catalogue cannot be read from {broker_url}. Start the broker, or correct LIVESHELF_BROKER_URL."
