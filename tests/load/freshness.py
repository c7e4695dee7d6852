"""How long after its acknowledgement an event is visible: seen by this process, which polls shelves over HTTP.

1,000 events a second in an open loop, straight into Kafka or by `POST /v1/events`; every 25th is the first event of a
new visitor, whose shelf is asked for again and again, without `min_fresh`, until it knows that event. Each way in is
warmed up with the same load before it is measured.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import orjson
from confluent_kafka import Producer

from stream.topics import TOPICS, partition_of
from tests.load.clicks import GRANTED
from tests.load.figures import Figure, Say, latencies
from tests.load.stand import PARTITIONS, PUBLISHABLE, Stand, wait_for
from tests.load.wire import Wires, get, paced, post, run

NAME = "freshness"
GOALS = {"p50": 30.0, "p99": 100.0}
SAMPLED = 25
BATCH = 10
WARM_UP_S = 5.0
PAUSE_S = 0.001
PATIENCE_S = 5.0
_VISITORS, _ITEMS = 5_000, 2_000


def bench(stand: Stand, say: Say, *, rate: int = 1_000, seconds: float = 20.0) -> list[Figure]:
    """Both ways in."""
    stand.empty()
    figures: list[Figure] = []
    with stand.process("stream.app") as worker, stand.serving() as (_, port):
        ways: dict[str, Callable[..., Any]] = {
            "Kafka": partial(_through_kafka, stand, rate=rate),
            "HTTP": partial(_through_http, rate=rate),
        }
        for turn, (way, load) in enumerate(ways.items()):
            run(_first_events(port, turn))
            wait_for(worker, lambda: all(stand.positions("events")), "every partition is worked on")
            run(_watched(port, 10 + turn, partial(load, seconds=WARM_UP_S)))
            seen_ms = run(_watched(port, turn, partial(load, seconds=seconds)))
            figures += (made := latencies(NAME, f"{way}, {rate:,} events/s", seen_ms, GOALS))
            figures.append(Figure(NAME, f"{way}, events watched", len(seen_ms), "events"))
            say(f"{way}: " + ", ".join(f"{one.name.rpartition(' ')[2]} {one.value} ms" for one in made))
    return figures


class Watch:
    """Polls the shelves of visitors whose event was acknowledged."""

    def __init__(self, wires: Wires) -> None:
        self.wires = wires
        self.seen_ms: list[float] = []
        self._loop = asyncio.get_running_loop()
        self._open = 0

    def acknowledged(self, visitor: str, at: float) -> None:
        """`at` by the loop's clock."""
        self._open += 1
        request = get(f"/v1/recommendations/recently_viewed?n=1&visitor_id={visitor}", PUBLISHABLE)

        def answered(status: int, body: bytes) -> None:
            after = self._loop.time() - at
            if status == 200 and b'"fresh_to":{"occurred_at":null' not in body:
                self.seen_ms.append(after * 1000)
                self._open -= 1
            elif status != 200 or after > PATIENCE_S:
                self._open -= 1
                self.seen_ms.append(PATIENCE_S * 1000)
            else:
                self._loop.call_later(PAUSE_S, self.wires.ask, request, answered)

        self.wires.ask(request, answered)

    async def over(self) -> None:
        while self._open:
            await asyncio.sleep(0.01)


async def _first_events(port: int, turn: int) -> None:
    """Some for every partition, so that the worker's start is not measured."""
    events, wires = _Events(turn + 100), await Wires.open(port, 1)
    told: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    body = b",".join(events.make(number)[1] for number in range(100))
    request = post("/v1/events", PUBLISHABLE, b'{"events":[' + body + b"]}")
    wires.ask(request, lambda status, _: told.set_result(status))
    if await told != 202:
        raise AssertionError("the first events were not taken")
    wires.close()


async def _watched(port: int, turn: int, load: Callable[..., Any]) -> list[float]:
    watch = Watch(await Wires.open(port, 64))
    await load(watch, turn=turn)
    await watch.over()
    watch.wires.close()
    return watch.seen_ms


class _Events:
    """Made events; every `SAMPLED`th is of a new visitor who is watched."""

    def __init__(self, turn: int) -> None:
        self._rng, self._turn = random.Random(turn), turn

    def make(self, number: int) -> tuple[str, bytes, bool]:
        """(visitor id, event, whether it is watched)."""
        watched = number % SAMPLED == 0
        visitor = f"new-{self._turn}-{number}" if watched else f"known-{self._rng.randrange(_VISITORS)}"
        event = {
            "event_id": f"f{self._turn}-{number}",
            "event": "view_item",
            "occurred_at": int(time.time() * 1000),
            "visitor_id": visitor,
            "consent": GRANTED,
            "items": [{"item_id": f"i{int(self._rng.paretovariate(0.7)) % _ITEMS}"}],
        }
        return visitor, orjson.dumps(event), watched


async def _through_kafka(stand: Stand, watch: Watch, *, rate: int, seconds: float, turn: int) -> None:
    """Produce as a shop does; the moment of the acknowledgement is taken in librdkafka's thread."""
    producer = Producer({"bootstrap.servers": stand.settings.broker_url, "linger.ms": 2, "enable.idempotence": True})
    loop, topic, count = asyncio.get_running_loop(), TOPICS["events"].name, int(rate * seconds)
    events, open_ = _Events(turn), threading.Event()

    def send(number: int, _: float) -> None:
        visitor, value, watched = events.make(number)

        def delivered(error: Any, __: Any) -> None:
            if error is None and watched:
                loop.call_soon_threadsafe(watch.acknowledged, visitor, time.monotonic())

        key = visitor.encode()
        producer.produce(topic, value, key, partition_of(key, PARTITIONS), on_delivery=delivered)

    def serve() -> None:
        while not open_.is_set():
            producer.poll(0.1)

    thread = threading.Thread(target=serve, name="acks", daemon=True)
    thread.start()
    try:
        await paced(rate, count, send)
        await asyncio.to_thread(producer.flush, 10)
        await asyncio.sleep(0)
    finally:
        open_.set()
        thread.join(5)


async def _through_http(watch: Watch, *, rate: int, seconds: float, turn: int) -> None:
    """Ten events a request; an event is acknowledged when its 202 is here."""
    loop, count, left = asyncio.get_running_loop(), int(rate * seconds / BATCH), asyncio.Event()
    events, answered_count = _Events(turn), 0

    def send(number: int, _: float) -> None:
        made = [events.make(number * BATCH + n) for n in range(BATCH)]
        body = b'{"events":[' + b",".join(event for _, event, _ in made) + b"]}"

        def answered(status: int, told: bytes) -> None:
            nonlocal answered_count
            if status != 202:
                raise AssertionError(f"{status} {told[:300]!r}")
            at = loop.time()
            for visitor, _, watched in made:
                if watched:
                    watch.acknowledged(visitor, at)
            answered_count += 1
            if answered_count == count:
                left.set()

        watch.wires.ask(post("/v1/events", PUBLISHABLE, body), answered)

    await paced(rate / BATCH, count, send)
    await asyncio.wait_for(left.wait(), PATIENCE_S)
