"""A world of one process: log, store, broker and workers, where every answer of a dependency is decided from outside.

The workers are the real ones, `Runner` and `Shard`, in a real event loop whose clock stands still. Whatever they ask of
the store or the broker becomes a `Call` that waits until somebody answers it: as asked, with an error although it was
done, with an error and done later, or never, because the worker is killed while it waits.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import Any, NamedTuple

from stream.decisions import DecisionFold
from stream.fold import Fold, Outbound, Record, Writes
from stream.item import ItemFold
from stream.learner import LearnerFold
from stream.producer import NotAcknowledged
from stream.profile import ProfileFold
from stream.query import QueryFold
from stream.runner import Flush, Runner
from stream.shard import Fenced, Shard
from stream.signals import session
from stream.state.keys import Tag
from stream.state.memory import MemoryStore
from stream.state.store import Position, Reading, Unavailable
from stream.visitor import VisitorFold
from tests.simulator.log import Place, SimLog
from tests.simulator.loop import SimLoop

PARTITIONS = {
    "events": 2,
    "pairs": 2,
    "profile": 2,
    "decisions": 1,
    "feedback": 1,
    "queries": 1,
    "dead_letters": 1,
    "privacy": 2,
}
PLACES = tuple(
    Place(topic, p)
    for topic in ("decisions", "events", "pairs", "profile", "feedback", "queries")
    for p in range(PARTITIONS[topic])
)
TOPIC_ID = "sim"


class Outcome(Enum):
    """How a dependency answers one call."""

    OK = "done"
    LOST = "not done, and an error"
    DONE = "done, but an error"
    LATER = "an error, and done some time later"
    PARTLY = "some records appended, some on their way, and an error"


@dataclass(eq=False)
class Call:
    """What one worker asked of a dependency and waits for."""

    kind: str
    act: Callable[[], Any]
    answer: asyncio.Future[Any]
    records: Sequence[Outbound] = ()

    @property
    def error(self) -> Exception:
        return NotAcknowledged("simulated") if self.kind == "send" else Unavailable("simulated")


@dataclass
class Fetched:
    """A batch as the transport delivers it."""

    start: int
    next_offset: int
    value: list[Record]
    current: bool = True


@dataclass(frozen=True)
class Delivered:
    """A fetched batch with its acknowledgement."""

    message: Fetched
    acked: Callable[[int], None]

    def ack(self) -> bool:
        self.acked(self.message.next_offset)
        return True


class Plan(NamedTuple):
    """How an owner cuts its batches, and how few values it keeps in memory."""

    fold: int = 256
    records: int = 256
    after_s: float = 0.0
    capacity: int = 100_000


@dataclass(frozen=True)
class Parts:
    """What a worker is made of; the tests of the simulator itself put broken parts in."""

    shard: type[Shard] = Shard
    runner: type[Runner] = Runner
    item_fold: Callable[[], Fold] = ItemFold
    learner_fold: Callable[[], Fold] = LearnerFold


def steps_as_vector(running: session.State) -> bytes | None:
    """Stands for the session vector: a view of the session that a test can compute again."""
    return ",".join(step.item_id for step in running.steps).encode() or None


def fold_of(place: Place, parts: Parts) -> Fold:
    """A fresh fold; a pseudonym is the id itself, so that the recount can follow the order of closings."""
    if place.topic == "events":
        return VisitorFold(str, PARTITIONS["events"], steps_as_vector, cid_of=str)
    if place.topic == "decisions":
        return DecisionFold()
    if place.topic == "profile":
        return ProfileFold()
    if place.topic == "queries":
        return QueryFold()
    return parts.item_fold() if place.topic == "pairs" else parts.learner_fold()


@dataclass
class Undo:
    """What one commit replaced."""

    tag: Tag
    position: str | None
    values: dict[str, bytes | None]
    ranking: dict[str, float | None]


class World:
    """Everything outside the workers, and the workers alive."""

    def __init__(self, parts: Parts | None = None) -> None:
        self.parts = parts or Parts()
        self.loop = SimLoop()
        self.log = SimLog()
        self.memory = MemoryStore()
        self.history: list[Undo] = []
        self.owners: dict[Place, list[Owner]] = {place: [] for place in PLACES}
        self.in_flight: list[Callable[[], Any]] = []
        self.acked: defaultdict[Place, int] = defaultdict(int)
        self.happened: Counter[str] = Counter()
        self.now_ms = 1_750_000_000_000

    def close(self) -> None:
        for owners in self.owners.values():
            for owner in owners:
                owner.crash()
        self.loop.close()

    def settle(self) -> None:
        """Let everything happen that can; whoever left for another reason than the fence is a broken worker."""
        self.loop.settle()
        for owners in self.owners.values():
            for owner in owners:
                failure = owner.failure
                if failure is not None and not isinstance(failure, Fenced):
                    raise failure

    # workers

    def start(self, place: Place, plan: Plan) -> Owner:
        """A new owner; an earlier one that still lives does not know that it lost the partition."""
        owner = Owner(self, place, plan)
        self.owners[place].append(owner)
        self.settle()
        return owner

    def alive(self, place: Place) -> list[Owner]:
        self.owners[place] = [owner for owner in self.owners[place] if not owner.ended]
        return self.owners[place]

    def pass_time(self, seconds: float) -> None:
        """Let timers go off (flushes that wait for more)."""
        self.loop.now_s += seconds
        self.settle()

    # what dependencies do

    def append(self, to: Outbound) -> None:
        self.log.append(Place(to.topic, to.partition), to.key, to.value, self.now_ms)

    def append_all(self, records: Sequence[Outbound]) -> None:
        for record in records:
            self.append(record)

    def commit(self, tag: Tag, expected: str | None, new: str, writes: Writes) -> str | None:
        """The store's own commit, remembered so that it can be lost."""
        values, ranking = self.memory.values[tag], self.memory.rankings[tag]
        before = self.memory.positions.get(tag)
        undo = Undo(
            tag,
            before,
            {key: values.get(key) for key in (*writes.values, *writes.deleted)},
            {member: ranking.get(member) for member in (*writes.ranked, *writes.unranked)},
        )
        found: str | None = _now(self.memory.commit(tag, expected, new, writes))
        if found is None:
            self.history.append(undo)
            assert before is None or offset_of(new) > offset_of(before), f"{tag} went back from {before} to {new}"
        else:
            self.happened["commit refused"] += 1
            assert self.memory.positions.get(tag) == before, "a refused commit moved the position"
            assert {key: values.get(key) for key in undo.values} == undo.values, "a refused commit wrote values"
        return found

    def lose(self, commits: int) -> None:
        """The whole store forgets its last commits, as Redis does that comes back without its tail."""
        self.happened["tail lost"] += 1
        for _ in range(min(commits, len(self.history))):
            undo = self.history.pop()
            _restore(self.memory.values[undo.tag], undo.values)
            _restore(self.memory.rankings[undo.tag], undo.ranking)
            if undo.position is None:
                del self.memory.positions[undo.tag]
            else:
                self.memory.positions[undo.tag] = undo.position

    def arrive(self, which: int) -> None:
        """Something that its caller has given up on happens after all."""
        if self.in_flight:
            self.happened["late arrival"] += 1
            self.in_flight.pop(which % len(self.in_flight))()
            self.settle()

    def answer(self, call: Call, outcome: Outcome) -> None:
        """Decide one waiting call."""
        self.happened[f"{call.kind} {outcome.name}"] += 1
        error: Exception | None = call.error
        if outcome is Outcome.OK:
            error = None
            call.answer.set_result(call.act())
        elif outcome is Outcome.DONE:
            call.act()
        elif outcome is Outcome.LATER:
            self.in_flight.append(call.act)
        elif outcome is Outcome.PARTLY and call.kind == "send":
            self.append_all(call.records[::2])
            self.in_flight.extend(partial(self.append, record) for record in call.records[1::2])
        if error is not None:
            call.answer.set_exception(error)
        self.settle()

    def position(self, place: Place) -> int:
        """Next offset to fold, as stored."""
        stored = self.memory.positions.get(Tag(*place))
        return 0 if stored is None else offset_of(stored)


