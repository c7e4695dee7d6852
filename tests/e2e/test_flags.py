"""A demand flag follows the events that cause it, through a real Kafka and Redis, on an answer and on a shelf."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.backends import KafkaServer, RedisServer
from tests.e2e.system import GRANTED, Running
from tests.faults.api import serving
from tests.faults.deployment import Deployment

DAY_MS = 86_400_000
SANE_S = 10.0
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def deployment(empty_kafka: KafkaServer, empty_redis: RedisServer, tmp_path: Path) -> Iterator[Deployment]:
    made = Deployment(empty_kafka, empty_redis, tmp_path)
    yield made
    made.stop()


@pytest.fixture
def live(deployment: Deployment, tmp_path: Path) -> Iterator[Running]:
    """A worker and the API on the deployment."""
    deployment.start_worker()
    with serving(deployment, tmp_path) as running:
        yield running


def order(visitor: str, at: int) -> dict[str, Any]:
    return {
        "event_id": f"{visitor}-{at}",
        "event": "purchase",
        "occurred_at": at,
        "sent_at": at,
        "received_at": at,
        "visitor_id": visitor,
        "consent": GRANTED,
        "items": [{"item_id": "a", "quantity": 1}],
        "transaction_id": f"{visitor}-{at}",
    }


def flags(live: Running) -> list[str]:
    status, answer = live.call("GET", "/v1/offers?item_id=a")
    assert status == 200, answer
    return [one["flag"] for one in answer["items"][0]["flags"]]


def on_a_shelf(live: Running) -> list[str]:
    shown = {one["item_id"]: one for one in live.shelf("trending", "somebody")["items"]}
    return [one["flag"] for one in shown.get("a", {}).get("flags", ())]


async def test_a_flag_is_there_within_seconds_of_the_order_that_makes_it(deployment: Deployment, live: Running) -> None:
    status, answer = live.call(
        "PUT", "/v1/catalog/items", {"items": [{"item_id": "a", "title": "A"}]}, key="secret_key"
    )
    assert status == 200, answer
    now = int(time.time() * 1000)
    await deployment.produce([order(f"day {day}", now - day * DAY_MS) for day in range(12, 1, -1)])
    await deployment.drained()
    for n in range(8):
        live.view(f"looks {n}", "a")
    assert flags(live) == on_a_shelf(live) == []

    orders = [{**order(f"v{n}", int(time.time() * 1000) - n), "received_at": None} for n in range(12)]
    body = orjson.dumps({"events": [{k: v for k, v in one.items() if v is not None} for one in orders]})
    status, answer = live.call("POST", "/v1/events", raw=body, key="secret_key")
    assert status == 202, answer
    began, took = time.monotonic(), dict[str, float]()
    while len(took) < 2:
        for place, told in (("offers", flags(live)), ("shelf", on_a_shelf(live))):
            if told == ["selling_fast"]:
                took.setdefault(place, time.monotonic() - began)
        assert time.monotonic() - began < SANE_S, took
        await asyncio.sleep(0.02)
    print(
        "flags after",
        {place: f"{seconds:.2f} s" for place, seconds in took.items()},
        f"(load {os.getloadavg()[0]:.1f})",
    )
