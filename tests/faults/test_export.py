"""The export on a real Kafka and a real Redis: equal to a raw scan of both, while other shoppers are in the shop."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stream.tokens import pseudonym
from tests.e2e.system import event
from tests.faults.api import serving
from tests.faults.deployment import PARTITIONS, Deployment, shoppers

pytestmark = pytest.mark.timeout(300)
ME, YOU = "exported-visitor-4d2e", "neighbour-88aa"


def leaves(value: Any) -> list[str]:
    """Every scalar inside, keys as well, as text."""
    if isinstance(value, dict):
        return [text for key, one in value.items() for text in (str(key), *leaves(one))]
    if isinstance(value, list):
        return [text for one in value for text in leaves(one)]
    return [repr(value) if isinstance(value, float) else str(value)]


async def test_it_is_a_raw_scan_for_that_visitor_and_nobody_else(deployment: Deployment, tmp_path: Path) -> None:
    deployment.start_worker()
    with serving(deployment, tmp_path) as live:
        stock = [{"item_id": f"i{n}", "title": f"Item {n}"} for n in range(10)]
        assert live.call("PUT", "/v1/catalog/items", {"items": stock}, key="secret_key")[0] == 200
        for n in range(4):
            live.view(ME, f"i{n}")
            live.view(YOU, f"i{n + 4}")
        await deployment.produce([event("add_to_cart", ME, "i2"), *shoppers(7, 2_000)])
        await deployment.produce([{**event("view_item", ME, "i1"), "event": "no_such_event"}])
        live.shelf("home_for_you", ME)
        await deployment.drained()
        live.shelf("home_for_you", ME)
        assert live.call("PUT", f"/v1/visitors/{ME}/consent", {"marketing": True})[0] == 200
        await deployment.drained()
        await decisions_are_in(deployment)
        status, export = live.call("GET", f"/v1/visitors/{ME}/export", key="secret_key")
    assert status == 200
    assert export["incomplete"] is None
    for noun, records in export["records"].items():
        assert records == in_the_log(deployment, noun), noun
    assert [len(export["records"][noun]) for noun in ("events", "dead_letters")] == [7, 1]
    assert export["records"]["decisions"]
    is_what_redis_holds(deployment, export)
    text = json.dumps(export)
    for foreign in (YOU, pseudonym(b"faults", YOU), '"v7-'):
        assert foreign not in text


async def decisions_are_in(deployment: Deployment) -> None:
    """They go out from a buffer, some time after their answers: wait until no more come."""
    before, now = -1, 0
    while now != before or not now:
        before = now
        await asyncio.sleep(0.5)
        now = len(in_the_log(deployment, "decisions"))


def in_the_log(deployment: Deployment, noun: str) -> list[dict[str, Any]]:
    """The visitor's records of all partitions, with what an export shows of each."""
    return [
        {"partition": r.partition, "offset": r.offset, "timestamp": r.timestamp, "value": json.loads(r.value or b"")}
        for partition in range(PARTITIONS)
        for r in deployment._log(noun, partition)
        if r.key == ME.encode()
    ]


def is_what_redis_holds(deployment: Deployment, export: dict[str, Any]) -> None:
    """Every key and sorted set of Redis that names the pseudonym, against the export."""
    pid = pseudonym(b"faults", ME)
    found: dict[str, bytes] = {}
    for key in redis(deployment, "keys", "*").decode().split():
        if redis(deployment, "type", key).strip() == b"zset":
            score = redis(deployment, "zscore", key, pid).strip()
            found |= {"ranking": score} if score else {}
        else:
            value = redis(deployment, "get", key).removesuffix(b"\n")
            if pid in key or pid.encode() in value:
                found[key.partition("}:")[2].partition(":")[0]] = value
    assert found.keys() == {"visitor", "vector", "privacy", "ranking"}
    assert export["open_session_last_at"] == float(found["ranking"])
    assert export["session_vector"]["values"] == pytest.approx(memoryview(found["vector"]).cast("f").tolist())
    raw = msgspec.msgpack.decode(found["visitor"], strict=False)
    for name, signal in export["profile"]["signals"].items():
        stored, told = Counter(leaves(raw.get(name, {}))), Counter(leaves(signal["value"]))
        assert not stored - told, name
    assert {int(one, 16) for one in export["profile"]["recent"]} == raw["recent"].keys()
    said = msgspec.msgpack.decode(found["privacy"])["consent"]["marketing"][3]
    assert [(one["at"], one["kind"]) for one in export["consent"]["marketing"]["history"]] == [
        (at, kind) for at, kind, *_ in reversed(said)
    ]


def redis(deployment: Deployment, *command: str) -> bytes:
    run = subprocess.run(["redis-cli", "-u", deployment.redis.url, *command], check=True, capture_output=True)
    return run.stdout
