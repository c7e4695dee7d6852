"""`liveshelf migrate` on a real Kafka and a real Redis: the key leaked, and the shop goes on under another one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from redis import Redis

from stream.keyring import pseudonyms
from stream.supervisor import HALTED
from tests.backends import wait_until
from tests.e2e.system import Running, event
from tests.faults.api import environment, serving
from tests.faults.deployment import PARTITIONS, Deployment, shoppers

pytestmark = pytest.mark.timeout(300)
ME, PHONE, QUIET, LATE, GONE = (f"{name}-of-mine-5b1d" for name in ("laptop", "phone", "quiet", "late", "gone"))
NEW_KEY = "0123456789abcdef" * 4
SAME = ("status", "items", "placement")


def migrate(deployment: Deployment, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "serving.cli", "migrate", *options]
    env = {**os.environ, **environment(deployment, folder), "COLUMNS": "500"}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def moved(deployment: Deployment, folder: Path, *options: str) -> dict[str, Any]:
    run = migrate(deployment, folder, *options, "--json")
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def redis(deployment: Deployment, *command: str) -> bytes:
    run = subprocess.run(["redis-cli", "-u", deployment.redis.url, *command], check=True, capture_output=True)
    return run.stdout


def everything(deployment: Deployment, prefix: str) -> bytes:
    """Every key under a prefix with its value."""
    found = []
    with Redis.from_url(deployment.redis.url) as client:
        for key in sorted(client.scan_iter(f"{prefix}:{{*", count=1_000)):
            values = client.zrange(key, 0, -1) if client.type(key) == b"zset" else [client.get(key) or b""]
            found += [key, *values]
    return b"\n".join(found)


async def test_the_key_leaked(deployment: Deployment, tmp_path: Path) -> None:
    """A move with the API running, after one that was killed; then the old state's end; then all from the logs."""
    new = tmp_path / "new.key"
    new.write_text(NEW_KEY + "\n")
    deployment.start_worker()
    with serving(deployment, tmp_path) as live:
        await fill(deployment, live)
        shelves = {who: shelf(live, who) for who in (ME, QUIET, GONE)}
        refused = migrate(deployment, tmp_path, "--pseudonym-key-file", str(new), "--yes")
        assert (refused.returncode, "a worker runs on ls" in refused.stderr) == (1, True)
        stop_the_worker(deployment)
        # the API goes on: what it accepts waits in Kafka
        assert live.call("PUT", f"/v1/visitors/{LATE}/consent", {"personalization": False})[0] == 200
        live.view(PHONE, "i9")
        is_moved(deployment, tmp_path, new)
    leaves_on_half_of_the_settings(deployment)
    old = old_names(deployment)
    go_on(deployment, new)
    with serving(deployment, tmp_path) as live:
        await deployment.drained()
        assert ids(live, PHONE)[0] == "i9"
        assert {who: shelf(live, who) for who in (QUIET, GONE)} == {who: shelves[who] for who in (QUIET, GONE)}
        assert [one for one in ids(live, ME) if one != "i9"] == [one["item_id"] for one in shelves[ME]["items"]]
        await is_the_logs(deployment)
        assert [name for name in old if name in everything(deployment, "ls2")] == []
        export = live.call("GET", f"/v1/visitors/{PHONE}/export", key="secret_key")[1]
        assert export["customer"]["shared"]["summary"]["viewed"][0]["item_id"] == "i1"
        told = moved(deployment, tmp_path, "--delete", "ls", "--yes")
        assert told["found"]["records"] > 0
        assert everything(deployment, "ls") == b""
        assert [name for name in old if name in b" ".join(on_record(deployment))] == []
        refuses(live, QUIET, LATE, GONE)
    stop_the_worker(deployment)
    redis(deployment, "flushall")
    deployment.start_worker()
    with serving(deployment, tmp_path) as live:
        await deployment.drained()
        wait_until(lambda: ids(live, PHONE)[:1] == ["i9"], "the state is there again", 20)
        refuses(live, QUIET, LATE, GONE)


def stop_the_worker(deployment: Deployment) -> None:
    prefix = deployment.settings.key_prefix
    deployment.kill_worker(deployment.workers.pop())
    wait_until(lambda: not redis(deployment, "keys", f"{prefix}:worker:*").strip(), "the heartbeat ends", 20)


