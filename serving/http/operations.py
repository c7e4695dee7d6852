"""For operators: ``/healthz``, ``/readyz``, ``/metrics``, ``/v1/ops/lag``.

Health says that the process runs; readiness that it can answer, which it can from its local copy as well, so a broker
or a Redis that is away does not take it out of service.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from serving.decision_log import DecisionLog
from serving.http import metrics, visible
from serving.http.access import Served
from serving.http.answer import Answer
from serving.http.exchange import Exchange
from serving.http.problem import unavailable
from serving.models import Models
from serving.rows import Rows
from stream.catalogue import Catalogue
from stream.cluster import BrokerAway
from stream.lag import Row
from stream.runner import BUCKETS_MS
from stream.state.keys import Keys
from stream.state.store import Unavailable

KEPT_S = 1.0
PATIENCE_S = 5.0
_encode = msgspec.json.Encoder().encode

REGISTRY.register(visible.FRESHNESS)


class Heartbeats(Protocol):
    """Finds and reads workers' heartbeats."""

    async def find(self, pattern: str) -> list[str]:
        """Full keys that match; raises `Unavailable`."""

    async def mget(self, keys: Sequence[str]) -> list[bytes | None]:
        """The values in order; raises `Unavailable`."""


class Operations:
    """The routes.

    Parameters
    ----------
    lag: asks broker and store how far every agent is; raises `BrokerAway` or `Unavailable`.
    live: whether the broker answered a moment ago.
    leaving: whether the process is about to end, and should be sent nothing more.
    level: whether it is known how far the privacy topic goes: before, nothing personal is answered.
    configured: whether the documents that marketers edit were read; `indexed` whether search knows the catalogue.
    """

    def __init__(
        self,
        lag: Callable[[], Awaitable[list[Row]]],
        heartbeats: Heartbeats,
        names: Keys,
        catalogue: Catalogue,
        rows: Rows,
        models: Models,
        decisions: DecisionLog,
        live: Callable[[], bool],
        level: Callable[[], bool],
        leaving: Callable[[], bool],
        configured: Callable[[], bool],
        indexed: Callable[[], bool],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._level, self._leaving, self._configured, self._indexed = level, leaving, configured, indexed
        self._lag, self._heartbeats, self._names = lag, heartbeats, names
        self._catalogue, self._rows, self._models, self._decisions = catalogue, rows, models, decisions
        self._live, self._clock = live, clock
        self._known: tuple[float, list[Row]] = (-KEPT_S, [])
        self._asking = asyncio.Lock()

    @property
    def routes(self) -> Served:
        """What it answers."""
        return (
            ("GET", "/v1/ops/lag", self.lag),
            ("GET", "/healthz", self.health),
            ("GET", "/readyz", self.ready),
            ("GET", "/metrics", self.metrics),
        )

    async def health(self, _: Exchange) -> Answer:
        return Answer(b'{"status":"ok"}')

    async def ready(self, _: Exchange) -> Answer:
        """200 once there is a catalogue to answer from, by the topic or by the local copy, until the process ends."""
        if self._leaving():
            raise unavailable("This process was told to end and is answering what it has. Send requests to another.")
        if not self._catalogue.ready.is_set():
            raise unavailable("The catalogue is still being read: no broker answers, or its topics are not there.")
        if self._live() and not self._configured():
            raise unavailable(
                "What marketers have set is still being read, so that nothing that they switched off is shown. If this "
                "stays, `liveshelf.config.v1` is not there: a worker of this release creates it."
            )
        if not self._indexed():
            raise unavailable("The search index is still being made from the catalogue, about 5,000 items a second.")
        if self._live() and not self._level():
            raise unavailable("The privacy topic's end is being asked for: nothing personal is answered before.")
        return Answer(_encode({"status": "ready", "sources": await self.sources(), "items": self.items}))

    async def lag(self, _: Exchange) -> Answer:
        """Per agent and partition: position, end, records, seconds, verdict; and how soon events become visible."""
        try:
            rows = await asyncio.wait_for(self._rows_of_lag(), PATIENCE_S)
            beat = await self._heartbeat()
        except (BrokerAway, TimeoutError):
            raise unavailable("The lag is not known: the broker did not answer in time.", 2) from None
        except Unavailable:
            raise unavailable("The lag is not known: Redis does not answer, or no topics are known yet.", 2) from None
        counts = dict(zip([*map(str, BUCKETS_MS), "more"], beat.freshness, strict=True))
        return Answer(
            _encode(
                {
                    "verdict": worst(rows),
                    "records": sum(row.records for row in rows),
                    "partitions": rows,
                    "freshness": {"upto_ms": counts, "sum_ms": beat.freshness_sum_ms},
                    "lost": beat.lost,
                }
            )
        )

    async def metrics(self, _: Exchange) -> Answer:
        await self._measure()
        return Answer(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST.encode())

    @property
    def items(self) -> int:
        """Items of the catalogue."""
        return len(self._catalogue)

    async def sources(self) -> dict[str, bool]:
        """Whether Kafka and Redis answer."""
        return {"kafka": self._live(), "redis": await self._redis_answers()}

    async def waiting(self) -> tuple[str, int] | None:
        """The worst verdict and how many records wait; None if that is not known within a moment."""
        try:
            rows = await asyncio.wait_for(self._rows_of_lag(), PATIENCE_S)
        except (BrokerAway, Unavailable, TimeoutError):
            return None
        return worst(rows), sum(row.records for row in rows)

    async def _rows_of_lag(self) -> list[Row]:
        """Asked at most once a second, whoever wants to know."""
        async with self._asking:
            if self._clock() - self._known[0] >= KEPT_S:
                self._known = (self._clock(), await self._lag())
            return self._known[1]

    async def _heartbeat(self) -> visible.Heartbeat:
        found = await self._heartbeats.find(self._names.worker("*"))
        visible.FRESHNESS.beat = visible.summed(await self._heartbeats.mget(found) if found else [])
        return visible.FRESHNESS.beat

    async def _redis_answers(self) -> bool:
        try:
            await self._heartbeats.mget([self._names.worker("-")])
        except Unavailable:
            return False
        return True

    async def _measure(self) -> None:
        """Bring the gauges up to date; what cannot be asked keeps its last value."""
        metrics.ITEMS.set(len(self._catalogue))
        metrics.ITEMS_REFUSED.set(self._catalogue.refused)
        metrics.ROWS.set(len(self._rows))
        metrics.DECISIONS_DROPPED.set(self._decisions.dropped)
        metrics.LIVE.labels("kafka").set(self._live())
        metrics.LIVE.labels("redis").set(await self._redis_answers())
        for model in self._models.published:
            metrics.of_model(model)
        try:
            metrics.EVENTS_LOST.set((await self._heartbeat()).lost)
            for row in await asyncio.wait_for(self._rows_of_lag(), PATIENCE_S):
                metrics.LAG_RECORDS.labels(row.agent, row.partition).set(row.records)
                metrics.LAG_SECONDS.labels(row.agent, row.partition).set(row.seconds)
        except (BrokerAway, Unavailable, TimeoutError):
            return


def worst(rows: Sequence[Row]) -> str:
    """The worst verdict of all partitions."""
    return max((row.verdict for row in rows), key=("ok", "behind", "late").index, default="ok")