def offset_of(position: str) -> int:
    return Position.parse(position).offset


@dataclass(eq=False)
class Owner:
    """One worker's hold on a partition."""

    world: World
    place: Place
    plan: Plan
    calls: list[Call] = field(default_factory=list)
    fetch_at: int | None = None

    def __post_init__(self) -> None:
        world, parts = self.world, self.world.parts
        self.shard = parts.shard(
            fold_of(self.place, parts), self.place.partition, TOPIC_ID, PARTITIONS, self, self, sleep=_at_once
        )
        self.shard.state._capacity = self.plan.capacity
        flush = Flush(self.plan.fold, self.plan.records, 1_000_000, 1 << 40, self.plan.after_s)
        self.runner = parts.runner(self.shard, flush)
        self.task = world.loop.create_task(self._live())

    async def _live(self) -> None:
        self.fetch_at = await self.shard.start() or 0
        await self.runner.run()

    @property
    def ended(self) -> bool:
        return self.task.done()

    @property
    def failure(self) -> BaseException | None:
        """Why it left; None while it lives or when it was killed."""
        if not self.task.done() or self.task.cancelled():
            return None
        return self.task.exception()

    def fetch(self, most: int) -> bool:
        """Deliver the next records of the log; whether there were any."""
        if self.fetch_at is None or self.ended:
            return False
        records = self.world.log.read(self.place, self.fetch_at, most)
        if not records:
            return False
        following = self.world.log.read(self.place, records[-1].offset + 1, 1)
        end = following[0].offset if following else self.world.log.end(self.place)
        self.runner.put(Delivered(Fetched(self.fetch_at, end, records), self._acked))
        self.fetch_at = end
        self.world.settle()
        return True

    def _acked(self, offset: int) -> None:
        world, place = self.world, self.place
        stored, acked = world.position(place), world.acked[place]
        committed = world.log.before(place, max(stored, acked))
        assert world.log.before(place, offset) <= committed, f"{place} acknowledged {offset}, committed is {stored}"
        world.acked[place] = max(acked, offset)

    def step(self, outcome: Outcome = Outcome.OK) -> bool:
        """Let its next call be answered; whether there was one."""
        if not self.calls or self.ended:
            return False
        self.world.answer(self.calls.pop(0), outcome)
        return True

    def run(self, until: str = "") -> None:
        """Answer all its calls until it waits for records or time, leaves, or makes a call of such a kind."""
        while self.calls and self.calls[0].kind != until and self.step():
            pass

    def crash(self) -> None:
        """Killed: whatever it waits for, it will not hear."""
        if self.calls and not self.ended:
            self.world.happened[f"killed at {self.calls[0].kind}"] += 1
        self.calls.clear()
        if not self.ended:
            self.task.cancel()
            with suppress(asyncio.CancelledError):
                self.world.loop.run_until_complete(self.task)

    # the store and the broker as this owner sees them

    async def _ask(self, kind: str, act: Callable[[], Any], records: Sequence[Outbound] = ()) -> Any:
        call = Call(kind, act, self.world.loop.create_future(), records)
        self.calls.append(call)
        return await call.answer

    async def read(self, tag: Tag, keys: Sequence[str], *, ranking: bool = False) -> Reading:
        found: Reading = await self._ask("read", lambda: _now(self.world.memory.read(tag, keys, ranking=ranking)))
        return found

    async def position(self, tag: Tag) -> str | None:
        return (await self.read(tag, ())).position

    async def load(self, tag: Tag, keys: Sequence[str]) -> list[bytes | None]:
        return (await self.read(tag, keys)).values

    async def ranking(self, tag: Tag) -> dict[str, float]:
        return (await self.read(tag, (), ranking=True)).ranking

    async def score(self, tag: Tag, member: str) -> float | None:
        return (await self.ranking(tag)).get(member)

    async def commit(self, tag: Tag, expected: str | None, new: str, writes: Writes) -> str | None:
        found: str | None = await self._ask("commit", lambda: self.world.commit(tag, expected, new, writes))
        return found

    async def swap(self, tag: Tag, changes: Any) -> bool:
        raise NotImplementedError("what an owner writes it commits")

    def scan(self, tag: Tag) -> Any:
        raise NotImplementedError("workers do not scan")

    async def send_all(self, records: Sequence[Outbound]) -> None:
        await self._ask("send", lambda: self.world.append_all(records), records)


async def _at_once(_: float) -> None:
    """Waiting before a retry takes no time here."""


def _now(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("the memory store waited for something")


def _restore(values: dict[str, Any], before: dict[str, Any]) -> None:
    for key, value in before.items():
        if value is None:
            values.pop(key, None)
        else:
            values[key] = value
