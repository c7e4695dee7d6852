"""Serving's reader: many requests on one connection, each with its budget, and no waiting for a Redis that is away."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
import uvloop

from stream.fold import Writes
from stream.state.keys import Keys, Tag
from stream.state.pipe import Pipe
from stream.state.redis import RedisStore
from stream.state.store import Unavailable
from tests.backends import RedisServer
from tests.proxy import ToxicProxy

TAG = Tag("events", 0)
KEYS = Keys("t")
BUDGET_S = 0.1


@pytest.fixture
async def pipe(empty_redis: RedisServer) -> AsyncIterator[Pipe]:
    store = RedisStore(empty_redis.url, KEYS)
    values = {f"v{n}": (b"%d" % n, 0) for n in range(200)}
    await store.commit(
        TAG, None, "t/1/1", Writes({"a": (b"1", 0), "b": (b"\xff", 0), "big": (b"x" * 200_000, 0), **values})
    )
    await store.close()
    made = Pipe(empty_redis.url, budget_s=BUDGET_S, rest_s=0.05)
    await back(made)
    yield made
    await made.close()


def full(*short: str) -> list[str]:
    return [KEYS.value(TAG, key) for key in short]


async def back(pipe: Pipe, value: bytes | None = b"1") -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                assert await pipe.mget(full("a")) == [value]
            except Unavailable:
                await asyncio.sleep(0.01)
            else:
                return


async def test_values_come_in_the_order_asked(pipe: Pipe) -> None:
    assert await pipe.mget(full("b", "none", "a", "position")) == [b"\xff", None, b"1", b"t/1/1"]


async def test_keys_are_found_by_pattern(pipe: Pipe) -> None:
    assert sorted(await pipe.find("t:{events:0}:?")) == full("a", "b")
    assert len(await pipe.find("t:{events:0}:v*")) == 200


async def test_many_at_once_get_each_their_own_answer(pipe: Pipe) -> None:
    asked = [full(f"v{n}", "big" if n % 50 == 0 else "none") for n in range(200)]
    answers = await asyncio.gather(*[pipe.mget(keys) for keys in asked])
    assert [answer[0] for answer in answers] == [b"%d" % n for n in range(200)]


async def test_one_who_gives_up_does_not_shift_the_others_answers(pipe: Pipe) -> None:
    await pipe.mget(full("a"))
    waiting = [asyncio.create_task(pipe.mget(full(f"v{n}"))) for n in range(20)]
    await asyncio.sleep(0)
    for task in waiting[::2]:
        task.cancel()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert [answer for answer in answers if isinstance(answer, list)] == [[b"%d" % n] for n in range(1, 20, 2)]


async def test_a_refusal_fails_its_own_request_only(pipe: Pipe) -> None:
    refused, answered = await asyncio.gather(pipe.mget([]), pipe.mget(full("a")), return_exceptions=True)
    assert isinstance(refused, Unavailable)
    assert answered == [b"1"]


async def test_a_redis_that_hangs_costs_the_budget_once_and_then_nothing(pipe: Pipe, empty_redis: RedisServer) -> None:
    await pipe.mget(full("a"))
    empty_redis.pause()
    try:
        began = time.monotonic()
        with pytest.raises(Unavailable):
            await pipe.mget(full("a"))
        assert BUDGET_S / 2 < time.monotonic() - began < 4 * BUDGET_S
        await asyncio.sleep(BUDGET_S)
        began = time.monotonic()
        for _ in range(20):
            with pytest.raises(Unavailable):
                await pipe.mget(full("a"))
        assert time.monotonic() - began < BUDGET_S
    finally:
        empty_redis.resume()
    await back(pipe)


async def test_a_short_hang_costs_those_who_wait_but_not_the_connection(
    pipe: Pipe, empty_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.state.pipe.PATIENCE_S", 30.0)
    await pipe.mget(full("a"))
    link = pipe._link
    empty_redis.pause()
    with pytest.raises(Unavailable):
        await pipe.mget(full("a"))
    waiting = asyncio.create_task(pipe.mget(full("b")))
    await asyncio.sleep(0)
    empty_redis.resume()
    assert await waiting == [b"\xff"]
    assert pipe._link is link


async def test_a_redis_that_was_restarted_is_found_again(pipe: Pipe, empty_redis: RedisServer) -> None:
    await pipe.mget(full("a"))
    empty_redis.kill()
    with pytest.raises(Unavailable):
        await pipe.mget(full("a"))
    empty_redis.start()
    again = Pipe(empty_redis.url)
    await back(again)
    await again.close()


async def test_time_in_which_this_process_was_late_does_not_count(pipe: Pipe) -> None:
    await pipe.mget(full("a"))
    asked = asyncio.create_task(pipe.mget(full("a")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    time.sleep(3 * BUDGET_S)  # noqa: ASYNC251  # the loop is busy with something else
    assert await asked == [b"1"]


async def test_without_a_redis_requests_fail_and_closing_ends_the_attempts() -> None:
    pipe = Pipe("redis://127.0.0.1:9/0")
    for _ in range(3):
        with pytest.raises(Unavailable):
            await pipe.mget(["a"])
    await pipe.close()
    with pytest.raises(Unavailable):
        await pipe.mget(["a"])


async def test_closing_fails_those_who_wait(pipe: Pipe, empty_redis: RedisServer) -> None:
    await pipe.mget(full("a"))
    empty_redis.pause()
    try:
        asked = asyncio.create_task(pipe.mget(full("a")))
        await asyncio.sleep(0)
        await pipe.close()
        with pytest.raises(Unavailable):
            await asked
    finally:
        empty_redis.resume()


async def test_a_redis_that_is_always_late_soon_costs_nothing(pipe: Pipe, empty_redis: RedisServer) -> None:
    """Each answer comes before the connection would be given up, but none within the budget."""
    url = empty_redis.url.removeprefix("redis://").removesuffix("/0")
    async with ToxicProxy(url) as proxy:
        late = Pipe(f"redis://{proxy.url}/0", budget_s=0.05, rest_s=0.05)
        await back(late)
        proxy.latency_s = 0.04  # each way
        async with asyncio.timeout(20):
            while True:
                began = time.monotonic()
                with suppress(Unavailable):
                    await late.mget(full("a"))
                if time.monotonic() - began < 0.02:
                    break
        proxy.latency_s = 0
        await back(late)
        await late.close()


async def test_what_is_connected_before_the_first_request_is_used_by_it(empty_redis: RedisServer) -> None:
    eager = Pipe(empty_redis.url, budget_s=BUDGET_S)
    eager.connect()
    await asyncio.wait_for(eager._connected.wait(), 5)
    link = eager._link
    assert await eager.mget(["nothing"]) == [None]
    assert eager._link is link
    await eager.close()


async def test_a_redis_that_accepts_and_never_answers_costs_a_new_process_the_budget_at_most(
    empty_redis: RedisServer,
) -> None:
    async with ToxicProxy(empty_redis.url.removeprefix("redis://").removesuffix("/0")) as proxy:
        proxy.blackhole = True
        blind = Pipe(f"redis://{proxy.url}/0", budget_s=BUDGET_S, rest_s=0.05)
        began = time.monotonic()
        with pytest.raises(Unavailable):
            await blind.mget(["a"])
        assert time.monotonic() - began < 5 * BUDGET_S
        proxy.blackhole = False
        async with asyncio.timeout(20):
            while blind._link is None:
                await asyncio.sleep(0.01)
        assert await blind.mget(["a"]) == [None]
        await blind.close()


def test_resets_all_the_time_cost_requests_and_nothing_else(empty_redis: RedisServer) -> None:
    """As in production, on uvloop, whose closed connections refuse to be written to."""
    uvloop.run(resets(empty_redis.url.removeprefix("redis://").removesuffix("/0")))


async def resets(redis: str) -> None:
    async with ToxicProxy(redis) as proxy:
        resetting = Pipe(f"redis://{proxy.url}/0", budget_s=BUDGET_S, rest_s=0.01)
        broken: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: broken.append(context))
        await back(resetting, None)
        link = resetting._link
        assert link is not None
        link._connection._writer.transport.abort()  # type: ignore[union-attr]  # reset, before anybody has read that
        with pytest.raises(Unavailable, match="ended"):
            await resetting.mget(["a"])
        answered = 0
        for number in range(100):
            asked = [asyncio.create_task(resetting.mget([f"{number}-{n}"])) for n in range(3)]
            if number % 3 == 0:
                await asyncio.sleep(0)
                await proxy.reset()
            answers = await asyncio.gather(*asked, return_exceptions=True)
            answered += sum(isinstance(one, list) for one in answers)
            assert all(isinstance(one, list | Unavailable) for one in answers)
            await asyncio.sleep(0.002)
        assert answered > 0
        await back(resetting, None)
        await resetting.close()
        assert broken == []


def test_a_server_that_closes_at_once_is_tried_again_until_it_does_not(empty_redis: RedisServer) -> None:
    """As a proxy does whose Redis is away; some ends come while redis-py is writing."""
    uvloop.run(closed(empty_redis.url.removeprefix("redis://").removesuffix("/0")))


async def closed(redis: str) -> None:
    tried = 0

    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal tried
        tried += 1
        if tried % 3 == 0:
            await asyncio.sleep(0)
        if tried % 2:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    server = await asyncio.start_server(close, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    pipe = Pipe(f"redis://127.0.0.1:{port}/0", budget_s=BUDGET_S, rest_s=0.001)
    pipe.connect()
    async with asyncio.timeout(30):
        while tried < 200:
            await asyncio.sleep(0.01)
    server.close()
    await server.wait_closed()
    async with ToxicProxy(redis, port=port):
        await back(pipe, None)
        await pipe.close()
