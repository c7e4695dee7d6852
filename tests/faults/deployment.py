"""Workers under test: real processes on a real Kafka and a real Redis, and the judge of what became of it."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import orjson
from pydantic import SecretStr

from stream.cluster import Cluster
from stream.fold import Record
from stream.item import Item
from stream.lag import Row, lag
from stream.producer import Producer
from stream.query import Searches as All
from stream.query_counts import VISITORS, Counts
from stream.query_items import Items
from stream.query_text import digest
from stream.rebuild import Report, rebuild
from stream.roster import AGENTS, fold_of
from stream.settings import Settings
from stream.state.keys import Keys, Tag
from stream.state.redis import RedisStore
from stream.topics import TOPICS, partition_of
from tests.backends import KafkaServer, RedisServer
from tests.simulator.recount import Limits, Recount
from tests.simulator.searches import Searches, amount, told_of

PARTITIONS = 4
ITEMS = 60
GRANTED = {"analytics": True, "personalization": True}


class Place(NamedTuple):
    """Where an acknowledged record lies."""

    partition: int
    offset: int


@dataclass
class Deployment:
    """Workers as processes of their own; `acknowledged` maps the place of each acknowledged record to its bytes."""

    kafka: KafkaServer
    redis: RedisServer
    folder: Path
    kafka_url: str = ""
    redis_url: str = ""
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    acknowledged: dict[Place, bytes] = field(default_factory=dict)
    poison: dict[Place, str] = field(default_factory=dict)
    more: dict[str, str] = field(default_factory=dict)
    """Settings of new processes beside the usual ones, as environment variables."""

    def __post_init__(self) -> None:
        self.settings = Settings(
            broker_url=self.kafka_url or self.kafka.url,
            redis_url=self.redis_url or self.redis.url,
            partitions=PARTITIONS,
            pseudonym_key=SecretStr("faults"),
            group="liveshelf-faults",
        )
        self.cluster = Cluster(self.settings)
        self.partitions = self.cluster.partitions()

    # -- workers

    def start_worker(self) -> subprocess.Popen[bytes]:
        env = {
            "LIVESHELF_BROKER_URL": self.settings.broker_url,
            "LIVESHELF_REDIS_URL": self.settings.redis_url,
            "LIVESHELF_PARTITIONS": str(PARTITIONS),
            "LIVESHELF_PSEUDONYM_KEY": "faults",
            "LIVESHELF_GROUP": self.settings.group,
            **self.more,
        }
        with (self.folder / f"worker-{len(self.workers)}.log").open("wb") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "stream.app"], env={**os.environ, **env}, stdout=log, stderr=log
            )
        self.workers.append(worker)
        return worker

    def kill_worker(self, worker: subprocess.Popen[bytes]) -> None:
        worker.send_signal(signal.SIGKILL)
        worker.wait(10)

    def restart_what_left(self) -> int:
        """Start a worker for each one that left by itself, as the supervisor does; how many."""
        left = [worker for worker in self.workers if worker.poll() not in (None, 0, -9)]
        for worker in left:
            self.workers.remove(worker)
            self.start_worker()
        return len(left)

    def stop(self) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGCONT)
                worker.kill()
            worker.wait(10)

    # -- events

    async def produce(self, events: Iterable[dict[str, Any]]) -> None:
        """Send events and keep what was acknowledged."""
        await self._send([(one["visitor_id"].encode(), None, orjson.dumps(one), "") for one in events])

    async def produce_poison(self, seed: int) -> None:
        """Records that are no events, each kind of them, at their visitors' partitions or at a wrong one."""
        good = next(shoppers(seed, 1, prefix="poisoned"))
        key = good["visitor_id"].encode()
        right = partition_of(key, PARTITIONS)
        await self._send(
            [
                (key, None, b'{"event": NaN', "not_json"),
                (key, None, b"\xff\xfe", "not_json"),
                (key, None, b"[" * 5_000, "too_deep"),
                (key, None, orjson.dumps({**good, "event": "no_such_event"}), "unknown_event"),
                (key, None, orjson.dumps({**good, "items": [{"item_id": "i", "price": -1}]}), "range"),
                (key, None, orjson.dumps({k: v for k, v in good.items() if k != "event_id"}), "schema"),
                (key, None, orjson.dumps({**good, "note": "x" * 70_000}), "too_large"),
                (key, None, orjson.dumps({**good, "schema_version": 9}), "unsupported_version"),
                (b"somebody else", None, orjson.dumps(good), "wrong_key"),
                (key, (right + 1) % PARTITIONS, orjson.dumps(good), "wrong_partition"),
                (key, None, orjson.dumps({**good, "n": eval("[" * 20 + "1" + "]" * 20)}), "too_deep"),  # a literal
            ]
        )

    async def _send(self, records: list[tuple[bytes, int | None, bytes, str]]) -> None:
        producer = Producer(self.settings.broker_url, timeout_s=60)
        topic = TOPICS["events"].name
        try:
            for cut in range(0, len(records), 2_000):
                some = [
                    (partition_of(key, PARTITIONS) if partition is None else partition, key, value, reason)
                    for key, partition, value, reason in records[cut : cut + 2_000]
                ]
                offsets = await asyncio.gather(*[producer.send(topic, p, key, value) for p, key, value, _ in some])
                for offset, (partition, _, value, reason) in zip(offsets, some, strict=True):
                    self.acknowledged[Place(partition, offset)] = value
                    if reason:
                        self.poison[Place(partition, offset)] = reason
        finally:
            producer.close()

    # -- waiting

    async def rows(self) -> list[Row]:
        store = RedisStore(self.settings.redis_url, Keys(self.settings.key_prefix))
        try:
            return await lag(self.cluster, store, self.partitions, now_ms=time.time() * 1000)
        finally:
            await store.close()

    async def applied(self) -> int:
        """How many events the visitor agent is past."""
        return sum(row.position for row in await self.rows() if row.agent == "visitor")

    async def drained(self, within_s: float = 90) -> None:
        """Wait until every agent is at the end of its log."""
        end = time.monotonic() + within_s
        while any(row.records for row in await self.rows()):
            if time.monotonic() > end:
                raise TimeoutError(f"not drained: {[row for row in await self.rows() if row.records]}; {self.logs()}")
            self.restart_what_left()
            await asyncio.sleep(0.2)

    def logs(self) -> str:
        return "\n".join(path.read_text(errors="replace")[-2_000:] for path in sorted(self.folder.glob("worker-*.log")))

    # -- the judge

    async def judge(self) -> Counter[str]:
        """Every acknowledged record is accounted for once, and what it taught is counted once; the outcomes."""
        log = {p: self._log("events", p) for p in range(PARTITIONS)}
        found = {Place(p, record.offset): record.value for p, records in log.items() for record in records}
        assert found == self.acknowledged, "the log is not what was acknowledged"
        recount = Recount(Limits())
        for partition, records in log.items():
            poison = {place.offset: reason for place, reason in self.poison.items() if place.partition == partition}
            recount.partition(records, poison)
        outcomes = sum(recount.outcomes, Counter[str]())
        await self._judge_outcomes(recount, outcomes)
        await self._judge_items(recount)
        await self._judge_searches(recount.searches)
        self._judge_dead_letters()
        return outcomes

    async def _judge_outcomes(self, recount: Recount, outcomes: Counter[str]) -> None:
        visitor = [row for row in await self.rows() if row.agent == "visitor"]
        for row, outcome in zip(visitor, recount.outcomes, strict=True):
            told = Counter(applied=row.applied, duplicates=row.duplicates, dropped=row.dropped, dead=row.dead)
            assert +told == +outcome, f"events:{row.partition} accounts for {told}, the recount for {outcome}"
        assert outcomes.total() == len(self.acknowledged)

    async def _judge_items(self, recount: Recount) -> None:
        store = RedisStore(self.settings.redis_url, Keys(self.settings.key_prefix))
        counts = recount.counts
        views: Counter[str] = Counter()
        followed: Counter[tuple[str, str]] = Counter()
        preceded: Counter[tuple[str, str]] = Counter()
        together: Counter[tuple[str, str]] = Counter()
        led: Counter[tuple[str, str]] = Counter()
        bought: Counter[str] = Counter()
        try:
            for partition in range(PARTITIONS):
                tag = Tag("pairs", partition)
                keys = [key async for key in store.scan(tag) if key.startswith("item:")]
                for key, packed in zip(keys, await store.load(tag, keys), strict=True):
                    item_id = key.removeprefix("item:")
                    row: Any = msgspec.msgpack.decode(packed or b"", type=Item)
                    views[item_id] = row.popularity.seen
                    bought[item_id] = row.popularity.bought
                    followed.update({(item_id, other): link.count for other, link in row.relations.after.items()})
                    preceded.update({(other, item_id): link.count for other, link in row.relations.before.items()})
                    together.update({(item_id, other): link.count for other, link in row.relations.together.items()})
                    led.update({(item_id, other): link.count for other, link in row.relations.bought.items()})
        finally:
            await store.close()
        assert +views == +counts.seen
        assert +followed == +counts.followed
        assert +preceded == +counts.followed
        assert +together == +counts.together
        assert +led == +counts.led
        assert +bought == +counts.bought

    async def _judge_searches(self, searches: Searches) -> None:
        """Each query's searches and what was taken of it, once each; words of those only that enough asked for."""
        days: Counter[tuple[int, str]] = Counter()
        rows: dict[str, bytes | None] = {}
        ranked: set[str] = set()
        store = RedisStore(self.settings.redis_url, Keys(self.settings.key_prefix))
        try:
            for partition in range(PARTITIONS):
                tag = Tag("queries", partition)
                keys = [key async for key in store.scan(tag) if key.partition(":")[0] in {"found", "query", "searches"}]
                of_tag = dict(zip(keys, await store.load(tag, keys), strict=True))
                total = of_tag.pop("searches", None)
                days.update({} if total is None else dict(told_of(msgspec.msgpack.decode(total, type=All).days, 0)))
                rows |= of_tag
                ranked |= (await store.ranking(tag)).keys()
        finally:
            await store.close()
        assert dict(days) == searches.of_days("", 0)
        assert ranked == {query for query, askers in searches.askers.items() if len(askers) >= VISITORS}
        for query, askers in searches.askers.items():
            counts = msgspec.msgpack.decode(rows[f"query:{digest(query)}"] or b"", type=Counts)
            assert dict(told_of(counts.days, 0)) == searches.of_days(query, 0), query
            assert counts.text == (query if len(askers) >= VISITORS else ""), query
        for taken in searches.taken:
            found = msgspec.msgpack.decode(rows[f"found:{digest(taken.query)}"] or b"", type=Items)
            stored, expected = amount(found, taken), searches.strength(taken, found.hour)
            assert abs(stored - expected) < 1e-6, (taken, stored, expected)

    def _judge_dead_letters(self) -> None:
        letters: dict[Place, tuple[str, bytes]] = {}
        for partition in range(PARTITIONS):
            for record in self._log("dead_letters", partition):
                letter = orjson.loads(record.value or b"")
                place = Place(letter["source"]["partition"], letter["source"]["offset"])
                letters[place] = letter["reason"], msgspec.convert(letter["value_base64"], bytes)
        assert letters == {place: (why, self.acknowledged[place]) for place, why in self.poison.items()}

    async def rebuilt(self) -> list[Report]:
        """Every agent's state compared with a fold over its log."""
        store = RedisStore(self.settings.redis_url, Keys(self.settings.key_prefix))
        try:
            return [
                await rebuild(
                    fold_of(name, self.settings, self.partitions),
                    partition,
                    store,
                    lambda start, end, topic=agent.topic, p=partition: self.cluster.read(topic, p, start, end),  # type: ignore[misc]
                    self.partitions,
                )
                for name, agent in AGENTS.items()
                for partition in range(PARTITIONS)
            ]
        finally:
            await store.close()

    def _log(self, noun: str, partition: int) -> list[Record]:
        end = self.cluster.offsets([(noun, partition)])[noun, partition].end
        return [record for batch in self.cluster.read(noun, partition, 0, end) for record in batch]


