"""Consent and erasure on a real Kafka and a real Redis, while workers are killed and Redis comes back older."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stream.tokens import pseudonym
from tests.e2e.system import Running, event
from tests.faults.api import serving
from tests.faults.deployment import Deployment

pytestmark = pytest.mark.timeout(300)
ME, SECRET_ITEM = "erased-visitor-7f3a", "only-this-visitor-looked-at-it"
SAME = ("status", "items", "fresh_to", "placement")


@pytest.fixture
def live(deployment: Deployment, tmp_path: Path) -> Iterator[Running]:
    deployment.start_worker()
    with serving(deployment, tmp_path) as running:
        stock = [{"item_id": f"i{n}", "title": f"Item {n}"} for n in range(20)]
        stock.append({"item_id": SECRET_ITEM, "title": "A thing"})
        assert running.call("PUT", "/v1/catalog/items", {"items": stock}, key="secret_key")[0] == 200
        yield running


def is_as_never_seen(live: Running, visitor: str = ME) -> bool:
    mine, never = [live.shelf("recently_viewed", who, item_ids=["i1"]) for who in (visitor, "never-seen")]
    return {key: mine[key] for key in SAME} == {key: never[key] for key in SAME}


def sees(live: Running, item: str) -> bool:
    return item in {one["item_id"] for one in live.shelf("recently_viewed", ME)["items"]}


async def until(true: Any, what: str, within_s: float = 30) -> float:
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < within_s, what
        await asyncio.sleep(0.02)
    return time.monotonic() - began


@pytest.mark.parametrize("way", ["route", "event"])
async def test_a_withdrawal_with_the_workers_stopped(deployment: Deployment, live: Running, way: str) -> None:
    live.view(ME, SECRET_ITEM)
    await until(lambda: sees(live, SECRET_ITEM), "the view is known")
    deployment.kill_worker(deployment.workers[-1])
    no = {"personalization": False}
    if way == "route":
        status, answer = live.call("PUT", f"/v1/visitors/{ME}/consent", no)
    else:
        status, answer = live.call("POST", "/v1/events", event("page_view", ME, consent=no))
    assert status in {200, 202}, answer
    assert await until(lambda: is_as_never_seen(live), "the withdrawal does not hold") < 2
    deployment.start_worker()
    await deployment.drained()
    assert is_as_never_seen(live)


async def test_erased_in_the_middle_of_load_with_a_worker_killed(
    deployment: Deployment, live: Running, tmp_path: Path
) -> None:
    live.view(ME, SECRET_ITEM)
    await deployment.drained()
    backup = deployment.redis.backup()
    loading = asyncio.create_task(load(deployment, seconds=6))
    await asyncio.sleep(2)
    status, erasing = await asyncio.to_thread(live.call, "DELETE", f"/v1/visitors/{ME}", key="secret_key")
    deployment.kill_worker(deployment.workers[-1])
    assert status in {200, 202}, erasing
    assert is_as_never_seen(live)
    await loading
    if status == 202:  # killed before it had passed the erasure
        assert live.call("GET", erasing["at"])[1]["status"] == "erasing"
    deployment.start_worker()
    await deployment.drained()
    receipt = live.call("GET", erasing["at"])[1] if status == 202 else erasing
    assert (receipt["status"], receipt["epoch"]) == ("erased", 1)
    assert receipt["raw_records_until"] > receipt["completed_at"]
    nothing_is_left(deployment, tmp_path)

    flush(deployment)  # a full replay: nothing but the log
    deployment.kill_worker(deployment.workers[-1])
    deployment.start_worker()
    await deployment.drained()
    nothing_is_left(deployment, tmp_path)
    assert is_as_never_seen(live)

    deployment.kill_worker(deployment.workers[-1])
    deployment.redis.restart_from(backup)  # in which the visitor still is
    await until(lambda: answers(live), "the API answers again")
    assert not sees(live, SECRET_ITEM)
    deployment.start_worker()
    await until(lambda: live.shelf("recently_viewed", ME)["status"] != "degraded", "level again")
    assert is_as_never_seen(live)
    await deployment.drained()
    nothing_is_left(deployment, tmp_path)
    assert [one.key for report in await deployment.rebuilt() for one in report.different] == []


async def load(deployment: Deployment, *, seconds: float, a_second: int = 500) -> None:
    """Events of the visitor, each with consent in it, straight into Kafka."""
    for _ in range(int(seconds * 10)):
        began = time.monotonic()
        await deployment.produce([event("view_item", ME, SECRET_ITEM) for _ in range(a_second // 10)])
        await asyncio.sleep(max(0.0, 0.1 - (time.monotonic() - began)))


def answers(live: Running) -> bool:
    try:
        return live.call("POST", "/v1/recommendations/trending", {})[0] == 200
    except OSError:
        return False


def flush(deployment: Deployment) -> None:
    subprocess.run(["redis-cli", "-u", deployment.redis.url, "flushall"], check=True, capture_output=True)


def nothing_is_left(deployment: Deployment, folder: Path) -> None:
    """The raw content of Redis and every log line: only the tombstone names the pseudonym, nothing the visitor."""
    pid = pseudonym(b"faults", ME)
    command = ["redis-cli", "-u", deployment.redis.url]
    keys = subprocess.run([*command, "keys", "*"], check=True, capture_output=True, text=True).stdout.split()
    assert {key.partition("}:")[2] for key in keys if pid in key} <= {f"visitor:{pid}", f"privacy:{pid}"}
    for key in keys:
        kind = subprocess.run([*command, "type", key], check=True, capture_output=True, text=True).stdout.strip()
        read = ["zrange", key, "0", "-1"] if kind == "zset" else ["get", key]
        value = subprocess.run([*command, *read], check=True, capture_output=True).stdout
        assert ME.encode() not in value + key.encode()
        assert pid.encode() not in value
        if pid in key:
            assert SECRET_ITEM.encode() not in value
    for log in folder.glob("*.log"):
        assert ME not in log.read_text(errors="replace"), log
