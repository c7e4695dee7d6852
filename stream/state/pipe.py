"""Serving's view of the store: all requests of a process on one connection, each with a short budget.

redis-py spends 50 µs of a request's 250 on one MGET (a connection from the pool, locks, time-outs, a read for each).
Here commands are written as they come and answers are handed out in order, as Redis promises them: 11 µs alone, 3 µs
each with 32 at once. redis-py still connects (URL, TLS, log-in); its connection's two streams are used directly, which
`tests/state/test_pipe.py` guards.

A request that has no answer after its budget fails; if nothing has come `PATIENCE_S` later, the connection is given up.
Time in which this process itself was late does not count, up to ten budgets. While there is no connection requests fail
at once, and one task tries again every `rest_s`: a circuit breaker.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

import hiredis
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.exceptions import RedisError

from stream.state.store import Unavailable

TICK_S = 0.005
CONNECT_S = 1.0
PATIENCE_S = 0.075
MOST_BUDGETS = 10
_READ_BYTES = 256 * 1024


class Pipe:
    """Reads values; never retries a command, never writes.

    Parameters
    ----------
    budget_s: how long an answer may take.
    rest_s: how long to wait between attempts to connect.
    """

    def __init__(self, url: str, *, budget_s: float = 0.025, rest_s: float = 0.25) -> None:
        self._pool = ConnectionPool.from_url(
            url, protocol=2, socket_connect_timeout=CONNECT_S, socket_timeout=CONNECT_S
        )
        self._budget_s, self._rest_s = budget_s, rest_s
        self._link: _Link | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._connected = asyncio.Event()
        self._failed = False
        self._closed = False

    async def close(self) -> None:
        """End the connection; what still waits fails."""
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
            with suppress(asyncio.CancelledError):
                await self._connecting
        if self._link is not None:
            await self._link.close()

    async def mget(self, keys: Sequence[str]) -> list[bytes | None]:
        """The values of full keys of one hash tag, in order; raises `Unavailable`."""
        return cast("list[bytes | None]", await self._ask("MGET", *keys))

    async def find(self, pattern: str) -> list[str]:
        """Full keys that match (for the few heartbeat keys); raises `Unavailable`."""
        found: list[bytes] = []
        cursor: Any = b"0"
        while True:
            cursor, some = await self._ask("SCAN", cursor, "MATCH", pattern, "COUNT", "1000")
            found += some
            if cursor == b"0":
                return [key.decode() for key in found]

    async def _ask(self, *command: str | bytes) -> Any:
        link = self._link or await self._linked()
        answer = await link.ask(hiredis.pack_command(command))  # type: ignore[arg-type]  # its type is too narrow
        if isinstance(answer, Exception):
            raise Unavailable(f"Redis refused: {answer}")
        return answer

    async def _linked(self) -> _Link:
        """The connection; the first requests of a process wait for it, later ones do not."""
        if self._connecting is None and not self._closed:
            self._connecting = asyncio.create_task(self._connect(), name="connect to Redis")
        if not self._failed:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._connected.wait(), CONNECT_S)
        if self._link is None:
            raise Unavailable("Redis is away; connecting is tried again all the time")
        return self._link

    async def _connect(self) -> None:
        """Try until it succeeds."""
        while True:
            connection: AbstractConnection = self._pool.make_connection()  # type: ignore[no-untyped-call]
            try:
                async with asyncio.timeout(CONNECT_S):
                    await connection.connect()  # type: ignore[no-untyped-call]
            except (RedisError, OSError, TimeoutError):
                self._failed = True
                self._connected.set()
                await connection.disconnect(nowait=True)
                await asyncio.sleep(self._rest_s)
                continue
            self._link, self._failed = _Link(connection, self._budget_s, self._broken), False
            self._connected.set()
            self._connecting = None
            return

    def _broken(self) -> None:
        """The connection ended or is not trusted any more."""
        self._link, self._failed = None, True
        if self._connecting is None and not self._closed:
            self._connecting = asyncio.create_task(self._connect(), name="connect to Redis")


class _Link:
    """One connection, and those who wait for an answer on it, in order."""

    def __init__(self, connection: AbstractConnection, budget_s: float, broken: Any) -> None:
        self._connection, self._budget_s, self._broken = connection, budget_s, broken
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[asyncio.Future[Any], float]] = deque()
        self._unsent: list[bytes] = []
        self._watching: asyncio.TimerHandle | None = None
        self._open = True
        self._receiving = asyncio.create_task(self._receive(), name="answers of Redis")

    def ask(self, packed: bytes) -> asyncio.Future[Any]:
        """Send a command, with others of this turn of the loop; the future gives the answer or `Unavailable`."""
        answer: asyncio.Future[Any] = self._loop.create_future()
        if not self._open:
            answer.set_exception(Unavailable("the connection to Redis has just ended"))
            return answer
        now = self._loop.time()
        self._waiting.append((answer, now))
        if not self._unsent:
            self._loop.call_soon(self._send)
        self._unsent.append(packed)
        if self._watching is None:
            self._watching = self._loop.call_later(TICK_S, self._watch, now + TICK_S)
        return answer

    async def close(self) -> None:
        self._end("this process is closing its connection")
        await self._receiving

    def _send(self) -> None:
        unsent, self._unsent = self._unsent, []
        writer = self._connection._writer  # noqa: SLF001  # see above
        if self._open and writer is not None:
            writer.write(b"".join(unsent))

    async def _receive(self) -> None:
        parser, reader, waiting = hiredis.Reader(), self._connection._reader, self._waiting  # noqa: SLF001  # see above
        assert reader is not None  # it is connected
        with suppress(OSError, hiredis.ProtocolError):
            while part := await reader.read(_READ_BYTES):
                parser.feed(part)
                while (answer := parser.gets()) is not False:
                    asked, _ = waiting.popleft()
                    if not asked.done():
                        asked.set_result(answer)
        self._end("Redis ended the connection")
        await self._connection.disconnect(nowait=True)

    def _watch(self, due: float) -> None:
        """Fail those who wait too long, and give the connection up when it is time."""
        self._watching = None
        if not self._waiting:
            return
        now = self._loop.time()
        longest = now - self._waiting[0][1]
        if now - due < TICK_S or longest > MOST_BUDGETS * self._budget_s:
            if longest > self._budget_s + PATIENCE_S:
                self._end("Redis does not answer")
                return
            self._expire(now - self._budget_s)
        self._watching = self._loop.call_later(TICK_S, self._watch, now + TICK_S)

    def _expire(self, before: float) -> None:
        """Fail who asked before that; they keep their places, as their answers may still come."""
        for asked, since in self._waiting:
            if since >= before:
                return
            if not asked.done():
                asked.set_exception(Unavailable(f"Redis did not answer within {self._budget_s * 1000:.0f} ms"))

    def _end(self, reason: str) -> None:
        if not self._open:
            return
        self._open = False
        if self._watching is not None:
            self._watching.cancel()
        for asked, _ in self._waiting:
            if not asked.done():
                asked.set_exception(Unavailable(reason))
        self._waiting.clear()
        writer = self._connection._writer  # noqa: SLF001  # see above
        if writer is not None:
            writer.transport.abort()  # which ends the receiving, too
        self._broken()
