"""Back-pressure: a producer stays within what the embedded broker remembers."""

from __future__ import annotations

import asyncio

import pytest

from stream.backpressure import OVERHEAD_BYTES, WINDOW_BYTES, Backpressure, Full
from stream.state.keys import Tag
from stream.state.store import Position

TAG = Tag("events", 0)
SIZE = 10_000


class Agent:
    offset = 0

    async def position(self, tag: Tag) -> str | None:
        return str(Position("t", 4, self.offset)) if tag == TAG else None


def fill(backpressure: Backpressure, offset: int = 0) -> int:
    """Send until it is full; how many went in."""
    for sent in range(10_000):
        try:
            backpressure.admit(TAG, SIZE)
        except Full:
            return sent
        backpressure.settled(TAG, SIZE, offset + sent)
    raise AssertionError("it never got full")


async def test_full_at_the_window_and_open_again_when_the_agent_moved() -> None:
    agent = Agent()
    backpressure = Backpressure(agent.position)
    sent = fill(backpressure)
    assert WINDOW_BYTES / (SIZE + OVERHEAD_BYTES) <= sent < 3 * WINDOW_BYTES / SIZE
    agent.offset = sent
    async with asyncio.timeout(5):
        while True:
            try:
                backpressure.admit(TAG, SIZE)
                break
            except Full:
                await asyncio.sleep(0.01)


async def test_what_nobody_consumes_is_not_held_back() -> None:
    backpressure = Backpressure(Agent().position)
    for offset in range(2_000):
        backpressure.admit(Tag("audit", 0), SIZE)
        backpressure.settled(Tag("audit", 0), SIZE, offset)


async def test_other_producers_records_count() -> None:
    backpressure = Backpressure(Agent().position)
    backpressure.admit(TAG, SIZE)
    backpressure.settled(TAG, SIZE, 100_000)
    with pytest.raises(Full):
        backpressure.admit(TAG, SIZE)


async def test_failed_sends_make_room() -> None:
    backpressure = Backpressure(Agent().position)
    for _ in range(2_000):
        backpressure.admit(TAG, SIZE)
        backpressure.settled(TAG, SIZE, None)