def is_moved(deployment: Deployment, folder: Path, new: Path) -> None:
    """First said, then interrupted, then done; the old state is only read."""
    before = everything(deployment, "ls")
    assert all(name in before for name in old_names(deployment))
    assert moved(deployment, folder, "--pseudonym-key-file", str(new))["done"] is False
    assert not redis(deployment, "keys", "ls2:*").strip()
    interrupt(deployment, folder, new)
    told = moved(deployment, folder, "--pseudonym-key-file", str(new), "--yes")
    assert (told["done"], told["to"]) == (True, "ls2")
    assert f"LIVESHELF_LATER_PSEUDONYM_KEYS_FILE={new}" in " ".join(told["next"])
    assert everything(deployment, "ls") == before
    lasting(deployment)


def old_names(deployment: Deployment) -> list[bytes]:
    return [pseudonyms(deployment.settings).of_visitor(who).encode() for who in (ME, PHONE, QUIET, GONE)]


def go_on(deployment: Deployment, new: Path) -> None:
    """A worker with the two settings that the migration named."""
    deployment.more = {"LIVESHELF_KEY_PREFIX": "ls2", "LIVESHELF_LATER_PSEUDONYM_KEYS_FILE": str(new)}
    changed = {"key_prefix": "ls2", "later_pseudonym_keys": SecretStr(NEW_KEY)}
    deployment.settings = deployment.settings.model_copy(update=changed)
    deployment.start_worker()


def refuses(live: Running, *visitors: str) -> None:
    assert {live.shelf("recently_viewed", who)["status"] for who in visitors} == {"no_consent"}


async def fill(deployment: Deployment, live: Running) -> None:
    stock = [{"item_id": f"i{n}", "title": f"Item {n}"} for n in range(10)]
    assert live.call("PUT", "/v1/catalog/items", {"items": stock}, key="secret_key")[0] == 200
    for n, who in enumerate((ME, PHONE, QUIET, LATE, GONE)):
        live.view(who, f"i{n}")
    tied = [event("identify", who, customer_id="household") for who in (ME, PHONE)]
    await deployment.produce([*tied, *shoppers(3, 800)])
    assert live.call("PUT", f"/v1/visitors/{QUIET}/consent", {"personalization": False})[0] == 200
    assert live.call("DELETE", f"/v1/visitors/{GONE}", key="secret_key")[0] in {200, 202}
    await deployment.drained()


def interrupt(deployment: Deployment, folder: Path, new: Path) -> None:
    """A migration is killed as soon as it has written something."""
    command = [sys.executable, "-m", "serving.cli", "migrate", "--pseudonym-key-file", str(new), "--yes"]
    with subprocess.Popen(command, env={**os.environ, **environment(deployment, folder)}) as running:
        wait_until(lambda: bool(redis(deployment, "keys", "ls2:*").strip()), "it writes", 30)
        running.kill()


def lasting(deployment: Deployment) -> None:
    """What ends after a time under the old prefix ends then under the new one."""
    ttls = {}
    with Redis.from_url(deployment.redis.url) as client:
        for prefix in ("ls", "ls2"):
            keys = client.keys(f"{prefix}:{{events:*visitor:*")
            ttls[prefix] = sorted(client.ttl(key) for key in keys)
    assert max(ttls["ls2"]) > 100 * 86_400
    for one, other in zip(ttls["ls"], ttls["ls2"], strict=True):
        assert abs(one - other) < 60


def leaves_on_half_of_the_settings(deployment: Deployment) -> None:
    """With the new prefix, but without the new key, a worker halts and says why."""
    deployment.more = {"LIVESHELF_KEY_PREFIX": "ls2"}
    worker = deployment.start_worker()
    assert worker.wait(60) == HALTED
    deployment.workers.remove(worker)
    assert "was made with other pseudonym keys" in deployment.logs()


def shelf(live: Running, who: str) -> dict[str, Any]:
    found = live.shelf("recently_viewed", who)
    for one in found["items"]:
        one["because"] = [{**reason, "seconds_ago": 0} for reason in one["because"]]
    return {name: found[name] for name in SAME}


def ids(live: Running, who: str) -> list[str]:
    return [one["item_id"] for one in live.shelf("recently_viewed", who)["items"]]


async def is_the_logs(deployment: Deployment) -> None:
    assert [one.key for report in await deployment.rebuilt() for one in report.different] == []


def on_record(deployment: Deployment) -> list[bytes]:
    """The privacy topic as compaction will leave it."""
    last = {r.key: r.value for p in range(PARTITIONS) for r in deployment._log("privacy", p)}
    return [(key or b"") + value for key, value in last.items() if value is not None]
