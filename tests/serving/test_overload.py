"""More requests than the process can answer: the excess is told to come back, the rest does not wait for it."""

import asyncio
from itertools import count

import pytest

from serving.http.access import NEEDS
from serving.http.admission import INTERVAL_S, LEAST, MOST, TARGET_S, Admission, Lane
from tests.serving.deployment import SECRET, Deployment, item

NOW = count()


@pytest.fixture
def admission(monkeypatch: pytest.MonkeyPatch) -> Admission:
    """One whose loop is not watched: a test says how late it is."""
    monkeypatch.setattr(Admission, "begin", lambda self: None)
    return Admission()


def pass_(admission: Admission, intervals: int, late_s: float) -> None:
    """Let so many intervals pass in which the loop is late by so much."""
    for _ in range(3 * intervals):
        admission.observe(late_s, next(NOW) * INTERVAL_S / 2.5)


def fill(lane: Lane, requests: int) -> int:
    """How many of so many requests got in."""
    return sum(lane.enter() for _ in range(requests))


def test_a_queue_that_stands_lowers_the_limit_to_what_a_turn_bears(admission: Admission) -> None:
    reads = admission.reads
    assert fill(reads, 2 * MOST) == MOST
    pass_(admission, 1, 4 * TARGET_S)
    assert reads.limit == MOST / 4
    for _ in range(MOST - LEAST // 2):
        reads.leave()
    assert fill(reads, MOST) == MOST / 4 - LEAST // 2


def test_one_late_turn_is_no_queue(admission: Admission) -> None:
    fill(admission.reads, MOST)
    for late_s in (50 * TARGET_S, 0.0, 50 * TARGET_S, 50 * TARGET_S):
        admission.observe(late_s, 1.0)
    assert admission.reads.limit == MOST


def test_the_limit_never_falls_below_its_least(admission: Admission) -> None:
    fill(admission.reads, LEAST + 1)
    pass_(admission, 50, 1.0)
    assert admission.reads.limit == LEAST


def test_a_limit_that_is_reached_without_a_queue_rises(admission: Admission) -> None:
    reads = admission.reads
    reads.limit = reads.in_flight = LEAST
    pass_(admission, 20, 0.0)
    assert reads.limit == LEAST  # nobody wanted more
    for _ in range(20):
        assert not reads.enter()
        pass_(admission, 1, 0.0)
        reads.in_flight = reads.limit
    assert reads.limit == MOST


def test_writes_give_way_only_when_reads_have(admission: Admission) -> None:
    fill(admission.reads, MOST)
    fill(admission.writes, 200)
    pass_(admission, 1, 2 * TARGET_S)
    assert (admission.reads.limit, admission.writes.limit) == (MOST / 2, MOST)
    admission.reads.in_flight = LEAST
    pass_(admission, 1, 2 * TARGET_S)
    assert admission.writes.limit == 100


def test_health_readiness_and_metrics_are_never_refused(admission: Admission) -> None:
    unbounded = {path for method, path in NEEDS if admission.lane_of([(method, path)]) is None}
    assert unbounded >= {"/healthz", "/readyz", "/metrics", "/v1/ops/lag"}
    assert admission.lane_of([("POST", "/v1/events")]) is admission.writes
    assert admission.lane_of([(m, "/v1/recommendations/{placement}") for m in ("GET", "POST")]) is admission.reads


async def test_the_watch_finds_a_loop_that_is_always_late_and_ends_with_the_load() -> None:
    admission = Admission()
    fill(admission.reads, 4 * LEAST)
    loop = asyncio.get_running_loop()

    def busy() -> None:
        end = loop.time() + 10 * TARGET_S
        while loop.time() < end:
            pass
        if admission.reads.limit == MOST:
            loop.call_soon(busy)

    busy()
    async with asyncio.timeout(20):
        while admission.reads.limit == MOST:
            await asyncio.sleep(0)
    assert LEAST <= admission.reads.limit < 4 * LEAST
    admission.reads.in_flight = 0
    async with asyncio.timeout(20):
        while admission._watching:
            await asyncio.sleep(0.005)


async def test_the_excess_is_told_when_to_come_back_and_is_counted(shop: Deployment) -> None:
    await shop.stock(item("a"))
    reads = shop.app.admission.reads
    reads.limit = 0
    answer = await shop.call("GET", "/v1/recommendations/trending")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:liveshelf:problem:unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["access-control-allow-origin"] == "*"
    assert (await shop.call("POST", "/v1/events", shop.event("view_item", "me", "a"))).status_code == 202
    assert (await shop.call("GET", "/readyz", key=None)).status_code == 200
    metrics = (await shop.call("GET", "/metrics", key=SECRET)).text
    assert 'liveshelf_requests_refused_total{lane="reads"}' in metrics
    reads.limit = MOST
    assert (await shop.call("GET", "/v1/recommendations/trending")).status_code == 200
    assert reads.in_flight == 0
