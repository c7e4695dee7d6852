"""The policies of all slots as serving holds them: what was published of each, refreshed every 0.4 s.

Which policy chooses is the slot's mode. `live`: the contextual one; with fewer than `ENOUGH` views of the slot
Thompson's. `shadow`: Thompson's chooses, and the contextual one says what it would have shown, until its estimate says
that it should go live. `uniform`: nobody chooses, every arm is shown as often, with the same shadow.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, Literal, TypeAlias, cast

import structlog

from serving.banners.policy import UNIFORM, Chosen
from serving.rows import Reads
from stream.bandits.policies import Contextual, Policy, Thompson
from stream.bandits.published import Published, load_slot
from stream.entries import BANNERS
from stream.published import ModelRefusedError
from stream.state.keys import Keys, Tag
from stream.state.store import Unavailable
from stream.topics import partition_of

Mode: TypeAlias = Literal["live", "shadow", "uniform"]
ENOUGH = 200
EVERY_S = 0.4

log = structlog.get_logger()


class Bandits:
    """What is published of slots.

    Parameters
    ----------
    slots: the names of those that there are now.
    partitions: how many partitions the feedback topic has; 0 while that is not known.
    mode: that of a slot.
    least: the smallest share of a slot's views that any arm gets.
    """

    def __init__(
        self,
        reader: Reads,
        keys: Keys,
        partitions: Callable[[], int],
        slots: Callable[[], Iterable[str]],
        *,
        mode: Callable[[str], Mode],
        least: float,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self.published: dict[str, Published] = {}
        self._reader, self._keys, self._partitions, self._slots = reader, keys, partitions, slots
        self._mode, self._least, self._sleep = mode, least, sleep
        self._packed: dict[str, bytes] = {}
        self._chosen: dict[tuple[str, Mode], Chosen] = {}

    def of(self, slot: str) -> Chosen:
        """The policies of a slot; before anything was learnt every arm is shown as often."""
        mode, published = self._mode(slot), self.published.get(slot)
        if published is None:
            return UNIFORM
        found = self._chosen.get((slot, mode))
        if found is None:
            found = self._chosen[slot, mode] = chosen(published, mode, self._least)
        return found

    async def follow(self) -> None:
        """Take what is published, for ever."""
        while True:
            with suppress(Unavailable):  # what is held stays in use
                await self.refresh()
            await self._sleep(EVERY_S)

    async def refresh(self) -> None:
        """Take what is published now; raises `Unavailable`."""
        partitions, slots = self._partitions(), sorted(set(self._slots()))
        if not partitions or not slots:
            return
        tag = Tag("feedback", partition_of(BANNERS.encode(), partitions))
        keys = [self._keys.value(tag, f"policy:{slot}") for slot in slots]
        for slot, packed in zip(slots, await self._reader.mget(keys), strict=True):
            if packed is not None and packed != self._packed.get(slot):
                self._packed[slot] = packed
                self._take(slot, packed)

    def _take(self, slot: str, packed: bytes) -> None:
        try:
            self.published[slot] = load_slot(packed)
        except ModelRefusedError as error:
            log.warning("slot_refused", slot=slot, reason=str(error))
            return
        for key in [key for key in self._chosen if key[0] == slot]:
            del self._chosen[key]

    def counts(self, slot: str) -> Mapping[str, tuple[int, int, int, int]]:
        """Of each arm of a slot its views, clicks, dismissals and conversions since it began."""
        published = self.published.get(slot)
        return {} if published is None else dict(zip(published.arms, published.counts, strict=True))


def chosen(published: Published, mode: Mode, least: float) -> Chosen:
    """The policies of a slot in a mode."""
    thompson: Policy = UNIFORM.policy if mode == "uniform" else Thompson(published, least)
    if published.views < ENOUGH:
        return Chosen(thompson)
    contextual = Contextual(published, least)
    return Chosen(contextual, thompson) if mode == "live" else Chosen(thompson, contextual)


def modes(told: str) -> Callable[[str], Mode]:
    """The mode of each slot, of a setting such as ``shadow,home_top=live``: of all, then of single ones."""
    of_all, *of_some = told.split(",")
    named = dict(one.split("=", 1) for one in of_some)
    return lambda slot: cast("Mode", named.get(slot, of_all))
