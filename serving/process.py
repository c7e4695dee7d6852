"""One serving process: its connections, what runs in its background, and how it starts and stops."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog

from serving.api import Api
from serving.config.copy import ConfigCopy
from serving.console.accounts import Accounts, path_of
from serving.console.recent import Recent
from serving.console.routes import Console
from serving.docs.routes import routes as docs
from serving.parts import KINDS, Ports
from serving.prices import Prices, options_of, prices_follower
from serving.rows import KIND
from serving.search.facets import COUNTED
from serving.web.routes import routes as pages
from stream.catalog_item import CatalogItem
from stream.catalogue_copy import FOLDER, CatalogueCopy
from stream.cluster import BrokerAway, Cluster
from stream.fold import Record
from stream.keyring import key_bytes, pseudonyms
from stream.lag import Row as LagRow
from stream.lag import lag
from stream.local_copy import LocalCopy
from stream.producer import Producer
from stream.pseudonyms import STORED
from stream.settings import Settings
from stream.span import within
from stream.state.keys import Keys, Tag
from stream.state.pipe import Pipe
from stream.state.redis import RedisStore
from stream.state.store import Unavailable
from stream.tail import newest
from stream.topics import TOPICS

log = structlog.get_logger()

DECISIONS_BUFFERED = 20_000
REFRESH_S = 1.0
CODES_A_REFRESH_SECOND = 20_000
AUDIT_SHOWN = 20
SAVE_ROWS_S = 20.0
SWEEP_BUDGET_S = 1.0
STORE_TIMEOUT_S = 0.5
LEVEL_S = 0.1
_OTHER_KEYS = (
    "the state was made with other pseudonym keys: nothing personal is answered. Set the LIVESHELF_PSEUDONYM_KEY and "
    "LIVESHELF_LATER_PSEUDONYM_KEYS that belong to this LIVESHELF_KEY_PREFIX"
)

log = structlog.get_logger()


class Process:
    """Everything that one process holds; made in its event loop. `leaving`: whether it was told to end."""

    def __init__(self, settings: Settings, leaving: Callable[[], bool] = lambda: False) -> None:
        self.settings = settings
        self.copy = CatalogueCopy(settings, keep=True)
        self.config = ConfigCopy(settings, KINDS)
        self._prices = Prices(options_of(settings))
        self._ledger = prices_follower(settings, self._prices)
        self._readers = Pipe(settings.redis_url), Pipe(settings.redis_url, budget_s=SWEEP_BUDGET_S)
        self._producer = Producer.of(settings)
        self._offers = Producer(settings.broker_url, linger_ms=50, buffered=DECISIONS_BUFFERED)
        self._cluster: Cluster | None = None
        self._store = RedisStore(settings.redis_url, Keys(settings.key_prefix), timeout_s=STORE_TIMEOUT_S)
        ports = Ports(
            reader=self._readers[0],
            patient=self._readers[1],
            producer=self._producer,
            offers=self._offers,
            catalogue=self.copy.catalogue,
            prices=self._prices,
            vectors=self.copy.vectors,
            partitions=self.copy.partitions,
            live=lambda: self.copy.follower.live,
            store=self._store,
            ends=self._ends,
            read=lambda *place: self._asked().read(*place),
            within=lambda *span: within(settings, *span),
            lag=self._lag,
            leaving=leaving,
            config=self.config.config,
            rows_copy=LocalCopy(settings.data_dir / FOLDER / f"rows-{settings.key_prefix}", KIND),
        )
        self.api = Api(settings, ports)
        token_of = self.api.visitor_tokens.token_of if settings.demo else None
        self.pages = [
            *pages(publishable_key=settings.publishable_key, items=self._items, demo=settings.demo, token_of=token_of),
            *docs(),
            *self._console().routes(),
        ]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Process]:
        """Load the local copies, follow what changes, and at the end write the copies and close all connections."""
        began: list[asyncio.Task[Any]] = []
        for reader in self._readers:
            reader.connect()
        self.copy.start()
        self.config.start()
        self._ledger.start()
        self.api.rows.load()
        self.api.shop.refresh(_now())
        try:
            began += [asyncio.create_task(one(), name=one.__qualname__) for one in self._background()]
            yield self
        finally:
            for task in began:
                task.cancel()
            await asyncio.gather(*began, return_exceptions=True)
            await self._close()

    def _background(self) -> tuple[Callable[[], Coroutine[Any, Any, None]], ...]:
        api = self.api
        search = api.index.follow, api.knowing.follow, api.behaviour.follow
        followed = api.rows.sweep, api.rows.follow, api.models.follow, api.policies.follow, api.budgets.follow, *search
        return *followed, self._level, self._refuse_other_keys, self._refresh, self._save, self._settle

    async def _refresh(self) -> None:
        """Rank what is popular, again and again."""
        while True:
            self.api.shop.refresh(_now())
            await asyncio.sleep(max(REFRESH_S, len(self.api.shop.codes) / CODES_A_REFRESH_SECOND))

    async def _level(self) -> None:
        """Ask once where the privacy topic ends: Redis must hold all of it before anything personal is answered."""
        while not self.api.visitors.level.known:
            with suppress(BrokerAway):
                count = self.copy.partitions("privacy") if self.copy.follower.live else 0
                ends = await self._ends([Tag("privacy", partition) for partition in range(count)])
                self.api.visitors.level.begin(dict(enumerate(ends)))
            await asyncio.sleep(LEVEL_S)

    async def _refuse_other_keys(self) -> None:
        """Look once whether the state's pseudonyms are by this process's keys; if not, answer as if Redis was away."""
        ours = pseudonyms(self.settings).fingerprint
        while True:
            with suppress(Unavailable):
                tags = [Tag("events", partition) for partition in range(self.copy.partitions("events"))]
                found = [keys for tag in tags for keys in await self._store.load(tag, [STORED])]
                if not set(found) <= {None, ours}:
                    log.critical(_OTHER_KEYS, key_prefix=self.settings.key_prefix)
                    self.api.visitors.level.believe_nothing(len(tags))
                if tags:
                    return
            await asyncio.sleep(LEVEL_S)

    async def _save(self) -> None:
        while True:
            await asyncio.sleep(SAVE_ROWS_S)
            await self.api.rows.save()

    async def _settle(self) -> None:
        """What was loaded at the start stays: the garbage collector need not walk through it again and again."""
        await self.copy.catalogue.ready.wait()
        self.api.shop.columns.make(COUNTED)
        await self.api.rows.swept.wait()
        gc.collect()
        gc.freeze()

    async def _close(self) -> None:
        await self.copy.stop()
        await self.config.stop()
        await self._ledger.stop()
        await self.api.rows.save()
        _, unsent = await asyncio.gather(*[asyncio.to_thread(one.close) for one in (self._producer, self._offers)])
        if unsent:
            log.warning("decisions_not_written", count=unsent, reason="the broker did not take them before the end")
        for reader in self._readers:
            await reader.close()
        await self._store.close()

    async def _lag(self) -> list[LagRow]:
        """How far every agent is; raises `BrokerAway` or `Unavailable`."""
        known = self.copy.all_partitions()
        if any(topic not in known for topic in TOPICS):
            raise Unavailable("the topics' partitions are not known yet")
        return await lag(self._asked(), self._store, known, now_ms=_now())

    async def _ends(self, tags: Sequence[Tag]) -> list[int]:
        """The next offset of each partition's log; raises `BrokerAway`."""
        places = [(tag.topic, tag.partition) for tag in tags]
        found = await asyncio.to_thread(self._asked().offsets, places)
        return [found[place].end for place in places]

    def _asked(self) -> Cluster:
        if self._cluster is None:
            self._cluster = Cluster(self.settings)
        return self._cluster

    def _console(self) -> Console:
        """The operators' and marketers' pages."""
        return Console(
            key_bytes(self.settings, "signing_key"),
            Accounts(path_of(self.settings)),
            self.api.audit,
            Recent(self._newest_audit, time.monotonic),
            self.api.operations,
            clock=_now,
            timer=time.monotonic,
        )

    def _newest_audit(self) -> list[Record]:
        if not (self.copy.follower.live and self.copy.partitions("audit")):
            raise BrokerAway("no broker answers, or its topics are not there yet")
        return newest(self.settings.broker_url, "audit", AUDIT_SHOWN)

    def _items(self) -> Iterator[CatalogItem]:
        """The catalogue as the first page reads it."""
        return (shelved.item for shelved in self.copy.catalogue.items.values())


def _now() -> int:
    return int(time.time() * 1000)
