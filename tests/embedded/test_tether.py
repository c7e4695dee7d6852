"""A tethered command ends with its parent, however the parent ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stream.embedded import tether

START = """
import os, subprocess, sys, time
{command}
child = subprocess.Popen(command)
print(child.pid, flush=True)
time.sleep(60)
"""
KERNEL = """
from stream.embedded.tether import tethered
command = tethered(["sleep", "60"])
"""
# what macOS does, which has no prctl
WATCH = """
script = "import sys; from stream.embedded.tether import watch; sys.exit(watch(int(sys.argv[1]), 15, ['sleep', '60']))"
command = [sys.executable, "-c", script, str(os.getpid())]
"""


@pytest.fixture(params=[KERNEL, WATCH], ids=["kernel", "watch"])
def parent(request: pytest.FixtureRequest) -> Iterator[tuple[subprocess.Popen[str], int]]:
    script = START.format(command=request.param)
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield process, int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()


def until(true: Callable[[], bool], deadline_s: float = 10) -> bool:
    end = time.monotonic() + deadline_s
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()


def sleeps(pid: int) -> bool:
    """Whether `pid` or its child is the sleeping command."""
    return any("sleep" in _command(each) for each in [pid, *_children(pid)])


def _children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(each) for each in path.read_text().split()] if path.exists() else []


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return ""


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
    except OSError:
        return True


def test_a_killed_parent_leaves_no_orphan(parent: tuple[subprocess.Popen[str], int]) -> None:
    process, child = parent
    assert until(lambda: sleeps(child))
    family = [child, *_children(child)]
    process.kill()
    process.wait()
    assert until(lambda: all(gone(each) for each in family))


def test_a_signal_reaches_the_command(parent: tuple[subprocess.Popen[str], int]) -> None:
    _, child = parent
    assert until(lambda: sleeps(child))
    family = [child, *_children(child)]
    os.kill(child, signal.SIGTERM)
    assert until(lambda: all(gone(each) for each in family))


def test_the_exit_code_is_the_commands() -> None:
    assert subprocess.run(tether.tethered(["sh", "-c", "exit 7"]), check=False).returncode == 7


def test_a_parent_that_ended_before_the_command_began() -> None:
    command = [sys.executable, "-I", "-S", str(Path(tether.__file__)), "1", "15", "sh", "-c", "echo ran"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
