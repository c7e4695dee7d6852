"""A shell that is typed into, block by block, as a reader does."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from json import loads
from pathlib import Path
from typing import Any

from tests.docs.reading import ROOT, Block, alike

END = "@@@ end of block"
WITHIN_S = 10.0


def until(holds: Callable[[], Any]) -> Any:
    """What `holds` gives once it gives something."""
    end = time.monotonic() + WITHIN_S
    while not (found := holds()):
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.1)
    return found


class Shell:
    """One running bash; variables of a block are there for the next."""

    def __init__(self, process: subprocess.Popen[str], errors: Path) -> None:
        self._process, self._errors = process, errors

    def type(self, text: str) -> str:
        """What the block prints."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{text}\necho; echo '{END}'\n")
        self._process.stdin.flush()
        printed: list[str] = []
        for line in self._process.stdout:
            if line.strip() == END:
                return "".join(printed)
            printed.append(line)
        raise AssertionError(f"the shell ended at:\n{text}\n{''.join(printed)}\n{self._errors.read_text()}")

    def follow(self, block: Block) -> None:
        """Type a block, and compare what it prints with what the guide shows; what may be asked again is."""
        end = time.monotonic() + WITHIN_S
        while True:
            printed = self.type(block.text)
            if block.answer is None or alike(loads(block.answer), loads(printed)):
                return
            again = " -d " not in block.text and " -X P" not in block.text
            if not again or time.monotonic() > end:
                raise AssertionError(f"{block.text}\nprinted\n{printed}\nnot\n{block.answer}")
            time.sleep(0.1)


@contextmanager
def shell(folder: Path, variables: Mapping[str, str]) -> Iterator[Shell]:
    """A shell in a folder, with these variables and the `liveshelf` command of this checkout."""
    command = folder / "bin/liveshelf"
    command.parent.mkdir(exist_ok=True)
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m serving.cli "$@"\n')
    command.chmod(0o755)
    path = f"{command.parent}{os.pathsep}{os.environ['PATH']}"
    errors = folder / "errors.txt"
    with (
        errors.open("w") as log,
        subprocess.Popen(
            ["bash", "-eu", "-o", "pipefail"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, cwd=folder,
            env={**os.environ, **variables, "PATH": path, "PYTHONPATH": str(ROOT)},
        ) as process,
    ):  # fmt: skip
        try:
            yield Shell(process, errors)
        finally:
            process.kill()
