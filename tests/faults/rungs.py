"""A shop under steady load while what it depends on fails: what it answered, how soon, and what became of events."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from redis import Redis

from tests.backends import kafka_answers, redis_answers, wait_until
from tests.e2e.system import Running, event
from tests.faults.api import serving
from tests.faults.deployment import PARTITIONS, Deployment, Place
from tests.load.figures import percentile
from tests.load.steady import Course, Seen, Steady
from tests.load.wire import get, post
from tests.proxy import ProxyThread

N = 12
ITEMS = 40
NEVER = ["gone", "hidden"]
EVERY = 5
VISITORS = 20


@dataclass
class Scene:
    """The API and a worker on a real Kafka and a Redis behind a proxy; `sent` and `accepted` are ids of events."""

    deployment: Deployment
    proxy: ProxyThread
    live: Running
    folder: Path
    sent: dict[str, bytes] = field(default_factory=dict)
    accepted: set[str] = field(default_factory=set)

    @property
    def port(self) -> int:
        return int(self.live.info["api"].rpartition(":")[2])

    def stock(self) -> None:
        """A catalogue of which two items may never be seen, though they are what everybody looked at."""
        items: list[dict[str, Any]] = [{"item_id": f"i{n}", "title": f"Item {n}"} for n in range(ITEMS)]
        items += [{"item_id": "gone", "title": "Sold out"}, {"item_id": "hidden", "title": "Hidden"}]
        assert self.live.call("PUT", "/v1/catalog/items", {"items": items}, key="secret_key")[0] == 200
        for n in range(VISITORS):
            events = [event("view_item", f"v{n}", one) for one in ("gone", "hidden", *(f"i{n + m}" for m in range(6)))]
            status, told = self.live.call("POST", "/v1/events", {"events": events})
            assert status == 202, told
            self.accepted |= {one["event_id"] for one in told["verdicts"] if one["status"] == "accepted"}
        last = [
            {"item_id": "gone", "quantity": 0, "availability": "out_of_stock"},
            {"item_id": "hidden", "hidden": True},
        ]
        assert self.live.call("PUT", "/v1/catalog/items", {"items": last}, key="secret_key")[0] == 200

    def until_live(self) -> None:
        def answers() -> bool:
            shelf = self.live.shelf("home_for_you", "v1", n=N)
            return shelf["rung"] == "live" and any(one["because"] for one in shelf["items"])

        wait_until(answers, "shelves are live and personal", 30)

    def requests(self, count: int) -> list[bytes]:
        """Shelves of several kinds, and with every `EVERY`th request an event."""
        return [self._request(number) for number in range(count)]

    def _request(self, number: int) -> bytes:
        key, visitor = self.live.info["publishable_key"], f"v{number % VISITORS}"
        if number % EVERY == 0:
            made = event("view_item", visitor, f"i{number % ITEMS}")
            self.sent[made["event_id"]] = post("/v1/events", key, json.dumps(made).encode())
            return self.sent[made["event_id"]]
        asked = ("home_for_you?", f"pdp_also_bought?item_id=i{number % ITEMS}&", "trending?")[number % 3]
        return get(f"/v1/recommendations/{asked}visitor_id={visitor}&n={N}", key)

    def play(self, fault: str, *, rate: float, lead_s: float, fault_s: float, after_s: float) -> Played:
        """Load for all that time, and the fault in the middle of it."""
        course = Course(self.port, self.requests(int(rate * (lead_s + fault_s + after_s))), rate, NEVER)
        ids = list(self.sent)[-len(course.requests[::EVERY]) :]
        load = Steady(course)
        time.sleep(1.0 + lead_s)  # a process of its own needs that long to begin
        began = time.monotonic()
        with FAULTS[fault](self):
            time.sleep(fault_s)
            ended = time.monotonic()
        mended = time.monotonic()
        seen = sorted(load.seen(), key=lambda one: one.due_s)
        self.accepted |= {ids[one.number // EVERY] for one in seen if one.accepted}
        return Played(fault, seen, began, ended, mended)

    def send_the_rest(self) -> None:
        """Send again what was not accepted, as clients do; the fold knows by its id what had been stored."""
        for event_id in self.sent.keys() - self.accepted:
            body = self.sent[event_id].partition(b"\r\n\r\n")[2]
            status, told = self.live.call("POST", "/v1/events", raw=body)
            assert status == 202, told
            assert told["verdicts"][0]["status"] in {"accepted", "duplicate"}, told
            self.accepted.add(event_id)

    async def judge(self) -> None:
        """Every accepted event is applied, and nothing else: the log has their ids, the state is a recount of it."""
        await self.deployment.drained()
        for partition in range(PARTITIONS):
            for record in self.deployment._log("events", partition):
                self.deployment.acknowledged[Place(partition, record.offset)] = record.value or b""
        logged = {json.loads(value)["event_id"] for value in self.deployment.acknowledged.values()}
        assert logged == self.accepted, (logged - self.accepted, self.accepted - logged)
        await self.deployment.judge()


@contextmanager
def scene(deployment: Deployment, proxy: ProxyThread, folder: Path, **env: str) -> Iterator[Scene]:
    """A stocked shop that answers live; `deployment` has to reach Redis through `proxy`, `env` is the API's."""
    deployment.start_worker()
    with serving(deployment, folder, **env) as live:
        made = Scene(deployment, proxy, live, folder)
        made.stock()
        made.until_live()
        yield made


