"""``GET /v1/ops/health-of-data``: whether the data that arrives is good enough, and what to mend first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

import msgspec
from msgspec import Struct

from serving import measures
from serving.http.access import Served
from serving.http.answer import Answer
from serving.http.exchange import Exchange
from serving.http.problem import unavailable
from serving.measures import Measure
from serving.sample import Sample, Sampler
from stream.catalogue import Catalogue, Shelved
from stream.cluster import BrokerAway
from stream.state.store import Unavailable
from stream.tokens import BadToken, read_decision_id

KEPT_S = 10.0
PATIENCE_S = 10.0


class Sampled(Struct, frozen=True):
    """What the answer rests on: records at most 24 hours old; times in epoch ms, null if there are none."""

    records: int
    partitions: int
    partitions_read: int
    oldest_at: int | None
    newest_at: int | None


class DataHealth(Struct, frozen=True):
    """The worst verdict, and all measures; `events` counts the sample's events by name."""

    verdict: measures.Verdict
    sampled: Sampled
    measures: list[Measure]
    events: dict[str, int]
    unknown_items: list[str]


_encode = msgspec.json.Encoder().encode


class HealthOfData:
    """The route: looks at most every 10 s, however many ask."""

    def __init__(
        self,
        sampler: Sampler,
        catalogue: Catalogue,
        signing_key: bytes,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sampler, self._catalogue, self._signing_key = sampler, catalogue, signing_key
        self._clock = clock
        self._known: tuple[float, DataHealth] | None = None
        self._asking = asyncio.Lock()

    @property
    def routes(self) -> Served:
        """What it answers."""
        return (("GET", "/v1/ops/health-of-data", self.answer),)

    async def answer(self, _: Exchange) -> Answer:
        try:
            return Answer(_encode(await self.health()))
        except (BrokerAway, TimeoutError):
            raise unavailable("The newest events cannot be read: the broker did not answer in time.", 2) from None
        except Unavailable:
            detail = "The newest events cannot be read: no broker answers, or its topics are not known yet."
            raise unavailable(detail, 2) from None

    async def health(self) -> DataHealth:
        """As it was at most 10 s ago; raises `BrokerAway`, `Unavailable` or TimeoutError."""
        async with self._asking:
            if self._known is None or self._clock() - self._known[0] >= KEPT_S:
                sample = await asyncio.wait_for(self._sampler.sample(), PATIENCE_S)
                items = dict(self._catalogue.items)  # the event loop goes on changing the catalogue's own
                self._known = (self._clock(), await asyncio.to_thread(self._judged, sample, items))
            return self._known[1]

    def _judged(self, sample: Sample, items: Mapping[str, Shelved]) -> DataHealth:
        found = measures.evidence(sample, {id_: one.item for id_, one in items.items()}, self._ours)
        made = measures.measures(found)
        return DataHealth(
            measures.worst(made), _sampled(sample), made, measures.names(found), measures.unknown_items(found)
        )

    def _ours(self, decision_id: str) -> bool:
        try:
            read_decision_id(self._signing_key, decision_id)
        except BadToken:
            return False
        return True


def _sampled(sample: Sample) -> Sampled:
    times = [record.timestamp for part in sample.parts for record in part.records]
    read = len(sample.parts)
    return Sampled(len(times), sample.partitions, read, min(times, default=None), max(times, default=None))
