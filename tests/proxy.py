"""A TCP proxy that does to a connection what networks do: delay, silence, reset, slices of a byte."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self

CHUNK_BYTES = 65_536
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of zero seconds: close sends RST


class ToxicProxy:
    """Listens on loopback and passes everything on to `upstream` (`host:port`); the faults may be changed at any time.

    latency_s : every piece is passed on so much later
    slice_bytes : pieces are passed on in slices of at most this size; 0 is as they come
    blackhole : connections stay open and are accepted, nothing passes in either direction
    """

    def __init__(self, upstream: str, *, port: int = 0) -> None:
        host, _, upstream_port = upstream.rpartition(":")
        self._upstream = (host, int(upstream_port))
        self._port = port
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], tuple[asyncio.StreamWriter, ...]] = {}
        self._open = asyncio.Event()
        self._open.set()
        self.latency_s = 0.0
        self.slice_bytes = 0

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.refuse()

    @property
    def url(self) -> str:
        """`host:port` to connect to."""
        return f"127.0.0.1:{self._port}"

    @property
    def blackhole(self) -> bool:
        return not self._open.is_set()

    @blackhole.setter
    def blackhole(self, on: bool) -> None:
        if on:
            self._open.clear()
        else:
            self._open.set()

    async def listen(self) -> None:
        """Accept connections; undoes `refuse`."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Reset all connections and accept no new ones."""
        if self._server is not None:
            self._server.close()
            await self.reset()
            await self._server.wait_closed()
            self._server = None

    async def reset(self) -> None:
        """Reset all connections, on both sides."""
        tasks = list(self._connections)
        for writers in list(self._connections.values()):
            for writer in writers:
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                writer.transport.abort()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = (writer,)
        try:
            upstream_reader, upstream_writer = await asyncio.open_connection(*self._upstream)
            self._connections[task] = (writer, upstream_writer)
            with contextlib.suppress(OSError):
                await asyncio.gather(self._pass(reader, upstream_writer), self._pass(upstream_reader, writer))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for each in self._connections.pop(task):
                each.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(CHUNK_BYTES):
            await self._open.wait()
            if self.latency_s:
                await asyncio.sleep(self.latency_s)
            for slice_ in self._slices(piece):
                writer.write(slice_)
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.write_eof()

    def _slices(self, piece: bytes) -> list[bytes]:
        size = self.slice_bytes or len(piece)
        return [piece[at : at + size] for at in range(0, len(piece), size)]


class ProxyThread:
    """A `ToxicProxy` in a thread of its own, for tests that wait in other ways than by an event loop."""

    def __init__(self, upstream: str, *, port: int = 0) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="toxic-proxy", daemon=True)
        self._proxy = ToxicProxy(upstream, port=port)

    def __enter__(self) -> Self:
        self._thread.start()
        self.listen()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.set(blackhole=False)
        self.refuse()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    @property
    def url(self) -> str:
        return self._proxy.url

    def listen(self) -> None:
        self._do(self._proxy.listen())

    def refuse(self) -> None:
        self._do(self._proxy.refuse())

    def reset(self) -> None:
        self._do(self._proxy.reset())

    def set(self, **faults: Any) -> None:
        """Set attributes of the proxy: `latency_s`, `slice_bytes`, `blackhole`."""

        async def apply() -> None:
            for name, value in faults.items():
                setattr(self._proxy, name, value)

        self._do(apply())

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)
