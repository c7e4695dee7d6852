"""Keeps processes running: starts them, restarts what ends, and ends everything it started.

Consumers that quietly stop are Faust's best-known pain, so that beside the exit code a part's *progress* is watched
from outside: a part that has work and does not move for `Part.patience_s` is killed and started again.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

import structlog

from stream.embedded.tether import tethered

log = structlog.get_logger()

HALTED = 78
"""Exit code of a part that must not be restarted: an operator has to act (EX_CONFIG of sysexits.h)."""
RESTART = 75
"""Exit code of a part that wants to start again from what is stored (EX_TEMPFAIL)."""
BACKOFF_S = (0.1, 0.5, 1.0, 2.0, 5.0)
STEADY_S = 30.0

Progress = Callable[[], Awaitable[object | None]]


@dataclass(frozen=True)
class Part:
    """One process: `argv`, its environment's additions, and how its progress is seen.

    `progress` gives a value that changes while the part moves, or None while it has nothing to do.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    progress: Progress | None = None
    patience_s: float = 60.0
    output: IO[bytes] | None = None


class Supervisor:
    """Runs parts until `stop`; `halted` is set with the name of a part that gave up for an operator to act."""

    def __init__(self, *, grace_s: float = 8.0) -> None:
        self._grace_s = grace_s
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.processes: dict[str, asyncio.subprocess.Process] = {}
        self.restarts: dict[str, int] = {}
        self.halted: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def run(self, part: Part) -> None:
        """Start a part and keep it running."""
        self._tasks[part.name] = asyncio.create_task(self._keep(part), name=f"keep {part.name}")

    async def stop(self) -> None:
        """SIGTERM to everything, SIGKILL after the grace; returns when all have ended."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await asyncio.gather(*[self._end(process) for process in self.processes.values()])

    async def _keep(self, part: Part) -> None:
        failures = 0
        while True:
            began = time.monotonic()
            code = await self._run_once(part)
            if code == HALTED:
                if not self.halted.done():
                    self.halted.set_result(part.name)
                return
            failures = 0 if time.monotonic() - began > STEADY_S else failures + 1
            delay_s = BACKOFF_S[min(failures, len(BACKOFF_S)) - 1] if failures else 0.0
            self.restarts[part.name] = self.restarts.get(part.name, 0) + 1
            log.warning("a part ended and is started again", part=part.name, exit_code=code, after_s=delay_s)
            await asyncio.sleep(delay_s)

    async def _run_once(self, part: Part) -> int:
        process = await asyncio.create_subprocess_exec(
            *tethered(part.argv, last=signal.SIGKILL),
            env={**os.environ, **part.env},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=part.output,
            stderr=part.output,
            start_new_session=True,
        )
        self.processes[part.name] = process
        watch = asyncio.create_task(self._watch(part, process)) if part.progress else None
        try:
            return await process.wait()
        finally:
            if watch is not None:
                watch.cancel()

    async def _watch(self, part: Part, process: asyncio.subprocess.Process) -> None:
        """Kill a part that has work and does not move."""
        assert part.progress is not None
        last, since = None, time.monotonic()
        while True:
            await asyncio.sleep(min(2.0, part.patience_s / 4))
            seen = await part.progress()
            if seen is None or seen != last:
                last, since = seen, time.monotonic()
            elif time.monotonic() - since > part.patience_s:
                log.error("a part has work and does not move: killed", part=part.name, patience_s=part.patience_s)
                process.kill()
                return

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        if process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), self._grace_s)
        except TimeoutError:
            process.kill()
            await process.wait()
