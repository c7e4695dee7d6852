"""A real clickstream through a real Kafka and Redis: nothing lost, the state proved, live as good as evaluated.

The last 300 sessions are kept out of the replay and played over HTTP; what the shelf hits there is compared with what
`evaluate` says of the same sessions.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

import orjson
import pytest

from serving.evaluate import evaluate
from tests.backends import KafkaServer, RedisServer
from tests.e2e.system import Running
from tests.faults.api import environment, serving
from tests.faults.deployment import Deployment

DATA = Path(os.environ.get("LIVESHELF_TEST_DATA", "../shared/data")).resolve()
PLAYED = 300
PAUSE_S = 2.5
APART_S = 0.3
SHOWN = 20
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(the history, the last sessions), as event files."""
    tool = DATA.parent / "tools" / "events.py"
    if not (DATA / "serenade_sessions").exists() or not tool.exists():
        pytest.skip(f"no real clickstream at {DATA}; LIVESHELF_TEST_DATA says where it is")
    folder = tmp_path_factory.mktemp("clickstream")
    every = folder / "all.jsonl.gz"
    command = [sys.executable, str(tool), "serenade_sessions", str(every), "--data", str(DATA)]
    subprocess.run(command, check=True, capture_output=True)
    rows = gzip.decompress(every.read_bytes()).splitlines()
    sessions = [orjson.loads(row)["session_id"] for row in rows]
    last = set(list(dict.fromkeys(sessions))[-PLAYED:])
    history, played = folder / "history.jsonl.gz", folder / "played.jsonl"
    history.write_bytes(gzip.compress(b"\n".join(r for r, s in zip(rows, sessions, strict=True) if s not in last), 1))
    played.write_bytes(b"\n".join(r for r, s in zip(rows, sessions, strict=True) if s in last))
    return history, played


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


def replayed(deployment: Deployment, history: Path, folder: Path) -> dict[str, Any]:
    command = [
        sys.executable,
        "-m",
        "serving.cli",
        "replay",
        str(history),
        "--speed",
        "max",
        "--shift-to-now",
        "--json",
    ]
    env = {**os.environ, **environment(deployment, folder)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = orjson.loads(done.stdout)
    return found


async def test_live_is_as_good_as_evaluated(
    deployment: Deployment, live: Running, files: tuple[Path, Path], tmp_path: Path
) -> None:
    history, played = files
    done = replayed(deployment, history, tmp_path)
    assert done["rejected"] == {}
    await deployment.drained(180)
    rows = await deployment.rows()
    assert sum(row.applied for row in rows if row.agent == "visitor") == done["sent"] == done["lines"]
    assert [row for row in rows if row.dead or row.records] == []
    reports = await deployment.rebuilt()
    assert [one.key for report in reports for one in report.different] == []
    compared = {f"{report.agent}.{family}" for report in reports for family, n in report.compared.items() if n}
    assert compared >= {"visitor.visitor", "visitor.clock", "visitor.ranking", "item.item", "item.marks", "item.clock"}

    stock(live, history, played)
    every_place_is_the_orders(live)
    hits, asked = play(live, played)
    evaluated = evaluate(history, static=played, learn=True, baselines=True)
    unlearnt = evaluated["baselines"]["unlearnt"]["hr@20"]  # a replay has no shelves, so nobody has chosen from any
    assert asked == evaluated["next"]["n"] > 800
    print(f"live {hits / asked:.3f}, evaluated {unlearnt:.3f}, in the learnt order {evaluated['next']['hr@20']:.3f}")
    assert abs(hits / asked - unlearnt) <= 0.01


def stock(live: Running, *files: Path) -> None:
    """Every item into the catalogue, and wait until the shelves know them."""
    ids = dict.fromkeys(item["item_id"] for file in files for one in _events(file) for item in one["items"])
    items = [{"item_id": i, "title": f"Item {i}", "availability": "in_stock"} for i in ids]
    for cut in range(0, len(items), 1_000):
        status, answer = live.call("PUT", "/v1/catalog/items", {"items": items[cut : cut + 1_000]}, key="secret_key")
        assert status == 200, answer
    time.sleep(max(2.0, len(items) / 2_000 + 2))  # a whole sweep over the rows


def every_place_is_the_orders(live: Running) -> None:
    """No new items are drawn: an evaluation knows no draws."""
    path = "/v1/admin/placements/home_for_you"
    status, answer = live.call("GET", path, key="secret_key")
    assert status == 200, answer
    status, answer = live.call("PUT", path, {**answer["document"], "explore": None}, key="secret_key")
    assert status == 200, answer


def play(live: Running, played: Path) -> tuple[int, int]:
    """(hits, asked): each next item of each session looked for on the shelf that knows all before it.

    Sessions begin one after the other as they did, and their shoppers take `PAUSE_S` to look at an item: long enough
    for what all share to have been learnt from the one before.
    """
    sessions: dict[str, list[str]] = {}
    for one in _events(played):
        sessions.setdefault(one["session_id"], []).append(one["items"][0]["item_id"])
    turns = [(number * APART_S, session, 0) for number, session in enumerate(sessions)]
    hits = asked = 0
    began = time.monotonic()
    while turns:
        due, session, number = heappop(turns)
        time.sleep(max(0.0, began + due - time.monotonic()))
        items = sessions[session]
        token = live.view(session, items[number], session_id=session)
        if number + 1 < len(items):
            shelf = fresh_shelf(live, session, token)
            asked += 1
            hits += items[number + 1] in {shown["item_id"] for shown in shelf["items"]}
            heappush(turns, (time.monotonic() - began + PAUSE_S, session, number + 1))
    return hits, asked


def fresh_shelf(live: Running, session: str, token: str) -> dict[str, Any]:
    """The shelf that knows the event; on a busy machine Redis may miss its 25 ms now and then."""
    end = time.monotonic() + 10
    while True:
        shelf = live.shelf("home_for_you", session, session_id=session, n=SHOWN, min_fresh=token)
        if shelf["fresh_to"]["met"]:
            return shelf
        assert time.monotonic() < end, f"never fresh: {shelf}"
        time.sleep(0.05)


def _events(file: Path) -> Iterator[dict[str, Any]]:
    text = file.read_bytes()
    for row in (gzip.decompress(text) if file.suffix == ".gz" else text).splitlines():
        yield orjson.loads(row)
