"""The toxic proxy does each of its faults."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from tests.proxy import ToxicProxy


@pytest.fixture
async def pieces() -> list[int]:
    """The sizes of the pieces in which the echo server received what was sent."""
    return []


@pytest.fixture
async def proxy(pieces: list[int]) -> AsyncIterator[ToxicProxy]:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while said := await reader.read(100):
            pieces.append(len(said))
            writer.write(said)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    async with server, ToxicProxy(f"{host}:{port}") as toxic:
        yield toxic


async def connect(proxy: ToxicProxy) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = proxy.url.partition(":")
    return await asyncio.open_connection(host, int(port))


async def echoed(proxy: ToxicProxy, said: bytes) -> bytes:
    reader, writer = await connect(proxy)
    writer.write(said)
    try:
        return await reader.readexactly(len(said))
    finally:
        writer.close()


async def test_without_faults_everything_passes(proxy: ToxicProxy) -> None:
    said = bytes(range(256)) * 4000
    assert await echoed(proxy, said) == said


async def test_the_end_of_a_stream_passes(proxy: ToxicProxy) -> None:
    reader, writer = await connect(proxy)
    writer.write(b"last words")
    writer.write_eof()
    assert await reader.read() == b"last words"
    writer.close()


async def test_latency(proxy: ToxicProxy) -> None:
    proxy.latency_s = 0.05
    start = time.perf_counter()
    assert await echoed(proxy, b"hello") == b"hello"
    assert time.perf_counter() - start >= 0.1


async def test_slices(proxy: ToxicProxy, pieces: list[int]) -> None:
    proxy.slice_bytes = 1
    assert await echoed(proxy, b"hello") == b"hello"
    assert sum(pieces) == 5


async def test_slices_arrive_one_by_one(proxy: ToxicProxy) -> None:
    proxy.slice_bytes = 2
    assert proxy._slices(b"hello") == [b"he", b"ll", b"o"]


async def test_a_blackhole_swallows_until_it_is_lifted(proxy: ToxicProxy) -> None:
    proxy.blackhole = True
    waiting = asyncio.create_task(echoed(proxy, b"hello"))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(waiting), 0.1)
    proxy.blackhole = False
    assert await waiting == b"hello"


async def test_reset(proxy: ToxicProxy) -> None:
    reader, writer = await connect(proxy)
    writer.write(b"hello")
    assert await reader.readexactly(5) == b"hello"
    await proxy.reset()
    with pytest.raises(ConnectionResetError):
        await reader.read(1)
    writer.close()
    assert await echoed(proxy, b"again") == b"again"


async def test_refused_and_back_at_the_same_port(proxy: ToxicProxy) -> None:
    await proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        await connect(proxy)
    await proxy.listen()
    assert await echoed(proxy, b"back") == b"back"


async def test_an_upstream_that_is_away() -> None:
    async with ToxicProxy("127.0.0.1:1") as proxy:
        reader, writer = await connect(proxy)
        assert await reader.read() == b""
        writer.close()
