"""The load of the shelf bench, as a process of its own: a `Job` as JSON on stdin, an `Outcome` on stdout."""

from __future__ import annotations

import asyncio
import sys

import msgspec
from msgspec import Struct

from tests.load.wire import Wires, get, paced, run

PATIENCE_S = 30.0
FEW = 64  # more than that is too slow for `select`, and no load of single milliseconds


class Job(Struct, frozen=True):
    """`count` requests of `paths` in turn: `rate` a second (open loop), or with 0 as fast as the connections go.

    With `skip` what finds no free connection when it is due is not sent, but counted. An answer is right if it is a 200
    with `status` in it, if that is given, and `positions` items.
    """

    port: int
    paths: list[str]
    count: int
    rate: float = 0.0
    connections: int = 32
    key: str = ""
    status: str = ""
    positions: int = 0
    skip: bool = False


class Outcome(Struct, frozen=True):
    """Latencies from the intended send time, their statuses, how many answers were not right (and one of them), the
    whole time."""

    latencies_ms: list[float]
    statuses: list[int]
    wrong: int
    example: str
    wall_s: float
    skipped: int = 0


class _Load:
    def __init__(self, job: Job, wires: Wires) -> None:
        self._job, self._wires = job, wires
        self._requests = [get(path, job.key) for path in job.paths]
        self._status = f'"status":"{job.status}"'.encode() if job.status else b""
        self._loop = asyncio.get_running_loop()
        self._left, self._sent = job.count, 0
        self.done = asyncio.Event()
        self.latencies_ms: list[float] = []
        self.statuses: list[int] = []
        self.wrong, self.example, self.skipped = 0, "", 0

    def send(self, number: int, due: float) -> None:
        def answered(status: int, body: bytes) -> None:
            self.latencies_ms.append((self._loop.time() - due) * 1000)
            self.statuses.append(status)
            if not self._right(status, body):
                self.wrong += 1
                self.example = f"{status} {body[:300].decode(errors='replace')}"
            self._settled()
            if self._left and not self._job.rate:
                self._next()

        if self._job.skip and not self._wires.idle:
            self.skipped += 1
            self._settled()
            return
        self._wires.ask(self._requests[number % len(self._requests)], answered)

    def _settled(self) -> None:
        self._left -= 1
        if not self._left:
            self.done.set()

    def start_all(self) -> None:
        for _ in range(min(self._job.connections, self._job.count)):
            self._next()

    def _next(self) -> None:
        if self._sent < self._job.count:
            self._sent += 1
            self.send(self._sent - 1, self._loop.time())

    def _right(self, status: int, body: bytes) -> bool:
        return status == 200 and self._status in body and body.count(b'"position":') == self._job.positions


async def perform(job: Job) -> Outcome:
    """Do the job in this loop."""
    loop = asyncio.get_running_loop()
    wires = await Wires.open(job.port, job.connections)
    load, began = _Load(job, wires), loop.time()
    if job.rate:
        await paced(job.rate, job.count, load.send)
    else:
        load.start_all()
    await asyncio.wait_for(load.done.wait(), PATIENCE_S + (0 if job.rate else job.count / 100))
    wall_s = loop.time() - began
    wires.close()
    return Outcome(load.latencies_ms, load.statuses, load.wrong, load.example, wall_s, load.skipped)


if __name__ == "__main__":
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    found = run(perform(job)) if job.connections <= FEW else asyncio.run(perform(job))
    sys.stdout.buffer.write(msgspec.json.encode(found))
