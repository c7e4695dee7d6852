"""What blocks, beside the event loop: an iterator that a thread advances, one step whenever the next is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


async def one_by_one(items: Iterator[T]) -> AsyncGenerator[T]:
    """The items, each made in the same thread; a generator is closed there, also when nobody asks for the rest."""
    thread, loop = ThreadPoolExecutor(1, thread_name_prefix="reader"), asyncio.get_running_loop()
    ended: list[T] = []
    try:
        while (item := await loop.run_in_executor(thread, next, items, ended)) is not ended:
            yield item  # type: ignore[misc]  # `ended` was told apart
    finally:
        if isinstance(items, Generator):
            # behind a step that is still under way
            thread.submit(items.close)
        thread.shutdown(wait=False)
