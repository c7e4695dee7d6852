"""What the checks look at, asked all at once, each part within its own budget: what is away costs no more than that."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from contextlib import aclosing
from typing import Any, NamedTuple, TypeVar

import aiohttp
import msgspec
from msgspec import Struct, field

from serving.dead_letters import Letter, letter_of
from serving.measures import Measure, evidence, measures
from serving.sample import Part, Sample
from serving.threads import one_by_one
from stream.catalog_item import CatalogItem
from stream.catalogue import Catalogue
from stream.cluster import BrokerAway, Cluster
from stream.fold import Record
from stream.lag import Row, lag
from stream.roster import AGENTS
from stream.settings import Settings
from stream.span import within
from stream.state.keys import Keys, Tag
from stream.state.redis import Condition, RedisStore
from stream.state.store import Position, Unavailable
from stream.survey import Survey, survey
from stream.tail import newest
from stream.topics import TOPICS

BUDGET_S = 8.0
SAMPLE = 960
API = "http://127.0.0.1:8080"
T = TypeVar("T")


class Away(NamedTuple):
    """What could not be asked, and why."""

    why: str


class Beat(Struct, frozen=True):
    """A worker's heartbeat: when (ms), how many records the log lost before it, and its partitions."""

    at: int
    lost: int = 0
    shards: dict[str, Any] = field(default_factory=dict)


class Answer(Struct, frozen=True):
    """What an API answered to `/readyz`; status 0: nothing listens there."""

    status: int
    body: str = ""


class Facts(Struct):
    """All that is known.

    `items_whole` is false if there was no time to read the whole catalogue; `measures` by name, of the newest events;
    `given`: whether somebody named the API's address.
    """

    settings: Settings
    now_ms: int
    survey: Survey | Away = Away("")
    redis: Condition | Away = Away("")
    beats: list[Beat] = field(default_factory=list)
    lag: list[Row] | Away = Away("")
    positions: dict[Tag, Position] = field(default_factory=dict)
    events: list[Record] = field(default_factory=list)
    decisions: list[Record] = field(default_factory=list)
    dead: list[Letter] = field(default_factory=list)
    items: dict[str, CatalogItem] = field(default_factory=dict)
    items_whole: bool = False
    measures: dict[str, Measure] = field(default_factory=dict)
    url: str = API
    given: bool = False
    api: Answer = Answer(0)


async def gathered(settings: Settings, api: str = "") -> Facts:
    """Ask everything; never raises for what is away."""
    facts = Facts(settings, int(time.time() * 1000), url=api or API, given=bool(api))
    store = _store(facts)
    try:
        await asyncio.gather(_of_broker(facts), _of_redis(facts, store), _of_api(facts))
        if store is not None:
            await _of_both(facts, store)
    finally:
        if store is not None:
            await store.close()
    return facts


def _store(facts: Facts) -> RedisStore | None:
    settings = facts.settings
    if not settings.redis_url:
        return None
    try:
        return RedisStore(settings.redis_url, Keys(settings.key_prefix), timeout_s=2)
    except ValueError as error:
        facts.redis = Away(f"LIVESHELF_REDIS_URL is no URL of a Redis: {error}")
        return None


async def _asked(work: Coroutine[Any, Any, T]) -> T | Away:
    try:
        return await asyncio.wait_for(work, BUDGET_S)
    except (BrokerAway, Unavailable) as error:
        return Away(str(error))
    except TimeoutError:
        return Away(f"no answer within {BUDGET_S:.0f} s")


async def _of_broker(facts: Facts) -> None:
    if not facts.settings.broker_url:
        return
    facts.survey = await _asked(asyncio.to_thread(survey, facts.settings))
    if isinstance(facts.survey, Survey):
        found = facts.survey.topics
        samples = await asyncio.gather(
            _sample(facts, "events", found), _sample(facts, "decisions", found), _sample(facts, "dead_letters", found)
        )
        facts.events, facts.decisions = samples[0], samples[1]
        facts.dead = [letter for letter in map(letter_of, samples[2]) if letter is not None]
        if "catalog" in found:
            facts.items, facts.items_whole = await _items(facts.settings)
        if "events" in found:
            facts.measures = _measured(facts, found["events"].partitions)


async def _sample(facts: Facts, noun: str, found: dict[str, Any]) -> list[Record]:
    """The newest records of a topic, some of each partition."""
    if noun not in found or not found[noun].partitions:
        return []
    count = _each(found[noun].partitions)
    asked = await _asked(asyncio.to_thread(newest, facts.settings.broker_url, noun, count))
    return [] if isinstance(asked, Away) else asked


def _each(partitions: int) -> int:
    """How many of the newest records of each partition are looked at."""
    return max(1, SAMPLE // partitions)


async def _items(settings: Settings) -> tuple[dict[str, CatalogItem], bool]:
    """The catalogue, and whether that is all of it."""
    catalogue, whole = Catalogue(), False
    try:
        async with asyncio.timeout(BUDGET_S), aclosing(one_by_one(within(settings, "catalog"))) as batches:
            async for batch in batches:
                catalogue.apply(batch)
        whole = True
    except (TimeoutError, BrokerAway):
        whole = False
    return {item_id: shelved.item for item_id, shelved in catalogue.items.items()}, whole


def _measured(facts: Facts, partitions: int) -> dict[str, Measure]:
    """What the newest events are worth; of items only where the catalogue is known."""
    parts = [
        Part(sorted(records, key=lambda one: one.offset), whole=len(records) < _each(partitions))
        for partition in range(partitions)
        if (records := [one for one in facts.events if one.partition == partition])
    ]
    found = measures(evidence(Sample(parts, partitions), facts.items, lambda _: True))
    judged = {one.name: one for one in found}
    if not facts.items or not facts.items_whole:
        judged.pop("items_known")
    return judged


async def _of_redis(facts: Facts, store: RedisStore | None) -> None:
    if store is None:
        return
    facts.redis = await _asked(store.condition())
    facts.now_ms = int(time.time() * 1000)  # its clock is compared with ours of this moment
    if isinstance(facts.redis, Condition):
        packed = await _asked(store.heartbeats())
        facts.beats = [] if isinstance(packed, Away) else [beat for beat in map(_beat, packed) if beat is not None]


def _beat(packed: bytes) -> Beat | None:
    try:
        return msgspec.msgpack.decode(packed, type=Beat)
    except msgspec.MsgspecError:
        return None


async def _of_both(facts: Facts, store: RedisStore) -> None:
    """Where the agents are, against the logs."""
    if not isinstance(facts.survey, Survey) or not isinstance(facts.redis, Condition):
        return
    partitions = {noun: topic.partitions for noun, topic in facts.survey.topics.items()}
    for agent in AGENTS.values():
        tag = Tag(agent.topic, 0)
        stored = await _asked(store.position(tag))
        if isinstance(stored, str):
            facts.positions[tag] = Position.parse(stored)
    if partitions.keys() == TOPICS.keys():
        facts.lag = await _asked(lag(Cluster(facts.settings), store, partitions, now_ms=facts.now_ms))


async def _of_api(facts: Facts) -> None:
    timeout = aiohttp.ClientTimeout(3)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as client,
            client.get(f"{facts.url.rstrip('/')}/readyz") as answer,
        ):
            facts.api = Answer(answer.status, (await answer.text(errors="replace"))[:500])
    except (aiohttp.ClientError, TimeoutError, ValueError):
        facts.api = Answer(0)
