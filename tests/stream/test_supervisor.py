"""The supervisor: restarts what ends or stops moving, and leaves no process behind."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stream.supervisor import HALTED, Part, Supervisor

FOREVER = "import time; time.sleep(60)"


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


async def until(true: Callable[[], bool], within_s: float = 10) -> None:
    async with asyncio.timeout(within_s):
        while not true():
            await asyncio.sleep(0.01)


async def test_what_ends_is_started_again(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    supervisor = Supervisor()
    supervisor.run(Part("flaky", python(f"open({str(runs)!r}, 'a').write('x')")))
    await until(lambda: runs.exists() and len(runs.read_text()) >= 3)
    await supervisor.stop()
    assert supervisor.restarts["flaky"] >= 2


async def test_stop_ends_everything() -> None:
    supervisor = Supervisor()
    supervisor.run(Part("steady", python(FOREVER)))
    await until(lambda: "steady" in supervisor.processes)
    pid = supervisor.processes["steady"].pid
    await supervisor.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_what_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    stubborn = f"import signal, time; signal.signal(15, signal.SIG_IGN); open({str(ready)!r}, 'w'); time.sleep(60)"
    supervisor = Supervisor(grace_s=0.3)
    supervisor.run(Part("stubborn", python(stubborn)))
    await until(ready.exists)
    await supervisor.stop()
    assert supervisor.processes["stubborn"].returncode == -9


async def test_a_halt_is_not_restarted() -> None:
    supervisor = Supervisor()
    supervisor.run(Part("halting", python(f"raise SystemExit({HALTED})")))
    async with asyncio.timeout(10):
        assert await supervisor.halted == "halting"
    await supervisor.stop()
    assert supervisor.restarts == {}


async def test_what_has_work_and_does_not_move_is_killed() -> None:
    async def stuck() -> object:
        return "always the same place"

    supervisor = Supervisor()
    supervisor.run(Part("stuck", python(FOREVER), progress=stuck, patience_s=0.4))
    await until(lambda: supervisor.restarts.get("stuck", 0) >= 1)
    await supervisor.stop()


async def test_what_has_nothing_to_do_is_left_alone() -> None:
    looks = 0

    async def idle() -> object | None:
        nonlocal looks
        looks += 1
        return None

    supervisor = Supervisor()
    supervisor.run(Part("idle", python(FOREVER), progress=idle, patience_s=0.1))
    await until(lambda: looks > 8)
    assert supervisor.restarts == {}
    await supervisor.stop()