def shoppers(seed: int, count: int, *, prefix: str = "v") -> Iterator[dict[str, Any]]:
    """About `count` events of visits that interleave: views, carts, orders of several items, repeats, double sends."""
    rng = random.Random(f"{seed} {prefix}")
    now = int(time.time() * 1000)
    made = 0
    while made < count:
        visitors = [f"{prefix}{seed}-{made}-{n}" for n in range(20)]
        before: dict[str, Any] = {}
        group = made
        for step in range(rng.randint(2, 12)):
            for visitor in visitors:
                if rng.random() < 0.25:
                    continue
                made += 1
                sought = f"pan {chr(97 + seed % 26)} {prefix} {group}"
                event = before if before and rng.random() < 0.03 else _event(rng, visitor, step, made, now, sought)
                before = event
                yield event


def _event(rng: random.Random, visitor: str, step: int, number: int, now: int, sought: str) -> dict[str, Any]:
    items = [f"i{min(int(rng.expovariate(0.08)), ITEMS - 1)}" for _ in range(rng.choice([1, 1, 1, 1, 3]))]
    name = rng.choice(["view_item", "view_item", "view_item", "add_to_cart", "purchase", "search"])
    sought = f"{sought} {number % 3}"  # so few visitors ask for the same that each is remembered
    about = (
        {"search_term": sought, "results": number % 2}
        if name == "search"
        else {"items": [{"item_id": i} for i in dict.fromkeys(items)]}
    )
    return {
        "event_id": f"{visitor}-{number}",
        "event": name,
        "occurred_at": now - 3_600_000 + step * 20_000,
        "visitor_id": visitor,
        "consent": GRANTED,
        **about,
    }
