"""Runs a command that can't outlive the process that started it, not even when that process is killed with SIGKILL.

On Linux the kernel does it: `PR_SET_PDEATHSIG` survives `execve`, so that this module sets it and becomes the command.
Elsewhere (macOS has no such call) it stays as the command's parent, looks twice a second whether its own parent is
still there, and passes signals on.

It is run as a script, because `preexec_fn` runs Python in a fork of a process with threads, which may deadlock. The
kernel watches the *thread* that started the command: start tethered commands from the main thread.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

LOOK_S = 0.5
_PR_SET_PDEATHSIG = 1
_PARENT_GONE = 1


def tethered(command: Sequence[str | Path], *, last: signal.Signals = signal.SIGTERM) -> list[str]:
    """The command line that runs `command` as a child of this process and sends it `last` when this process ends."""
    script = str(Path(__file__).resolve())
    return [sys.executable, "-I", "-S", script, str(os.getpid()), str(int(last)), *map(str, command)]


def become(parent: int, last: signal.Signals, command: Sequence[str]) -> NoReturn:
    """Become `command`, which the kernel sends `last` when the parent ends (Linux)."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(last))
    if os.getppid() != parent:  # it ended before the call above
        sys.exit(_PARENT_GONE)
    os.execvp(command[0], list(command))


def watch(parent: int, last: signal.Signals, command: Sequence[str]) -> int:
    """Run `command` and send it `last` once the parent is gone; returns its exit code (where there is no prctl)."""
    child: subprocess.Popen[bytes] | None = None
    early: list[int] = []

    def pass_on(number: int, _: FrameType | None) -> None:
        if child is None:
            early.append(number)
        else:
            child.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, pass_on)
    child = subprocess.Popen(command)
    for missed in early:
        child.send_signal(missed)
    while True:
        try:
            return child.wait(LOOK_S)
        except subprocess.TimeoutExpired:
            if os.getppid() != parent:
                child.send_signal(last)


def main(arguments: Sequence[str]) -> int:
    """`PARENT_PID SIGNAL COMMAND…`; returns the command's exit code, if at all."""
    parent, last, command = int(arguments[0]), signal.Signals(int(arguments[1])), arguments[2:]
    if os.uname().sysname == "Linux":
        become(parent, last, command)
    return watch(parent, last, command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
