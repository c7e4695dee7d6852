"""Requests at a steady pace, from a process of its own: a `Course` as JSON on stdin, every answer on stdout.

Times are of the machine's monotonic clock, so that who started it can lay faults over the answers.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from msgspec import Struct

from tests.load.stand import ROOT
from tests.load.wire import paced

GIVE_UP_S = 20.0
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_RUNG = re.compile(rb'"rung":"(\w+)"')


class Course(Struct, frozen=True):
    """`requests` in order, `rate` a second, whatever becomes of each; `never` lists ids that no answer may name."""

    port: int
    requests: list[bytes]
    rate: float
    never: list[str] = []


class Seen(NamedTuple):
    """One answer: the request's number, when it was due (s), how long it took, and what it was.

    `status` is 0 where the connection broke without one; `accepted` whether an event was, `wrong` whether it names what
    it must not.
    """

    number: int
    due_s: float
    ms: float
    status: int
    rung: str
    items: int
    accepted: bool
    wrong: bool
    retry_after: bool


class _Client:
    """Keep-alive connections, as many as it takes; one that the server closes is not used again."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._never = [f'"item_id":"{item_id}"'.encode() for item_id in course.never]
        self._idle: deque[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = deque()
        self._asking: set[asyncio.Task[None]] = set()
        self.seen: list[Seen] = []

    def send(self, number: int, due: float) -> None:
        task = asyncio.create_task(self._ask(number, due))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def end(self) -> None:
        while self._asking:
            await asyncio.gather(*self._asking)

    async def _ask(self, number: int, due: float) -> None:
        try:
            head, body = await asyncio.wait_for(self._exchange(self._course.requests[number]), GIVE_UP_S)
        except (OSError, EOFError, TimeoutError):
            head, body = b"HTTP/1.1 000", b""
        rung = _RUNG.search(body)
        self.seen.append(
            Seen(
                number,
                due,
                (asyncio.get_running_loop().time() - due) * 1000,
                int(head[9:12]),
                rung[1].decode() if rung else "",
                body.count(b'"position":'),
                b'"status":"accepted"' in body,
                any(name in body for name in self._never),
                b"retry-after:" in head.lower(),
            )
        )

    async def _exchange(self, request: bytes) -> tuple[bytes, bytes]:
        reader, writer = await self._connection()
        try:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            body = await reader.readexactly(int(length[1]) if length else 0)
        except BaseException:
            writer.close()
            raise
        if b"connection: close" in head.lower():
            writer.close()
        else:
            self._idle.append((reader, writer))
        return head, body

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self._idle:
            reader, writer = self._idle.popleft()
            if not reader.at_eof():
                return reader, writer
            writer.close()
        return await asyncio.open_connection("127.0.0.1", self._course.port)


async def perform(course: Course) -> list[Seen]:
    """Send the course's requests in this loop."""
    client = _Client(course)
    await paced(course.rate, len(course.requests), client.send)
    await client.end()
    return client.seen


class Steady:
    """A course in a process of its own: begun when made; `seen` waits for its end."""

    def __init__(self, course: Course) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.load.steady"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(course))
        self._process.stdin.close()

    def seen(self) -> Sequence[Seen]:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            found = output.read()
        if self._process.wait() != 0:
            raise RuntimeError(f"the load ended with exit code {self._process.returncode}")
        return msgspec.json.decode(found, type=list[Seen])


if __name__ == "__main__":
    made = asyncio.run(perform(msgspec.json.decode(sys.stdin.buffer.read(), type=Course)))
    sys.stdout.buffer.write(msgspec.json.encode(made))
