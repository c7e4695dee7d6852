"""A whole deployment in memory: log, folds, state, catalogue and API; time stands still until a test moves it."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Iterator, Sequence
from typing import Any

import httpx

from serving.api import Api
from serving.config.documents import Config
from serving.http.application import Application
from serving.parts import KINDS, Ports
from serving.prices import Prices, options_of
from stream.backpressure import Full
from stream.catalogue import Catalogue
from stream.cluster import BrokerAway
from stream.decisions import DecisionFold
from stream.fold import Outbound, Record
from stream.item import ItemFold
from stream.keyring import pseudonyms
from stream.lag import Row as LagRow
from stream.learner import LearnerFold
from stream.ledger import LedgerFold
from stream.migrate import Renaming, move
from stream.privacy_copy import apply
from stream.producer import NotAcknowledged
from stream.profile import ProfileFold
from stream.query import QueryFold
from stream.settings import Settings
from stream.shard import Shard
from stream.state.keys import Keys, Tag
from stream.state.memory import MemoryStore
from stream.state.store import Unavailable
from stream.title_vectors import TitleVectors
from stream.topics import TOPICS
from stream.visitor import VisitorFold

NOW = 1_790_000_000_000
PARTITIONS = dict.fromkeys(TOPICS, 2)
NOUNS = {topic.name: topic.noun for topic in TOPICS.values()}
PUBLISHABLE, SECRET = "pk_test", "sk_test"
GRANTED = {"analytics": True, "personalization": True}
DENIED = {"analytics": False, "personalization": False}


class Broker:
    """The log: acknowledges at once, or fails as told."""

    def __init__(self) -> None:
        self.logs: defaultdict[tuple[str, int], list[Record]] = defaultdict(list)
        self.failure: Exception | None = None
        self.dropped = 0
        self.now = NOW

    def send(self, topic: str, partition: int, key: bytes | None, value: bytes | None) -> Awaitable[int]:
        if isinstance(self.failure, Full):
            raise self.failure
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if self.failure is not None:
            done.set_exception(self.failure)
        else:
            log = self.logs[NOUNS[topic], partition]
            log.append(Record(NOUNS[topic], partition, len(log), self.now, key, value))
            done.set_result(len(log) - 1)
        return done

    def offer(self, topic: str, partition: int, key: bytes | None, value: bytes) -> bool:
        if self.failure is not None:
            self.dropped += 1
            return False
        log = self.logs[NOUNS[topic], partition]
        log.append(Record(NOUNS[topic], partition, len(log), self.now, key, value))
        return True

    async def send_all(self, records: Sequence[Outbound]) -> None:
        for record in records:
            await self.send(TOPICS[record.topic].name, record.partition, record.key, record.value)

    def values(self, noun: str) -> list[Any]:
        """All records of a topic, decoded."""
        return [json.loads(r.value) for (topic, _), log in self.logs.items() if topic == noun for r in log if r.value]


class Redis:
    """Reads a memory store by full keys; `away` makes it fail."""

    def __init__(self, store: MemoryStore) -> None:
        self.store, self.away, self.calls = store, False, 0

    async def mget(self, keys: Sequence[str]) -> list[bytes | None]:
        self.calls += 1
        if self.away:
            raise Unavailable("away")
        return [self._value(key) for key in keys]

    async def find(self, pattern: str) -> list[str]:
        if self.away:
            raise Unavailable("away")
        return []

    def _value(self, key: str) -> bytes | None:
        if "{" not in key:
            return None
        topic, _, partition = key.partition("{")[2].partition("}")[0].partition(":")
        tag, short = Tag(topic, int(partition)), key.partition("}:")[2]
        if short == "position":
            position = self.store.positions.get(tag)
            return position.encode() if position else None
        return self.store.values[tag].get(short)


class Deployment:
    """`settle` lets the workers catch up and serving refresh what it holds."""

    def __init__(self, *, broker: Broker | None = None, **more: Any) -> None:
        keys = {"pseudonym_key": "pseudonyms", "signing_key": "signatures"}
        self.settings = Settings(**{**keys, "publishable_key": PUBLISHABLE, "secret_key": SECRET, **more})
        self.now, self.live, self.known = float(NOW), True, True
        self.torn = False
        self.pseudonyms = pseudonyms(self.settings)
        self.broker, self.store = broker or Broker(), MemoryStore()
        self.redis = Redis(self.store)
        self.catalogue = Catalogue()
        self.vectors = TitleVectors(self.catalogue)
        self.prices = Prices(options_of(self.settings))
        self.config = Config(KINDS)
        ports = Ports(
            reader=self.redis,
            patient=self.redis,
            producer=self.broker,
            offers=self.broker,
            catalogue=self.catalogue,
            prices=self.prices,
            vectors=self.vectors,
            partitions=lambda noun: PARTITIONS[noun] if self.known else 0,
            live=lambda: self.live,
            store=self.store,
            ends=self._ends,
            read=self._log,
            within=self._within,
            lag=self._lag,
            config=self.config,
            clock=lambda: self.now,
            timer=lambda: self.now / 1000,
        )
        self.api = Api(self.settings, ports)
        self.api.erasures._sleep = self._sleep
        self.app = Application()
        self.app.serve(self.api.routes, self.api.access.origins)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://shop")
        self._shards: dict[tuple[str, int], Shard] = {}
        self._read: defaultdict[tuple[str, int], int] = defaultdict(int)
        self._worked: defaultdict[tuple[str, int], int] = defaultdict(int)
        self.catalogue.caught_up()
        self.config.caught_up()
        self.api.visitors.level.begin(dict.fromkeys(range(PARTITIONS["privacy"]), 0))

    def pid(self, visitor_id: str) -> str:
        return self.pseudonyms.of_visitor(visitor_id)

    def cid(self, customer_id: str) -> str:
        return self.pseudonyms.of_customer(customer_id)

    async def migrated(self, key: str) -> Deployment:
        """The same deployment after `liveshelf migrate` to one more key; this one is as it was."""
        later = f"{self.settings.later_pseudonym_keys.get_secret_value()} {key}"
        other = type(self)(broker=self.broker, later_pseudonym_keys=later)
        renaming = Renaming(other.pseudonyms, self.pseudonyms.length, PARTITIONS)
        await move(self.store, other.store, renaming, PARTITIONS)
        other.now = self.now
        other._worked.update(self._worked)
        other._read.update({place: at for place, at in self._read.items() if place[0] == "config"})
        other.follow()
        return other

    async def call(
        self, method: str, path: str, body: Any = None, *, key: str | None = PUBLISHABLE, **more: Any
    ) -> Any:
        headers = {**({"authorization": f"Bearer {key}"} if key else {}), **more.pop("headers", {})}
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        return await self.client.request(method, path, content=content, headers=headers, **more)

    async def stock(self, *items: dict[str, Any]) -> None:
        """Put items into the catalogue."""
        self.broker.now = int(self.now)
        answer = await self._following(self.call("PUT", "/v1/catalog/items", {"items": items}, key=SECRET))
        assert answer.status_code == 200, answer.text

    async def view(
        self,
        visitor_id: str,
        *item_ids: str,
        event: str = "view_item",
        settle: bool = True,
        key: str = PUBLISHABLE,
        **more: Any,
    ) -> list[dict[str, Any]]:
        """One event for each item, in order, a second apart, with `settle` all known afterwards; the verdicts."""
        verdicts = []
        for item_id in item_ids:
            self.now += 1_000
            made = self.event(event, visitor_id, item_id, **more)
            answer = await self.call("POST", "/v1/events", made, key=key)
            assert answer.status_code == 202, answer.text
            verdicts += answer.json()["verdicts"]
        if settle:
            await self.settle()
        return verdicts

    def event(self, name: str, visitor_id: str, *item_ids: str, **more: Any) -> dict[str, Any]:
        return {
            "event_id": f"{name}-{'-'.join(item_ids)}-{int(self.now)}"[:64],
            "event": name,
            "occurred_at": int(self.now),
            "visitor_id": visitor_id,
            "consent": GRANTED,
            "items": [{"item_id": item_id} for item_id in item_ids],
            **more,
        }

    async def place(self, name: str, *, status: int = 200, **document: Any) -> dict[str, Any]:
        """Edit a placement, or make it, and what it is then."""
        path = f"/v1/admin/placements/{name}"
        answer = await self._following(self.call("PUT", path, document, key=SECRET))
        assert answer.status_code == status, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def shelf(self, placement: str, visitor_id: str | None = None, **more: Any) -> dict[str, Any]:
        ask = {"visitor_id": visitor_id, **more}
        answer = await self.call("POST", f"/v1/recommendations/{placement}", ask)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def settle(self) -> None:
        """Let the workers apply what lies in the log, and serving read the rows and rank what is popular."""
        await self.work()
        self.follow()
        if not self.redis.away:
            await self.api.rows.read(self.api.shop.codes.ids)
        self.vectors.catch_up(1_000)
        self.api.shop.refresh(int(self.now))

    async def work(self) -> None:
        """Let the workers apply what lies in the log."""
        self.broker.now = int(self.now)
        for noun, fold in (
            ("decisions", DecisionFold),
            ("events", self._visitor_fold),
            ("pairs", ItemFold),
            ("profile", self._profile_fold),
            ("feedback", LearnerFold),
            ("queries", QueryFold),
            ("catalog", LedgerFold),
        ):
            for partition in range(PARTITIONS[noun]):
                await self._work(noun, partition, fold)
        for partition in range(PARTITIONS["privacy"]):
            log = self.broker.logs["privacy", partition]
            await apply(self.store, partition, log, len(log), self.pseudonyms)

    def _visitor_fold(self) -> VisitorFold:
        return VisitorFold(
            self.pid, PARTITIONS["events"], self.vectors.of_session, cid_of=self.cid, pseudonyms=self.pseudonyms
        )

    def _profile_fold(self) -> ProfileFold:
        return ProfileFold(self.pseudonyms)

    async def _work(self, noun: str, partition: int, fold: Any) -> None:
        place = (noun, partition)
        if place not in self._shards:
            shard = self._shards[place] = Shard(fold(), partition, "topic", PARTITIONS, self.store, self.broker)
            await shard.start()
        records = self.broker.logs[place][self._worked[place] :]
        if records:
            await self._shards[place].apply(records)
            await self._shards[place].flush()
            self._worked[place] += len(records)

    async def _following(self, call: Awaitable[Any]) -> Any:
        """Let the catalogue follow its topic while a call waits for that."""
        task = asyncio.ensure_future(call)
        while not task.done():
            await asyncio.sleep(0)
            self.follow()
        return task.result()

    def follow(self) -> None:
        for noun, sink in (("catalog", self.catalogue), ("prices", self.prices), ("config", self.config)):
            for partition in range(PARTITIONS[noun]):
                place = (noun, partition)
                records = self.broker.logs[place][self._read[place] :]
                if records:
                    sink.apply(records)
                    self._read[place] += len(records)
        self.api.index.catch_up(1_000)
        self.api.knowing.catch_up()

    async def _sleep(self, seconds: float) -> None:
        """Time passes for who waits."""
        self.now += seconds * 1000
        await asyncio.sleep(0)

    async def _ends(self, tags: Sequence[Tag]) -> list[int]:
        return [len(self.broker.logs[tag.topic, tag.partition]) for tag in tags]

    def _log(self, noun: str, partition: int, start: int, end: int) -> Iterator[list[Record]]:
        """The log in batches of two, as far as it goes."""
        if self.torn:
            raise BrokerAway("no leader")
        for cut in range(start, end, 2):
            yield self.broker.logs[noun, partition][cut : min(cut + 2, end)]

    def _within(self, noun: str, since: int, until: int) -> Iterator[list[Record]]:
        """The records of a span of time, one by one."""
        if self.torn:
            raise BrokerAway("no leader")
        for (topic, _), log in self.broker.logs.items():
            yield from ([record] for record in log if topic == noun and since <= record.timestamp < until)

    async def _lag(self) -> list[LagRow]:
        if self.redis.away:
            raise Unavailable("away")
        return [LagRow("visitor", "events", 0, 3, 5, 2, 7.5, "behind", 3, 0, 0, 0)]


def item(item_id: str, **more: Any) -> dict[str, Any]:
    return {"item_id": item_id, "title": f"Title {item_id}", "price": "5.00", "currency": "EUR", **more}


def ids(shelf: dict[str, Any]) -> list[str]:
    return [one["item_id"] for one in shelf["items"]]


NOT_ACKNOWLEDGED = NotAcknowledged("the broker is away")
FULL = Full("no room")
KEYS = Keys()
