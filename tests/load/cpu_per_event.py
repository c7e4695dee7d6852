"""CPU per event of the visitor and item agents at a backlog, against a default Faust agent that does nothing.

User and system time of the whole worker process, from its first commit (or the agent's first event) until everything is
applied; starting up is left out on both sides. Both take turns on the same log, and the medians are compared.
"""

from __future__ import annotations

import time
from itertools import islice
from statistics import median

import orjson
from confluent_kafka import Producer
from msgspec import Struct

from stream.cluster import Cluster
from stream.topics import TOPICS, partition_of
from tests.load.clicks import backlog, source
from tests.load.figures import Figure, Say
from tests.load.stand import PARTITIONS, Stand, cpu_s, wait_for

NAME = "cpu_per_event"
SIZED = 20_000
DERIVED = ("pairs", "feedback", "dead_letters")
WITHIN_S = 600.0


class Cost(Struct, frozen=True):
    """What `events` events took."""

    cpu_s: float
    wall_s: float
    events: int

    @property
    def cpu_us(self) -> float:
        return self.cpu_s / self.events * 1e6

    @property
    def a_second(self) -> float:
        return self.events / self.wall_s


def bench(stand: Stand, say: Say, *, events: int = 205_756, runs: int = 3) -> list[Figure]:
    """`events` is two times the clickstream of `serenade_sessions`."""
    cluster = stand.empty()
    _produce(stand, events)
    ours, theirs = [], []
    for run in range(runs):
        theirs.append(_noop(stand, events, run))
        say(f"no-op agent {theirs[-1].cpu_us:.1f} µs an event, {theirs[-1].a_second:,.0f} events/s")
        ours.append(_agents(stand, cluster, events, run))
        say(f"our agents  {ours[-1].cpu_us:.1f} µs an event, {ours[-1].a_second:,.0f} events/s")
    mine, default = median(one.cpu_us for one in ours), median(one.cpu_us for one in theirs)
    return [
        Figure(NAME, f"backlog of {source()}", events, "events"),
        Figure(NAME, "visitor and item agents", round(mine, 1), "µs/event"),
        Figure(NAME, "default no-op agent", round(default, 1), "µs/event"),
        Figure(NAME, "ratio", round(mine / default, 3), "×", goal=1.5),
        *_sizes(stand, "visitor"),
        *_sizes(stand, "item"),
        Figure(NAME, "visitor and item agents, rate", round(median(one.a_second for one in ours)), "events/s"),
        Figure(NAME, "default no-op agent, rate", round(median(one.a_second for one in theirs)), "events/s"),
    ]


def _produce(stand: Stand, events: int) -> None:
    conf = {"bootstrap.servers": stand.settings.broker_url, "log_level": 0, "compression.type": "lz4", "linger.ms": 20}
    producer, topic = Producer(conf), TOPICS["events"].name
    for key, value in backlog(events):
        while True:
            try:
                producer.produce(topic, value, key, partition_of(key, PARTITIONS))
                break
            except BufferError:
                producer.poll(0.1)
    left = producer.flush(60)
    if left:
        raise TimeoutError(f"{left} events were not acknowledged")


def _agents(stand: Stand, cluster: Cluster, events: int, run: int) -> Cost:
    """Both agents from nothing to the ends of their logs."""
    stand.redis.flushall()
    stand.forget_records(*DERIVED)
    ends = _ends(cluster, "events")
    chosen = {"LIVESHELF_AGENTS": "visitor,item", "LIVESHELF_GROUP": f"bench-{run}"}
    with stand.process("stream.app", **chosen) as worker:
        wait_for(worker, lambda: any(stand.positions("events")), "the first commit")
        cpu, began, before = cpu_s(worker), time.monotonic(), sum(stand.positions("events"))
        wait_for(worker, lambda: stand.positions("events") == ends, "the visitor agent drains", WITHIN_S)
        derived = _ends(cluster, "pairs")
        wait_for(worker, lambda: stand.positions("pairs") == derived, "the item agent drains", WITHIN_S)
        return Cost(cpu_s(worker) - cpu, time.monotonic() - began, events - before)


def _sizes(stand: Stand, family: str) -> list[Figure]:
    """What one value takes in Redis, its key and Redis's own overhead included, after the last run."""
    keys = list(islice(stand.redis.scan_iter(match=f"*}}:{family}:*", count=5_000), SIZED))
    sizes = sorted(int(stand.redis.memory_usage(key, samples=0) or 0) for key in keys)
    return [
        Figure(NAME, f"bytes of {family} values, mean of {len(sizes):,}", round(sum(sizes) / len(sizes)), "bytes"),
        Figure(NAME, f"bytes of {family} values, p99", sizes[len(sizes) * 99 // 100], "bytes"),
    ]


def _ends(cluster: Cluster, noun: str) -> list[int]:
    return [one.end for one in cluster.offsets([(noun, p) for p in range(PARTITIONS)]).values()]


def _noop(stand: Stand, events: int, run: int) -> Cost:
    result = stand.folder / f"noop-{run}.json"
    told = {"BENCH_EVENTS": str(events), "BENCH_GROUP": f"bench-noop-{run}", "BENCH_RESULT": str(result)}
    arguments = ("--datadir", str(stand.folder / "faust"), "worker", "--without-web", "-l", "warn")
    with stand.process("tests.load.noop", *arguments, **told) as worker:
        wait_for(worker, lambda: result.exists() and bool(result.read_bytes()), "the no-op agent drains", WITHIN_S)
    return Cost(**orjson.loads(result.read_bytes()))
