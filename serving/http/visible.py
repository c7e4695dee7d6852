"""`liveshelf_freshness_seconds`: how long events took until they were visible, summed over the workers' heartbeats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate

import msgspec
from msgspec import Struct, field
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from stream.runner import BUCKETS_MS


class Heartbeat(Struct):
    """What of a worker's heartbeat is summed; `freshness` counts per bucket of `BUCKETS_MS`, the last one open."""

    freshness: list[int] = field(default_factory=list)
    freshness_sum_ms: float = 0.0
    lost: int = 0


_decoder = msgspec.msgpack.Decoder(Heartbeat)


def summed(packed: Iterable[bytes | None]) -> Heartbeat:
    """All heartbeats as one; those that cannot be read count nothing."""
    total = Heartbeat([0] * (len(BUCKETS_MS) + 1))
    for one in packed:
        try:
            beat = _decoder.decode(one or b"")
        except msgspec.MsgspecError:
            continue
        if len(beat.freshness) == len(total.freshness):
            total.freshness = [a + b for a, b in zip(total.freshness, beat.freshness, strict=True)]
            total.freshness_sum_ms += beat.freshness_sum_ms
        total.lost += beat.lost
    return total


class Freshness(Collector):
    """Shows the last sum."""

    def __init__(self) -> None:
        self.beat = Heartbeat([0] * (len(BUCKETS_MS) + 1))

    def collect(self) -> Iterator[HistogramMetricFamily]:
        bounds = [*(str(bound / 1000) for bound in BUCKETS_MS), "+Inf"]
        yield HistogramMetricFamily(
            "liveshelf_freshness_seconds",
            "from an event's acknowledgement until its effect could be read",
            buckets=list(zip(bounds, map(float, accumulate(self.beat.freshness)), strict=True)),
            sum_value=self.beat.freshness_sum_ms / 1000,
        )


FRESHNESS = Freshness()
