"""An event loop whose clock stands still until it is moved, and that runs until nothing more can happen."""

from __future__ import annotations

import asyncio
from typing import Any


class SimLoop(asyncio.SelectorEventLoop):
    _ready: Any  # what can run now; the base class does not tell type checkers of it

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def time(self) -> float:
        return self.now_s

    def settle(self) -> None:
        """Run whatever can run; returns when every task waits for an answer or for time to pass."""
        self.run_until_complete(self._idle())

    async def _idle(self) -> None:
        await asyncio.sleep(0)
        while True:
            await asyncio.sleep(0)
            if not self._ready:
                return
