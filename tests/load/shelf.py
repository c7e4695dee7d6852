"""A shelf over HTTP, with 20 items for visitors in the middle of a visit, from a warm catalogue: `pdp_also_bought`, by
the generators' tiers, and `home_for_you`, in the learnt order, with exploration, without and with rules. Then the
banner of a slot with ten campaigns, for the same visitors.

One serving process, a real Redis, a client of its own process; beside it, taking turns, a FastAPI route with one Redis
GET, so that the machine's own speed falls out of the ratio.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import quote

import msgspec

from stream.keyring import key_bytes
from stream.state.keys import Keys, Tag
from stream.tokens import pseudonym
from stream.topics import partition_of
from tests.backends import free_port
from tests.load.banner import SLOT, campaigns
from tests.load.client import Job, Outcome
from tests.load.figures import Figure, Say, latencies
from tests.load.rules import make_rules, put_all
from tests.load.stand import PARTITIONS, PUBLISHABLE, ROOT, Stand, answers, cpu_s, wait_for
from tests.load.warm import Ask, warm_shop
from tests.load.wire import Wires, get, run

NAME = "shelf"
GOALS = {"p50": 1.0, "p90": 2.5, "p99": 8.0}
LEARNT_GOALS = {"p99": 10.0}
MOST_CPU, MOST_CPU_LEARNT = 3.0, 4.5
LEARNT = "home_for_you"
CONNECTIONS = 32
WITHIN_S = 120.0


class Target(NamedTuple):
    """A server under load, and what it is asked."""

    label: str
    server: subprocess.Popen[bytes]
    job: Job


class Load(NamedTuple):
    """What one load found."""

    outcome: Outcome
    cpu_us: float

    @property
    def a_second(self) -> float:
        return len(self.outcome.latencies_ms) / self.outcome.wall_s


def bench(
    stand: Stand,
    say: Say,
    *,
    items: int = 20_000,
    visitors: int = 4_000,
    rates: tuple[int, ...] = (500, 1_000),
    seconds: float = 15.0,
    turns: int = 2,
) -> list[Figure]:
    """`seconds` for each load, flat out `turns` times."""
    stand.empty()
    asks = asyncio.run(warm_shop(stand, items, visitors))
    say(f"{items:,} items, {visitors:,} visits are in Redis")
    figures: list[Figure] = []
    with stand.serving() as (server, port):
        ours = Target("shelf", server, shelf_job(port, asks))
        example = _warm_up(ours)
        with _reference(stand, asks, example) as theirs:
            for rate in rates:
                figures += _open_loop(ours, rate, seconds, say, GOALS)
                figures += _open_loop(theirs, rate, seconds / 2, say, {})
            figures += _flat_out(ours, theirs, seconds, turns, say, MOST_CPU)
            job = shelf_job(port, asks, placement=LEARNT)
            learnt = Target("learnt shelf", server, job)
            _warm_up(learnt)
            figures += _flat_out(learnt, theirs, seconds, turns, say, MOST_CPU_LEARNT)
            make_rules(port, LEARNT)
            ruled = Target("learnt shelf with rules", server, job)
            _warm_up(ruled)
            for rate in rates:
                figures += _open_loop(ruled, rate, seconds, say, LEARNT_GOALS)
            figures += _flat_out(ruled, theirs, seconds, turns, say, MOST_CPU_LEARNT)
            put_all(port, "campaigns", campaigns())
            banner = Target("banner", server, banner_job(port, asks))
            _warm_up(banner)
            for rate in rates:
                figures += _open_loop(banner, rate, seconds, say, GOALS)
    return figures


def shelf_job(port: int, asks: list[Ask], n: int = 20, placement: str = "pdp_also_bought") -> Job:
    """Every ask once, for shelves of `n` items."""
    path = "/v1/recommendations/{}?n={}&visitor_id={}&item_id={}"
    paths = [path.format(placement, n, ask.visitor_id, ask.item_id) for ask in asks]
    return Job(port, paths, len(paths), key=PUBLISHABLE, status="ok", positions=n, connections=CONNECTIONS)


def banner_job(port: int, asks: list[Ask]) -> Job:
    """The banner of one slot for every visitor once."""
    paths = [f"/v1/banners/{SLOT}?visitor_id={ask.visitor_id}" for ask in asks]
    return Job(port, paths, len(paths), key=PUBLISHABLE, status="ok", connections=CONNECTIONS)


def _warm_up(ours: Target) -> bytes:
    """Ask everything once, and again until every answer is right; one of the answers."""

    def all_right() -> bool:
        return not load_on(ours, 0.0, ours.job.count).outcome.wrong

    wait_for(ours.server, all_right, "every answer is ok and whole", WITHIN_S)
    return run(_asked(ours))


async def _asked(target: Target) -> bytes:
    wires = await Wires.open(target.job.port, 1)
    got: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    wires.ask(get(target.job.paths[0], target.job.key), lambda _, body: got.set_result(body))
    try:
        return await got
    finally:
        wires.close()


@contextmanager
def _reference(stand: Stand, asks: list[Ask], answer: bytes) -> Iterator[Target]:
    """The route that it is measured against; it reads what the shelf reads, and answers as many bytes."""
    file, port = stand.folder / "answer.json", free_port()
    file.write_bytes(answer)
    names, secret = Keys(stand.settings.key_prefix), key_bytes(stand.settings, "pseudonym_key")
    keys = [
        names.value(
            Tag("events", partition_of(ask.visitor_id.encode(), PARTITIONS)),
            f"visitor:{pseudonym(secret, ask.visitor_id)}",
        )
        for ask in asks
    ]
    with stand.process("tests.load.reference", BENCH_ANSWER=str(file), BENCH_PORT=str(port)) as server:
        wait_for(server, lambda: answers(port, "/shelf?key=none"), "the reference answers")
        paths = [f"/shelf?key={quote(key)}" for key in keys]
        target = Target("FastAPI route with one GET", server, Job(port, paths, len(paths), positions=20))
        load_on(target, 0.0, target.job.count)
        yield target


def _open_loop(target: Target, rate: int, seconds: float, say: Say, goals: dict[str, float]) -> list[Figure]:
    found = load_on(target, rate, int(rate * seconds))
    label = f"{target.label}, {rate:,}/s"
    made = latencies(NAME, label, found.outcome.latencies_ms, goals)
    say(f"{label}: " + ", ".join(f"{one.name.rpartition(' ')[2]} {one.value} ms" for one in made))
    return [*made, *_costs(label, found)]


def _costs(label: str, found: Load) -> list[Figure]:
    """What a request cost, and how many answers were not right."""
    if found.outcome.wrong:
        print(f"  {label}: not right: {found.outcome.example}", file=sys.stderr)
    return [
        Figure(NAME, f"{label} CPU", round(found.cpu_us), "µs/request"),
        Figure(NAME, f"{label} answers not right", found.outcome.wrong, "answers", goal=0),
    ]


def _flat_out(ours: Target, theirs: Target, seconds: float, turns: int, say: Say, most: float) -> list[Figure]:
    """The highest rate of both by turns, and what a request costs."""
    mine, reference = [], []
    for _ in range(turns):
        mine.append(_for(ours, seconds))
        reference.append(_for(theirs, seconds / 2))
        say(
            f"flat out: {ours.label} {mine[-1].a_second:,.0f}/s at {mine[-1].cpu_us:.0f} µs, "
            f"reference {reference[-1].a_second:,.0f}/s at {reference[-1].cpu_us:.0f} µs"
        )
    cost, base = min(one.cpu_us for one in mine), min(one.cpu_us for one in reference)
    best, base_best = max(one.a_second for one in mine), max(one.a_second for one in reference)
    wrong = sum(one.outcome.wrong for one in mine)
    return [
        Figure(NAME, f"{ours.label}, flat out answers not right", wrong, "answers", goal=0),
        Figure(
            NAME,
            f"{ours.label}, flat out",
            round(best),
            "requests/s",
            goal=None if most > MOST_CPU else 1_500,
            floor=True,
        ),
        Figure(NAME, f"{ours.label}, flat out CPU", round(cost), "µs/request"),
        Figure(NAME, f"{theirs.label}, flat out", round(base_best), "requests/s"),
        Figure(NAME, f"{theirs.label}, flat out CPU", round(base), "µs/request"),
        Figure(NAME, f"{ours.label}, CPU a request, ratio", round(cost / base, 2), "×", goal=most),
    ]


def _for(target: Target, seconds: float) -> Load:
    """Flat out for about that long, by the rate of a first short load."""
    first = load_on(target, 0.0, max(CONNECTIONS, int(200 * seconds)))
    return load_on(target, 0.0, max(CONNECTIONS, int(first.a_second * seconds)))


def load_on(target: Target, rate: float, count: int) -> Load:
    """One load by the client's process."""
    job = msgspec.structs.replace(target.job, rate=float(rate), count=count)
    cpu = cpu_s(target.server)
    client = subprocess.run(
        [sys.executable, "-m", "tests.load.client"],
        input=msgspec.json.encode(job),
        stdout=subprocess.PIPE,
        check=True,
        cwd=ROOT,
        timeout=120 + count / (rate or 100),
    )
    outcome = msgspec.json.decode(client.stdout, type=Outcome)
    return Load(outcome, (cpu_s(target.server) - cpu) / count * 1e6)
