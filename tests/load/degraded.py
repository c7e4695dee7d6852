"""What is answered while Redis or the broker fails, and under three times the load that one process bears.

A table of its own: for each fault the reads' p50 and p99 while it lasted, answers that were no 200, shelves that were
too short or showed what must not be seen, the rungs, what became of events, and how long after its end all was well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import inf

from rich.console import Console
from rich.table import Table

from tests.faults.deployment import Deployment
from tests.faults.rungs import FAULTS, Figures, Scene, scene
from tests.load.figures import Figure, Say
from tests.load.stand import Stand
from tests.proxy import ProxyThread

NAME = "degraded"
P99_MS = 50.0
RECOVERY_S = 3.0
BROKER_COMES_BACK_S = 20.0


def bench(
    stand: Stand, say: Say, *, faults: Sequence[str] = tuple(FAULTS), rate: float = 100.0, seconds: float = 5.0
) -> list[Figure]:
    """Each fault for `seconds` at `rate` requests a second, one in five of them an event."""
    stand.empty()
    found: dict[str, Figures] = {}
    with _scene(stand) as shop:
        for fault in faults:
            after_s = BROKER_COMES_BACK_S if fault.startswith("broker") else 4.0
            found[fault] = shop.play(fault, rate=rate, lead_s=1.0, fault_s=seconds, after_s=after_s).figures()
            say(f"{fault}: {found[fault]}")
            shop.until_live()
        shop.send_the_rest()
        asyncio.run(shop.judge())
        say(f"{len(shop.accepted):,} accepted events are those applied, by their ids")
    Console(width=150).print(_table(found))
    return [one for fault, figures in found.items() for one in _figures(fault, figures)]


@contextmanager
def _scene(stand: Stand) -> Iterator[Scene]:
    kafka, redis = stand.servers
    with ProxyThread(redis.url.removeprefix("redis://").partition("/")[0]) as proxy:
        deployment = Deployment(kafka, redis, stand.folder, redis_url=f"redis://{proxy.url}/0")
        try:
            with scene(deployment, proxy, stand.folder) as made:
                yield made
        finally:
            deployment.stop()


def _figures(fault: str, found: Figures) -> list[Figure]:
    return [
        Figure(NAME, f"{fault}, p50", round(found.p50, 2), "ms"),
        Figure(NAME, f"{fault}, p99", round(found.p99, 2), "ms", goal=P99_MS),
        Figure(NAME, f"{fault}, reads not 200", found.errors, "answers", goal=0),
        Figure(NAME, f"{fault}, too short or wrong", found.short + found.wrong, "answers", goal=0),
        Figure(NAME, f"{fault}, back after", round(found.recovery_s, 2), "s", goal=RECOVERY_S),
        Figure(NAME, f"{fault}, events back after", round(found.events_recovery_s, 2), "s", goal=RECOVERY_S),
    ]


def _table(found: dict[str, Figures]) -> Table:
    names = (
        "fault",
        "reads",
        "p50 ms",
        "p99 ms",
        "not 200",
        "short",
        "wrong",
        "rungs",
        "events",
        "back s",
        "events back s",
    )
    table = Table(*names)
    for fault, one in found.items():
        table.add_row(
            fault,
            f"{one.reads:,}",
            f"{one.p50:.1f}",
            f"{one.p99:.1f}",
            *map(str, (one.errors, one.short, one.wrong)),
            _shares(one.rungs),
            _shares(one.events),
            _seconds(one.recovery_s),
            _seconds(one.events_recovery_s),
        )
    return table


def _shares(counted: dict[str, int] | dict[int, int]) -> str:
    total = sum(counted.values()) or 1
    return ", ".join(f"{name} {count / total:.0%}" for name, count in counted.items())


def _seconds(value: float) -> str:
    return "–" if value == inf else f"{value:.2f}"
