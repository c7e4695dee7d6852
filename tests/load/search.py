"""Search and suggestions over HTTP: Icecat's products, repeated to `items`, asked what people were asked to judge.

One serving process, a real Kafka and a real Redis, a client of its own process, in an open loop.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection
from itertools import islice
from typing import Any
from urllib.parse import quote

import orjson
from confluent_kafka import Producer

from stream.topics import TOPICS, partition_of
from tests.load.client import Job
from tests.load.figures import Figure, Say, percentile
from tests.load.shelf import Target, load_on
from tests.load.stand import PARTITIONS, PUBLISHABLE, Stand
from tests.relevance.icecat import items as icecat_items
from tests.relevance.icecat import judgements

NAME = "search"
GOAL_MS, SUGGEST_GOAL_MS = 20.0, 5.0
VISITORS = 200
N = 12


def bench(stand: Stand, say: Say, *, items: int = 48_000, rate: int = 200, seconds: float = 15.0) -> list[Figure]:
    """`seconds` of searches at `rate` a second, then of suggestions."""
    stand.empty()
    produce(stand, islice(_repeated(), items))
    began = time.perf_counter()
    figures: list[Figure] = []
    with stand.serving() as (server, port):
        figures.append(Figure(NAME, f"ready with {items:,} items", round(time.perf_counter() - began, 1), "s", 20.0))
        say(f"{items:,} items are searchable after {figures[-1].value} s")
        queries = list(judgements())
        searches = [f"/v1/search?n={N}&q={quote(one)}&visitor_id=v{n % VISITORS}" for n, one in enumerate(queries)]
        full = [path for path in searches if len(_asked(port, path)["items"]) == N]
        figures += _load(
            "search", server, Job(port, full, 0, key=PUBLISHABLE, positions=N), rate, seconds, say, GOAL_MS
        )
        typed = dict.fromkeys(query[:length] for query in queries for length in range(2, len(query) + 1))
        suggests = [f"/v1/suggest?q={quote(one)}" for one in typed]
        job = Job(port, suggests, 0, key=PUBLISHABLE)
        figures += _load("suggestions", server, job, rate, seconds, say, SUGGEST_GOAL_MS)
    return figures


def produce(stand: Stand, items: Iterator[dict[str, Any]]) -> None:
    """Send items to the catalogue's topic."""
    producer = Producer({"bootstrap.servers": stand.settings.broker_url, "linger.ms": 20})
    for item in items:
        key = item["item_id"].encode()
        whole = {name: value for name, value in item.items() if value is not None}
        producer.produce(TOPICS["catalog"].name, orjson.dumps(whole), key, partition_of(key, PARTITIONS))
        producer.poll(0)
    if producer.flush(60):
        raise TimeoutError("the catalogue was not acknowledged")


def _repeated() -> Iterator[dict[str, Any]]:
    """The products again and again, each time under other ids."""
    products: Sequence[dict[str, Any]] = list(icecat_items())
    for turn in range(100):
        for one in products:
            yield {**one, "item_id": f"{turn}-{one['item_id']}"} if turn else one


def _asked(port: int, path: str) -> dict[str, Any]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"authorization": f"Bearer {PUBLISHABLE}"})
    found: dict[str, Any] = json.loads(connection.getresponse().read())
    connection.close()
    return found


def _load(
    label: str, server: subprocess.Popen[bytes], job: Job, rate: int, seconds: float, say: Say, goal_ms: float
) -> list[Figure]:
    target = Target(label, server, job)
    load_on(target, rate, len(job.paths))  # each once: what a query means is kept
    found = load_on(target, rate, int(rate * seconds))
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    taken = {name: round(percentile(found.outcome.latencies_ms, share), 2) for name, share in shares.items()}
    say(f"{label}, {rate}/s: " + ", ".join(f"{name} {value} ms" for name, value in taken.items()))
    return [
        *(
            Figure(NAME, f"{label}, {rate}/s {name}", value, "ms", goal_ms if name == "p95" else None)
            for name, value in taken.items()
        ),
        Figure(NAME, f"{label} CPU", round(found.cpu_us), "µs/request"),
        Figure(NAME, f"{label} answers not right", found.outcome.wrong, "answers", goal=0),
    ]
