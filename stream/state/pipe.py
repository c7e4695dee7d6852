"""Serving's view of the store: all requests of a process on one connection, each with a short budget.

redis-py spends 50 µs of a request's 250 on one MGET (a connection from the pool, locks, time-outs, a read for each).
Here commands are written as they come and answers are handed out in order, as Redis promises them: 11 µs alone, 3 µs
each with 32 at once. redis-py still connects (URL, TLS, log-in); its connection's two streams are used directly, which
`tests/state/test_pipe.py` guards.

A request that has no answer after its budget fails; if nothing has come `PATIENCE_S` later, or if for `POOR_S` nothing
came in time, the connection is given up. Time in which this process itself was late does not count, up to ten budgets.
While there is no connection requests fail at once, and one task tries again every `rest_s`; a new connection is used
once it has answered a first command within the budget: a circuit breaker (Nygard, Release It!, 2007) whose trial
request is nobody's. After one that was given up again within `STEADY_S` the next attempt waits, longer each time.
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
POOR_S = 0.25
STEADY_S = 2.0
MOST_REST_S = 1.0
MOST_BUDGETS = 10
_READ_BYTES = 256 * 1024
# uvloop says RuntimeError where a connection ended while redis-py was writing to it
_NOT_CONNECTED = (RedisError, OSError, EOFError, RuntimeError)
_PING = hiredis.pack_command((b"PING",))


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
        self._pause_s = 0.0

    def connect(self) -> None:
        """Begin to connect, so that the first request need not wait for it."""
        if (self._connecting is None or self._connecting.done()) and self._link is None and not self._closed:
            self._connecting = asyncio.create_task(self._connect(), name="connect to Redis")

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
        """The connection; the first requests of a process wait for it a little, later ones do not."""
        self.connect()
        if not self._failed:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._connected.wait(), self._budget_s)
        if self._link is None:
            raise Unavailable("Redis is away; connecting is tried again all the time")
        return self._link

    async def _connect(self) -> None:
        """Try until it succeeds."""
        await asyncio.sleep(self._pause_s)
        while (link := await self._attempt()) is None:
            self._failed = True
            self._connected.set()
            await asyncio.sleep(self._rest_s)
        self._link, self._failed = link, False
        self._connected.set()
        self._connecting = None

    async def _attempt(self) -> _Link | None:
        """A connection that has answered within the budget, or none."""
        connection: AbstractConnection = self._pool.make_connection()  # type: ignore[no-untyped-call]
        try:
            async with asyncio.timeout(CONNECT_S):
                await connection.connect()  # type: ignore[no-untyped-call]
        except _NOT_CONNECTED:
            with suppress(*_NOT_CONNECTED):
                await connection.disconnect(nowait=True)
            return None
        link = _Link(connection, self._budget_s, self._broken)
        try:
            answer = await link.ask(_PING)
        except BaseException as error:
            await link.close()
            if isinstance(error, Unavailable):
                return None
            raise
        if link.open and not isinstance(answer, Exception):
            return link
        await link.close()
        return None

    def _broken(self, lived_s: float, *, slow: bool) -> None:
        """The connection ended, or was given up as too slow, after so long."""
        self._link, self._failed = None, True
        if slow and lived_s < STEADY_S:
            self._pause_s = min(MOST_REST_S, max(self._rest_s, 2 * self._pause_s))
        else:
            self._pause_s = 0.0
        self.connect()


class _Link:
    """One connection, and those who wait for an answer on it, in order."""

    def __init__(self, connection: AbstractConnection, budget_s: float, broken: Any) -> None:
        self._connection, self._budget_s, self._broken = connection, budget_s, broken
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[asyncio.Future[Any], float]] = deque()
        self._unsent: list[bytes] = []
        self._watching: asyncio.TimerHandle | None = None
        self._began = self._loop.time()
        self._poor_since: float | None = None
        self.open = True
        self._receiving = asyncio.create_task(self._receive(), name="answers of Redis")

    def ask(self, packed: bytes) -> asyncio.Future[Any]:
        """Send a command, with others of this turn of the loop; the future gives the answer or `Unavailable`."""
        answer: asyncio.Future[Any] = self._loop.create_future()
        if not self.open:
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
        if not self.open or writer is None:
            return
        if writer.transport.is_closing():  # it was reset, and nobody has read that yet
            self._end("the connection to Redis has just ended")
        else:
            writer.write(b"".join(unsent))

    async def _receive(self) -> None:
        parser, reader, waiting = hiredis.Reader(), self._connection._reader, self._waiting  # noqa: SLF001  # see above
        assert reader is not None  # it is connected
        with suppress(OSError, hiredis.ProtocolError):
            while part := await reader.read(_READ_BYTES):
                parser.feed(part)
                while self.open and (answer := parser.gets()) is not False:
                    asked, _ = waiting.popleft()
                    if not asked.done():
                        self._poor_since = None
                        asked.set_result(answer)
        self._end("Redis ended the connection")
        with suppress(*_NOT_CONNECTED):
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
                self._end("Redis does not answer", slow=True)
                return
            if self._expire(now - self._budget_s) and self._poor(now):
                self._end("Redis does not answer in time", slow=True)
                return
        self._watching = self._loop.call_later(TICK_S, self._watch, now + TICK_S)

    def _poor(self, now: float) -> bool:
        """Whether nothing has come in time since the first that did not, long ago."""
        return self._poor_since is not None and now - self._poor_since > POOR_S

    def _expire(self, before: float) -> bool:
        """Fail who asked before that, if any did; they keep their places, as their answers may still come."""
        failed = False
        for asked, since in self._waiting:
            if since >= before:
                break
            if not asked.done():
                self._poor_since = self._poor_since or self._loop.time()
                failed = True
                asked.set_exception(Unavailable(f"Redis did not answer within {self._budget_s * 1000:.0f} ms"))
        return failed

    def _end(self, reason: str, *, slow: bool = False) -> None:
        if not self.open:
            return
        self.open = False
        if self._watching is not None:
            self._watching.cancel()
        for asked, _ in self._waiting:
            if not asked.done():
                asked.set_exception(Unavailable(reason))
        self._waiting.clear()
        writer = self._connection._writer  # noqa: SLF001  # see above
        if writer is not None:
            writer.transport.abort()  # which ends the receiving, too
        self._broken(self._loop.time() - self._began, slow=slow)
