"""The third pass: the changes as records of the catalogue topic, acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

from stream.backpressure import Full
from stream.feeds.plan import Change
from stream.topics import TOPICS, partition_of

WINDOW = 1_000
_WAIT_S = 0.02


class Sends(Protocol):
    """A producer."""

    def send(self, topic: str, partition: int, key: bytes | None, value: bytes | None) -> Awaitable[int]: ...


async def send(
    found: Iterable[Change], producer: Sends, partitions: int, on_progress: Callable[[int], None] = lambda _: None
) -> dict[int, int]:
    """Send all and wait for their acknowledgements: the newest offset by partition.

    Raises `NotAcknowledged`; what was acknowledged before stays, and the next import sends only the rest.
    """
    offsets: dict[int, int] = {}
    waiting: list[tuple[int, Awaitable[int]]] = []
    for change in found:
        partition = partition_of(change.item_id.encode(), partitions)
        waiting.append((partition, await _sent(producer, partition, change)))
        if len(waiting) >= WINDOW:
            await _acknowledged(waiting, offsets, on_progress)
    await _acknowledged(waiting, offsets, on_progress)
    return offsets


async def _sent(producer: Sends, partition: int, change: Change) -> Awaitable[int]:
    while True:
        try:
            return producer.send(TOPICS["catalog"].name, partition, change.item_id.encode(), change.value)
        except Full:
            await asyncio.sleep(_WAIT_S)


async def _acknowledged(
    waiting: list[tuple[int, Awaitable[int]]], offsets: dict[int, int], on_progress: Callable[[int], None]
) -> None:
    found = await asyncio.gather(*[awaitable for _, awaitable in waiting])
    for (partition, _), offset in zip(waiting, found, strict=True):
        offsets[partition] = max(offset, offsets.get(partition, -1))
    on_progress(len(waiting))
    waiting.clear()