class Figures(NamedTuple):
    """What was seen while a fault lasted; times in ms, `recovery_s` from its end to the first answer as before."""

    reads: int
    p50: float
    p90: float
    p99: float
    errors: int
    short: int
    wrong: int
    rungs: dict[str, int]
    events: dict[int, int]
    recovery_s: float
    events_recovery_s: float


class Played(NamedTuple):
    """A fault from `began` to `ended`; `mended` is when what failed answers again."""

    fault: str
    seen: list[Seen]
    began: float
    ended: float
    mended: float

    def figures(self) -> Figures:
        during = [one for one in self.seen if self.began <= one.due_s < self.ended]
        reads = [one for one in during if one.number % EVERY]
        events = [one for one in during if not one.number % EVERY]
        times = [one.ms for one in reads]
        return Figures(
            reads=len(reads),
            p50=percentile(times, 0.5),
            p90=percentile(times, 0.9),
            p99=percentile(times, 0.99),
            errors=sum(one.status != 200 for one in self.seen if one.number % EVERY),
            short=sum(one.items < N for one in reads),
            wrong=sum(one.wrong for one in self.seen),
            rungs=_counted([one.rung for one in reads]),
            events=_counted([one.status for one in events]),
            recovery_s=self._recovery(lambda one: bool(one.number % EVERY) and one.rung == "live"),
            events_recovery_s=self._recovery(lambda one: one.number % EVERY == 0 and one.accepted),
        )

    def _recovery(self, fine: Callable[[Seen], bool]) -> float:
        """From the mending to the first fine answer to a request that was sent after it; infinite if there is none."""
        after = [one.due_s + one.ms / 1000 for one in self.seen if one.due_s >= self.mended and fine(one)]
        return min(after, default=float("inf")) - self.mended


def _counted(values: list[Any]) -> dict[Any, int]:
    return {value: values.count(value) for value in sorted(set(values))}


# ------------------------------------------------------------------------------------------------ the faults


@contextmanager
def _nothing(_: Scene) -> Iterator[None]:
    yield


@contextmanager
def _refused(scene: Scene) -> Iterator[None]:
    scene.proxy.refuse()
    yield
    scene.proxy.listen()


def _set(**faults: Any) -> Callable[[Scene], AbstractContextManager[None]]:
    @contextmanager
    def applied(scene: Scene) -> Iterator[None]:
        scene.proxy.set(**faults)
        yield
        scene.proxy.set(**{name: type(value)() for name, value in faults.items()})

    return applied


@contextmanager
def _reset(scene: Scene) -> Iterator[None]:
    """Every 0.2 s all connections are reset."""
    over = threading.Event()

    def reset() -> None:
        while not over.wait(0.2):
            scene.proxy.reset()

    thread = threading.Thread(target=reset, daemon=True)
    thread.start()
    yield
    over.set()
    thread.join(5)


@contextmanager
def _read_only(scene: Scene) -> Iterator[None]:
    """It is a replica, of a master that cannot be reached."""
    with Redis.from_url(scene.deployment.redis.url) as admin:
        admin.replicaof("127.0.0.1", "1")
        yield
        admin.replicaof("NO", "ONE")


@contextmanager
def _full(scene: Scene) -> Iterator[None]:
    with Redis.from_url(scene.deployment.redis.url) as admin:
        admin.config_set("maxmemory", 1)
        yield
        admin.config_set("maxmemory", 0)


@contextmanager
def _redis_killed(scene: Scene) -> Iterator[None]:
    scene.deployment.redis.kill()
    yield
    scene.deployment.redis.start()
    wait_until(lambda: redis_answers(scene.deployment.redis.url), "Redis answers")


@contextmanager
def _broker_killed(scene: Scene) -> Iterator[None]:
    scene.deployment.kafka.kill()
    yield
    scene.deployment.kafka.start()
    wait_until(lambda: kafka_answers(scene.deployment.kafka.url), "Kafka answers")


FAULTS: dict[str, Callable[[Scene], AbstractContextManager[None]]] = {
    "nothing": _nothing,
    "Redis refuses": _refused,
    "Redis is a black hole": _set(blackhole=True),
    "Redis +200 ms": _set(latency_s=0.1),
    "Redis resets": _reset,
    "Redis by the byte": _set(slice_bytes=1),
    "Redis read-only": _read_only,
    "Redis full": _full,
    "Redis killed": _redis_killed,
    "broker killed": _broker_killed,
}
