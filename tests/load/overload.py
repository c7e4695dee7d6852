"""Three times the load that one process bears: the excess is refused at once, the rest is answered as fast as ever.

What it bears is measured before and after, as the machine's other work changes it. A client that cannot send that fast
sends what it can: latencies are from sending on.
"""

from __future__ import annotations

import asyncio

import msgspec

from tests.load.client import Outcome
from tests.load.figures import Figure, Say, percentile
from tests.load.shelf import Load, Target, load_on, shelf_job
from tests.load.stand import Stand
from tests.load.warm import warm_shop

NAME = "overload"
TIMES = 3.0
N = 100  # so that the client, on the same cores, has less to do than the server
CONNECTIONS = 256
GOODPUT = 0.8
P99_MS = 250.0
REFUSED_P99_MS = 250.0


def bench(stand: Stand, say: Say, *, items: int = 2_000, visitors: int = 500, seconds: float = 8.0) -> list[Figure]:
    """Flat out, then open loop at three times that, then flat out again, `seconds` each."""
    stand.empty()
    asks = asyncio.run(warm_shop(stand, items, visitors))
    with stand.serving() as (server, port):
        target = Target("shelf", server, shelf_job(port, asks, N))
        load_on(target, 0.0, 4 * target.job.count)
        before = _flat_out(target, seconds)
        many = target._replace(job=msgspec.structs.replace(target.job, connections=CONNECTIONS, skip=True))
        rate = TIMES * before.a_second
        under = load_on(many, rate, int(rate * seconds))
        after = _flat_out(target, seconds)
    asked = len(under.outcome.statuses) / under.outcome.wall_s
    say(f"bears {before.a_second:,.0f}/s before and {after.a_second:,.0f}/s after, asked {asked:,.0f} of {rate:,.0f}/s")
    return [
        *_figures(under.outcome, (before.a_second + after.a_second) / 2),
        *_costs(under, (before.cpu_us + after.cpu_us) / 2),
    ]


def _flat_out(target: Target, seconds: float) -> Load:
    first = load_on(target, 0.0, int(100 * seconds)).a_second
    return load_on(target, 0.0, int(first * seconds))


def _costs(under: Load, answer_us: float) -> list[Figure]:
    """In CPU time, of which other work on the machine takes nothing away."""
    statuses = under.outcome.statuses
    cpu_us = under.cpu_us * (len(statuses) + under.outcome.skipped)
    answers = statuses.count(200)
    refusal_us = (cpu_us - answers * answer_us) / max(1, len(statuses) - answers)
    return [
        Figure(NAME, "CPU of an answer", round(answer_us), "µs"),
        Figure(NAME, "CPU of a refusal, if an answer costs the same", round(refusal_us), "µs"),
        Figure(NAME, "share of the CPU that went into answers", round(answers * answer_us / cpu_us, 2), "×"),
    ]


def _figures(found: Outcome, bears: float) -> list[Figure]:
    admitted = [ms for ms, status in zip(found.latencies_ms, found.statuses, strict=True) if status == 200]
    refused = [ms for ms, status in zip(found.latencies_ms, found.statuses, strict=True) if status == 503]
    goodput = len(admitted) / found.wall_s
    others = len(found.statuses) - len(admitted) - len(refused)
    return [
        Figure(NAME, "bears", round(bears), "requests/s"),
        Figure(NAME, "answered at three times that", round(goodput), "requests/s"),
        Figure(NAME, "share of what it bears", round(goodput / bears, 2), "×", goal=GOODPUT, floor=True),
        *_latencies("answered", admitted, P99_MS),
        *_latencies("refused", refused, REFUSED_P99_MS),
        Figure(NAME, "refused", len(refused), "answers"),
        Figure(NAME, "neither answered nor refused", others, "answers", goal=0),
    ]


def _latencies(label: str, values_ms: list[float], goal: float) -> list[Figure]:
    if not values_ms:
        return []
    return [
        Figure(NAME, f"{label} p50", round(percentile(values_ms, 0.5), 1), "ms"),
        Figure(NAME, f"{label} p99", round(percentile(values_ms, 0.99), 1), "ms", goal=goal),
    ]
