"""A warm shop: a catalogue in Kafka; rows and visitors in Redis, written by the real folds through the real store."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
import orjson
from confluent_kafka import Producer
from msgspec import Struct

from stream.catalogue import Catalogue
from stream.fold import Fold, Outbound, Record
from stream.item import Item, ItemFold
from stream.roster import fold_of
from stream.shard import Shard
from stream.signals import relations
from stream.state.keys import Keys, Tag
from stream.state.redis import RedisStore
from stream.title_vectors import TitleVectors
from stream.topics import TOPICS, partition_of
from tests.load.clicks import event
from tests.load.stand import PARTITIONS, Stand

ROUNDS = 5
STEPS = 20
VISIT = 5
LEAST_RELATIONS = 20
STEP_MS = 800
VISIT_STEP_MS = 20_000
_CHUNK = 500
_KINDS = ("Pan", "Kettle", "Lamp", "Rug", "Chair", "Shelf", "Mug", "Knife", "Bowl", "Clock")
_PARTITIONS = dict.fromkeys(TOPICS, PARTITIONS)


class Ask(Struct, frozen=True):
    """One visitor's next request: they are on the page of `item_id`."""

    visitor_id: str
    item_id: str


class _Kept:
    """Takes derived records instead of Kafka."""

    def __init__(self) -> None:
        self.sent: list[Outbound] = []

    async def send_all(self, records: Sequence[Outbound]) -> None:
        self.sent += records


async def warm_shop(stand: Stand, items: int, visitors: int) -> list[Ask]:
    """Fill an empty stand; every item has at least 20 relations, every visitor a running visit of 5 events."""
    catalogue = _catalogue(stand, items)
    store = RedisStore(stand.settings.redis_url, Keys(stand.settings.key_prefix))
    try:
        asks, clicks = _clicks(items, visitors)
        titles = TitleVectors(catalogue)
        titles.catch_up(items)
        kept = _Kept()
        fold = fold_of("visitor", stand.settings, _PARTITIONS, titles.of_session)
        await _feed(store, kept, fold, _records("events", clicks))
        pairs = [Record("pairs", one.partition, -1, 0, one.key, one.value) for one in kept.sent if one.topic == "pairs"]
        await _feed(store, _Kept(), ItemFold, _numbered(pairs))
        await _check(store, items)
        return asks
    finally:
        await store.close()


def item_of(number: int) -> str:
    return f"sku-{number:05d}"


def _catalogue(stand: Stand, items: int) -> Catalogue:
    """Send all items to the catalogue's topic; the same as workers hold it."""
    producer, records = Producer({"bootstrap.servers": stand.settings.broker_url, "linger.ms": 20}), []
    for number in range(items):
        key, value = item_of(number).encode(), orjson.dumps(_item(number))
        partition = partition_of(key, PARTITIONS)
        producer.produce(TOPICS["catalog"].name, value, key, partition)
        producer.poll(0)
        records.append(Record("catalog", partition, number, 0, key, value))
    if producer.flush(30):
        raise TimeoutError("the catalogue was not acknowledged")
    catalogue = Catalogue()
    catalogue.apply(records)
    catalogue.caught_up()
    return catalogue


def _item(number: int) -> dict[str, Any]:
    item_id, kind = item_of(number), _KINDS[number % len(_KINDS)]
    return {
        "item_id": item_id,
        "title": f"{kind} No. {number}, handmade in a small series",
        "category": f"Home > {kind}s > Series {number % 200}",
        "url": f"https://shop.example/p/{item_id}",
        "image_url": f"https://shop.example/i/{item_id}.jpg",
        "price": f"{5 + number % 95}.90",
        "currency": "EUR",
        "availability": "in_stock",
    }


def _clicks(items: int, visitors: int) -> tuple[list[Ask], list[tuple[str, bytes]]]:
    """(requests to come, events as (visitor id, bytes)): a history that knows every item, then visits that still run.

    In each round every item is looked at once, in sessions of twenty.
    """
    rng, now = random.Random(7), int(time.time() * 1000)
    numbers, clicks = list(range(items)), []
    at = now - VISIT * VISIT_STEP_MS - ROUNDS * items * STEP_MS
    for turn in range(ROUNDS):
        rng.shuffle(numbers)
        for place, number in enumerate(numbers):
            visitor = f"past-{turn}-{place // STEPS}"
            clicks.append((visitor, event(f"h{turn}-{place}", visitor, item_of(number), at)))
            at += STEP_MS
    asks = []
    for n in range(visitors):
        visitor, *visit = f"visitor-{n}", *(item_of(number) for number in rng.sample(range(items), VISIT + 1))
        asks.append(Ask(visitor, visit[-1]))
        for step, item_id in enumerate(visit[:VISIT]):
            clicks.append((visitor, event(f"v{n}-{step}", visitor, item_id, now + (step - VISIT) * VISIT_STEP_MS)))
    return asks, clicks


def _records(noun: str, clicks: Iterable[tuple[str, bytes]]) -> list[list[Record]]:
    return _numbered(
        Record(noun, partition_of(visitor.encode(), PARTITIONS), -1, int(time.time() * 1000), visitor.encode(), value)
        for visitor, value in clicks
    )


def _numbered(records: Iterable[Record]) -> list[list[Record]]:
    """By partition, each with its own offsets."""
    logs: list[list[Record]] = [[] for _ in range(PARTITIONS)]
    for record in records:
        log = logs[record.partition]
        log.append(msgspec.structs.replace(record, offset=len(log)))
    return logs


async def _feed(store: RedisStore, sender: _Kept, fold: Any, logs: Sequence[Sequence[Record]]) -> None:
    for partition, log in enumerate(logs):
        made: Fold = fold()
        shard = Shard(made, partition, "bench", _PARTITIONS, store, sender)
        await shard.start()
        for some in _chunks(log):
            await shard.apply(some)
            await shard.flush()
            await asyncio.sleep(0)


def _chunks(log: Sequence[Record]) -> Iterator[Sequence[Record]]:
    for at in range(0, len(log), _CHUNK):
        yield log[at : at + _CHUNK]


async def _check(store: RedisStore, items: int) -> None:
    """Every item's row is there and has its relations."""
    ids: dict[int, list[str]] = {}
    for number in range(items):
        ids.setdefault(partition_of(item_of(number).encode(), PARTITIONS), []).append(f"item:{item_of(number)}")
    fewest = LEAST_RELATIONS
    for partition, keys in ids.items():
        for packed in await store.load(Tag("pairs", partition), keys):
            row: Any = msgspec.msgpack.decode(packed or b"", type=Item)
            state = relations.SIGNAL.of(row)
            fewest = min(fewest, len(state.after.keys() | state.before.keys()))
    if fewest < LEAST_RELATIONS:
        raise AssertionError(f"an item has {fewest} relations, at least {LEAST_RELATIONS} were to be made")
