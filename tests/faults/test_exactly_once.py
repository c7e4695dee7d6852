"""Faults in the middle of load, on a real Kafka and a real Redis: nothing lost, nothing doubled.

The judge keeps what was acknowledged, compares ids, and counts again what every event must have taught.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time

import pytest

from tests.backends import RedisServer
from tests.faults.deployment import Deployment, shoppers

pytestmark = pytest.mark.timeout(600)
BETWEEN = 20_000


async def until_past(deployment: Deployment, events: int, within_s: float = 60) -> None:
    """Wait until the visitor agent is past so many records."""
    end = time.monotonic() + within_s
    while await deployment.applied() < events:
        assert time.monotonic() < end, f"not past {events} within {within_s} s: {deployment.logs()}"
        deployment.restart_what_left()
        await asyncio.sleep(0.1)


async def test_a_worker_is_killed_three_times(deployment: Deployment) -> None:
    for kill in range(3):
        worker = deployment.start_worker()
        producing = asyncio.create_task(deployment.produce(shoppers(kill, BETWEEN)))
        await until_past(deployment, kill * BETWEEN + BETWEEN // 2)
        deployment.kill_worker(worker)
        await producing
    deployment.start_worker()
    await deployment.drained()
    outcomes = await deployment.judge()
    assert outcomes["applied"] > 2.5 * BETWEEN
    assert outcomes["duplicates"] > 0


async def test_a_stalled_owner_comes_back(deployment: Deployment) -> None:
    stalled = deployment.start_worker()
    producing = asyncio.create_task(deployment.produce(shoppers(1, BETWEEN)))
    await until_past(deployment, 2_000)
    stalled.send_signal(signal.SIGSTOP)
    deployment.start_worker()
    await producing
    await until_past(deployment, len(deployment.acknowledged))
    stalled.send_signal(signal.SIGCONT)
    await deployment.produce(shoppers(2, 2_000))
    await deployment.drained()
    await deployment.judge()


async def test_redis_restarts(deployment: Deployment) -> None:
    worker = deployment.start_worker()
    producing = asyncio.create_task(deployment.produce(shoppers(1, BETWEEN)))
    await until_past(deployment, 3_000)
    deployment.redis.kill()
    await asyncio.sleep(1)
    deployment.redis.start()
    answered = time.monotonic()
    before = await deployment.applied()
    await until_past(deployment, before + 1)
    assert time.monotonic() - answered < 20, "recovery took longer than a sanity bound"
    await producing
    await deployment.drained()
    await deployment.judge()
    assert worker.poll() in {None, 75}


async def test_redis_comes_back_without_its_last_seconds(deployment: Deployment) -> None:
    deployment.start_worker()
    await deployment.produce(shoppers(1, 5_000))
    await deployment.drained()
    backup = deployment.redis.backup()
    producing = asyncio.create_task(deployment.produce(shoppers(2, BETWEEN)))
    await until_past(deployment, len(deployment.acknowledged) + 3_000)
    deployment.redis.restart_from(backup)
    await producing
    await deployment.drained()
    await deployment.judge()


async def test_poison_in_the_middle_of_good_load(deployment: Deployment) -> None:
    deployment.start_worker()
    for part in range(3):
        await deployment.produce(shoppers(part, 2_000))
        await deployment.produce_poison(part)
    await deployment.drained()
    outcomes = await deployment.judge()
    assert outcomes["dead"] == len(deployment.poison) == 33
    reports = await deployment.rebuilt()
    assert [one for report in reports for one in report.different] == []
    assert {family for report in reports for family in report.compared} >= {
        "visitor",
        "item",
        "clock",
        "marks",
        "ranking",
        "found",
        "query",
        "searches",
    }


async def test_two_workers_share_and_one_leaves(deployment: Deployment) -> None:
    first = deployment.start_worker()
    producing = asyncio.create_task(deployment.produce(shoppers(1, BETWEEN)))
    await until_past(deployment, 2_000)
    second = deployment.start_worker()
    await producing
    await deployment.produce(shoppers(2, BETWEEN // 2))
    first.send_signal(signal.SIGTERM)
    assert first.wait(15) == 0
    await deployment.produce(shoppers(3, 2_000))
    await deployment.drained()
    await deployment.judge()
    assert second.poll() is None


async def test_redis_that_may_drop_keys_is_refused(deployment: Deployment, redis_server: RedisServer) -> None:
    command = ["redis-cli", "-u", redis_server.url, "config", "set", "maxmemory-policy"]
    subprocess.run([*command, "allkeys-lru"], check=True, capture_output=True)
    try:
        worker = deployment.start_worker()
        code = await asyncio.to_thread(worker.wait, 30)
    finally:
        subprocess.run([*command, "noeviction"], check=True, capture_output=True)
    assert code == os.EX_CONFIG
    assert "maxmemory-policy" in deployment.logs()
