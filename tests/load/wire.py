"""A lean HTTP/1.1 client: keep-alive connections over raw sockets, ready request bytes, exact timers.

httpx and aiohttp cost more than the server under test. The event loop waits with `select`, whose timeout is exact;
`epoll` and libuv round it up to a millisecond, which is all that a shelf may take.
"""

from __future__ import annotations

import asyncio
import selectors
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
Answered = Callable[[int, bytes], None]
"""Is told the status and the body; 0 where the connection broke."""


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run in a loop with exact timers."""
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        return runner.run(work)


class Wire(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, free: Callable[[Wire], None]) -> None:
        self._free = free
        self._buffer = bytearray()
        self._end = self._head = 0
        self._answered: Answered | None = None
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def ask(self, request: bytes, answered: Answered) -> None:
        self._answered = answered
        self.transport.write(request)

    def data_received(self, received: bytes) -> None:
        self._buffer += received
        if not self._end:
            self._head = self._buffer.find(b"\r\n\r\n")
            if self._head < 0:
                return
            at = self._buffer.lower().find(b"content-length:", 0, self._head)
            self._end = self._head + 4 + int(self._buffer[at + 15 : self._buffer.find(b"\r", at)])
        if len(self._buffer) >= self._end:
            self._finish(int(self._buffer[9:12]), bytes(self._buffer[self._head + 4 : self._end]))

    def connection_lost(self, error: Exception | None) -> None:
        if self._answered is not None:
            self._finish(0, b"")

    def _finish(self, status: int, body: bytes) -> None:
        answered, self._answered = self._answered, None
        self._buffer.clear()
        self._end = 0
        assert answered is not None  # nobody answers what was not asked
        answered(status, body)
        self._free(self)


class Wires:
    """A pool of connections to one port of this machine; what finds none free waits in order.

    They take turns, because a server closes those that are idle for seconds.
    """

    def __init__(self) -> None:
        self._idle: deque[Wire] = deque()
        self._waiting: deque[tuple[bytes, Answered]] = deque()

    @classmethod
    async def open(cls, port: int, connections: int) -> Wires:
        pool, loop = cls(), asyncio.get_running_loop()
        for _ in range(connections):
            _, wire = await loop.create_connection(lambda: Wire(pool._free), "127.0.0.1", port)
            pool._idle.append(wire)
        return pool

    def ask(self, request: bytes, answered: Answered) -> None:
        if self._idle:
            self._idle.popleft().ask(request, answered)
        else:
            self._waiting.append((request, answered))

    @property
    def idle(self) -> int:
        return len(self._idle)

    def _free(self, wire: Wire) -> None:
        if wire.transport.is_closing():
            return  # its end was the answer, with the status 0
        if self._waiting:
            wire.ask(*self._waiting.popleft())
        else:
            self._idle.append(wire)

    def close(self) -> None:
        while self._idle:
            self._idle.pop().transport.close()


def get(path: str, key: str = "") -> bytes:
    """A GET as bytes."""
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n\r\n".encode()


def post(path: str, key: str, body: bytes) -> bytes:
    """A POST of JSON as bytes."""
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def paced(rate: float, count: int, send: Callable[[int, float], None]) -> None:
    """Call `send(n, due)` at `rate` a second, whatever became of the calls before; `due` is when it was meant to be."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    began, sent = loop.time() + 0.05, 0

    def tick() -> None:
        nonlocal sent
        now = loop.time()
        while sent < count and (due := began + sent / rate) <= now:
            send(sent, due)
            sent += 1
        if sent < count:
            loop.call_at(began + sent / rate, tick)
        else:
            done.set()

    loop.call_at(began, tick)
    await done.wait()
