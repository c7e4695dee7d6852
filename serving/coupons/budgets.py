"""What declared offers have given, as serving holds it: read every second for the offers that there are."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import msgspec
import structlog

from serving.config.documents import Documents
from serving.coupons.offer import Offer
from serving.rows import Reads
from stream.budgets import Budget, budget_key
from stream.entries import OFFERS
from stream.state.keys import Keys, Tag
from stream.state.store import Unavailable
from stream.topics import partition_of

EVERY_S = 1.0
_TOPIC = "feedback"
_decode = msgspec.msgpack.Decoder(Budget).decode

log = structlog.get_logger()


class Budgets:
    """Budgets by offer; what is held may be a second old, or as old as Redis is away.

    That gives nothing away: a claim that was counted since is only shown later, and one too many is refused by the
    budget's owner.

    Parameters
    ----------
    partitions: how many partitions the feedback topic has; 0 while that is not known.
    """

    def __init__(
        self,
        reader: Reads,
        keys: Keys,
        documents: Documents[Offer],
        partitions: Callable[[], int],
        *,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self.held: Mapping[str, Budget] = {}
        self._reader, self._keys, self._documents = reader, keys, documents
        self._partitions, self._sleep = partitions, sleep

    async def follow(self) -> None:
        """Read them again and again, for ever."""
        while True:
            with suppress(Unavailable):
                await self.refresh()
            await self._sleep(EVERY_S)

    async def refresh(self) -> None:
        """Read them once; raises `Unavailable`."""
        names, partitions = list(self._documents.all), self._partitions()
        if not (names and partitions):
            return
        tag = Tag(_TOPIC, partition_of(OFFERS.encode(), partitions))
        found = await self._reader.mget([self._keys.value(tag, budget_key(name)) for name in names])
        try:
            read = {name: _decode(packed) for name, packed in zip(names, found, strict=True) if packed is not None}
        except msgspec.MsgspecError as error:
            log.warning("budget_unreadable", reason=str(error), meaning="offers give as they did before")
            return
        self.held = read
