"""What `stream.transport` promises about Faust and aiokafka, on the embedded broker and on a real Kafka."""

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from faust.types import TP, EventT

from stream.faust_app import faust_app
from stream.transport import Batch, Seams, Tuning
from tests.backends import KafkaServer, MockBroker

DEADLINE_S = 30
ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["embedded", "kafka"])
def url(request: pytest.FixtureRequest) -> str:
    broker: KafkaServer = request.getfixturevalue("mock_broker" if request.param == "embedded" else "kafka")
    return broker.url


@pytest.fixture
def topic() -> str:
    return f"clicks-{uuid.uuid4().hex}"


class Rig:
    """An app with one agent that keeps what it gets, and acks it unless it holds."""

    def __init__(
        self, url: str, topic: str, *, group: str = "", hold: bool = False, tuning: Tuning | None = None
    ) -> None:
        self.group = group or uuid.uuid4().hex
        self.stored: Mapping[int, int | None] = {}
        self.ready = asyncio.Event()
        self.ready.set()
        self.events: list[EventT[Any]] = []
        self.assigned: list[set[int]] = []
        self.revoked: list[set[int]] = []
        self.asked: list[tuple[int, int, int, int]] = []
        self.go_on_at = 0
        self.app = faust_app(self.group, url, self._seams(), tuning=tuning)

        async def keep(stream: Any) -> None:
            async for event in stream.noack().events():
                self.events.append(event)
                if not hold:
                    event.ack()

        self.app.agent(self.app.raw_topic(topic))(keep)

    def _seams(self) -> Seams:
        async def positions(tps: set[TP]) -> dict[TP, int | None]:
            await self.ready.wait()
            return {tp: self.stored.get(tp.partition) for tp in tps}

        async def out_of_range(tp: TP, position: int, log_start: int, log_end: int) -> int:
            self.asked.append((tp.partition, position, log_start, log_end))
            return self.go_on_at

        async def assigned(tps: set[TP]) -> None:
            self.assigned.append({tp.partition for tp in tps})

        async def revoked(tps: set[TP]) -> None:
            self.revoked.append({tp.partition for tp in tps})

        return Seams(positions, out_of_range, assigned, revoked)

    async def __aenter__(self) -> Self:
        await self.app.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.app.stop()

    @property
    def consumer(self) -> Any:
        return self.app.consumer

    def batches(self, partition: int) -> list[Batch]:
        messages: list[Any] = [event.message for event in self.events]
        return [message for message in messages if message.partition == partition]

    def offsets(self, partition: int) -> list[int]:
        return [record.offset for batch in self.batches(partition) for record in batch.value]

    async def turns(self, number: int) -> None:
        """Until the fetch loop went round so often."""
        for _ in range(number):
            before = self.consumer._turned_at
            await until(lambda before=before: self.consumer._turned_at != before)  # type: ignore[misc]  # mypy takes the default for an argument


async def until(true: Callable[[], object], deadline_s: float = DEADLINE_S) -> None:
    end = time.monotonic() + deadline_s
    while not true():
        assert time.monotonic() < end, "not within the deadline"
        await asyncio.sleep(0.01)


def produce(url: str, topic: str, numbers: Mapping[int, int], value: bytes = b"{}") -> None:
    """So many records to each partition, acknowledged."""
    producer = Producer({"bootstrap.servers": url})
    for partition, number in numbers.items():
        for n in range(number):
            producer.produce(topic, value, key=f"{partition}:{n}", partition=partition)
        producer.flush()


def committed(url: str, group: str, topic: str, partitions: int) -> list[int]:
    reader = Consumer({"bootstrap.servers": url, "group.id": group})
    try:
        places = reader.committed([TopicPartition(topic, n) for n in range(partitions)], timeout=10)
        return [place.offset for place in places]
    finally:
        reader.close()


def chained(batches: list[Batch], start: int = 0) -> bool:
    """Whether each batch starts where the one before ended."""
    ends = [start, *[batch.next_offset for batch in batches]]
    return [batch.start for batch in batches] == ends[: len(batches)]


async def test_a_message_is_what_one_fetch_brought_of_a_partition(url: str, topic: str) -> None:
    numbers = {0: 500, 1: 500, 2: 1}
    produce(url, topic, numbers)
    async with Rig(url, topic) as rig:
        await until(lambda: all(len(rig.offsets(p)) >= n for p, n in numbers.items()))
    assert {p: rig.offsets(p) for p in numbers} == {p: list(range(n)) for p, n in numbers.items()}
    assert all(chained(rig.batches(p)) for p in numbers)
    assert len(rig.events) <= 100
    first = rig.batches(1)[0].value[0]
    assert (first.topic, first.partition, first.offset, first.key, first.value) == (topic, 1, 0, b"1:0", b"{}")
    assert abs(first.timestamp - time.time() * 1000) < 60_000


async def test_records_carry_the_noun_of_their_topic(mock_broker: MockBroker) -> None:
    produce(mock_broker.url, "liveshelf.pairs.v1", {3: 1})
    async with Rig(mock_broker.url, "liveshelf.pairs.v1") as rig:
        await until(lambda: rig.events)
    assert rig.batches(3)[0].value[0].topic == "pairs"


async def test_partitions_start_where_the_store_says(url: str, topic: str) -> None:
    produce(url, topic, {0: 20, 1: 20, 2: 20})
    rig = Rig(url, topic)
    rig.stored = {0: 5, 1: None, 2: 20}
    async with rig:
        await until(lambda: len(rig.offsets(0)) == 15 and len(rig.offsets(1)) == 20)
        produce(url, topic, {2: 1})
        await until(lambda: rig.offsets(2))
    assert (rig.offsets(0)[0], rig.offsets(1)[0], rig.offsets(2)) == (5, 0, [20])
    assert rig.batches(2)[0].start == 20


async def test_the_store_wins_over_the_offset_of_the_group(url: str, topic: str) -> None:
    produce(url, topic, {0: 20})
    async with Rig(url, topic) as first:
        await until(lambda: len(first.offsets(0)) == 20)
    assert committed(url, first.group, topic, 1) == [20]
    again = Rig(url, topic, group=first.group)
    again.stored = {0: 7}
    async with again:
        await until(lambda: again.offsets(0))
        await again.consumer.commit()
        assert committed(url, first.group, topic, 1) == [20]  # acked to the end again
    assert again.offsets(0)[0] == 7


async def test_nothing_is_delivered_before_the_store_has_answered(url: str, topic: str) -> None:
    produce(url, topic, {0: 20})
    rig = Rig(url, topic)
    rig.ready.clear()
    rig.stored = {0: 12}
    async with rig:
        await until(lambda: rig.assigned)
        await rig.turns(2)
        assert not rig.events
        rig.ready.set()
        await until(lambda: rig.events)
    assert rig.offsets(0) == list(range(12, 20))


async def test_acks_in_any_order_commit_the_longest_prefix(url: str, topic: str) -> None:
    produce(url, topic, {0: 1, 1: 1})
    async with Rig(url, topic, hold=True) as rig:
        for n in range(1, 4):
            await until(lambda n=n: len(rig.offsets(0)) == n)  # type: ignore[misc]  # as above
            produce(url, topic, {0: 1})
        await until(lambda: len(rig.offsets(0)) == 4 and rig.offsets(1))
        events = {(event.message.partition, event.message.offset): event for event in rig.events}
        seen = []
        for place in [(0, 2), (1, 0), (0, 0), (0, 1), (0, 3)]:
            events[place].ack()
            await rig.consumer.commit()
            seen.append(committed(url, rig.group, topic, 2))
    assert seen == [[0, 0], [0, 1], [1, 1], [3, 1], [4, 1]]


async def test_acking_twice_counts_once(mock_broker: MockBroker, topic: str) -> None:
    produce(mock_broker.url, topic, {0: 1})
    async with Rig(mock_broker.url, topic, hold=True) as rig:
        await until(lambda: rig.events)
        assert rig.events[0].ack()
        assert not rig.events[0].ack()
        assert rig.consumer._held[TP(topic, 0)] == 0


async def test_a_seek_drops_what_is_buffered_and_delivers_from_there(url: str, topic: str) -> None:
    produce(url, topic, {0: 10, 1: 10})
    async with Rig(url, topic, hold=True) as rig:
        await until(lambda: len(rig.offsets(0)) == 10 and len(rig.offsets(1)) == 10)
        old, other = rig.batches(0), rig.batches(1)
        await rig.consumer.seek(TP(topic, 0), 3)
        await until(lambda: len(rig.offsets(0)) == 17)
        assert rig.offsets(0)[10:] == list(range(3, 10))
        assert chained(rig.batches(0)[len(old) :], start=3)
        assert not any(batch.current for batch in old)
        assert all(batch.current for batch in other)
        for event in rig.events:
            if event.message in old:
                event.ack()
        await rig.consumer.commit()
        assert committed(url, rig.group, topic, 1) == [3]


async def test_unacked_batches_are_bounded_and_the_worker_stays_in_its_group(url: str, topic: str) -> None:
    numbers = {0: 5_000, 1: 1, 2: 1, 3: 1}
    produce(url, topic, numbers)
    rig = Rig(url, topic, hold=True, tuning=Tuning(buffer_bytes=1024))  # one batch fills a partition's share
    rig.app.conf.broker_max_poll_interval = 2.0
    async with rig:
        await until(lambda: all(map(rig.offsets, numbers)))
        began = time.monotonic()
        await until(lambda: time.monotonic() - began > 4)  # twice the longest time without a poll
        assert {p: len(rig.batches(p)) for p in numbers} == dict.fromkeys(numbers, 1)
        while len(rig.offsets(0)) < numbers[0]:
            for event in rig.events:
                event.ack()
            await asyncio.sleep(0.01)
        assert rig.offsets(0) == list(range(numbers[0]))
        assert (rig.assigned, rig.revoked) == ([{0, 1, 2, 3}], [])


async def test_a_full_partition_does_not_hold_up_the_others(url: str, topic: str) -> None:
    produce(url, topic, {0: 5_000}, value=b"x" * 200)
    async with Rig(url, topic, hold=True, tuning=Tuning(buffer_bytes=64 * 1024)) as rig:
        await until(lambda: rig.offsets(0))
        for n in range(1, 4):
            produce(url, topic, {1: 1})
            await until(lambda n=n: len(rig.offsets(1)) == n)  # type: ignore[misc]  # as above
        assert len(rig.offsets(0)) < 5_000


async def test_a_position_beyond_the_log_is_asked_about(url: str, topic: str) -> None:
    produce(url, topic, {0: 10, 1: 10})
    rig = Rig(url, topic)
    rig.stored, rig.go_on_at = {0: 1_000}, 4
    async with rig:
        await until(lambda: len(rig.offsets(0)) == 6 and len(rig.offsets(1)) == 10)
    assert rig.asked == [(0, 1_000, 0, 10)]
    assert (rig.offsets(0), rig.batches(0)[0].start) == ([4, 5, 6, 7, 8, 9], 4)


async def test_records_deleted_before_they_were_read_are_asked_about(kafka: KafkaServer, topic: str) -> None:
    produce(kafka.url, topic, {0: 100})
    admin = AdminClient({"bootstrap.servers": kafka.url})
    next(iter(admin.delete_records([TopicPartition(topic, 0, 50)]).values())).result(timeout=DEADLINE_S)
    rig = Rig(kafka.url, topic)
    rig.stored, rig.go_on_at = {0: 10}, 50
    async with rig:
        await until(lambda: len(rig.offsets(0)) == 50)
    assert rig.asked == [(0, 10, 50, 100)]
    assert chained(rig.batches(0), start=50)


async def test_transactions_leave_gaps_that_are_no_loss(kafka: KafkaServer, topic: str) -> None:
    producer = Producer({"bootstrap.servers": kafka.url, "transactional.id": topic})
    producer.init_transactions(DEADLINE_S)

    def transact(end: Callable[[float], None]) -> None:
        producer.begin_transaction()
        for value in (b"1", b"2"):
            producer.produce(topic, value, partition=0)
        producer.flush()
        end(DEADLINE_S)

    transact(producer.commit_transaction)
    transact(producer.abort_transaction)
    async with Rig(kafka.url, topic) as rig:
        await until(lambda: len(rig.offsets(0)) == 2)
        transact(producer.commit_transaction)
        await until(lambda: len(rig.offsets(0)) == 4)
    assert rig.offsets(0) == [0, 1, 6, 7]  # markers at 2, 5 and 8; 3 and 4 were aborted
    assert chained(rig.batches(0))
    assert rig.batches(0)[-1].next_offset == 9
    assert rig.asked == []


async def test_what_was_revoked_is_no_longer_current(kafka: KafkaServer, topic: str) -> None:
    produce(kafka.url, topic, dict.fromkeys(range(4), 5))
    async with Rig(kafka.url, topic, hold=True) as first:
        await until(lambda: len(list(itertools.chain(*map(first.offsets, range(4))))) == 20)
        old = list(first.events)
        async with Rig(kafka.url, topic, group=first.group, hold=True) as second:
            await until(lambda: len(first.assigned) > 1 and second.assigned)
            await until(lambda: len(first.assigned[-1]) == len(second.assigned[-1]) == 2)
            assert first.revoked[0] == {0, 1, 2, 3}
            assert first.assigned[-1] | second.assigned[-1] == {0, 1, 2, 3}
            await until(lambda: len(first.events) > len(old) and second.events)
            for event in old:
                message: Any = event.message
                assert not message.current
                event.ack()
            assert all(first.consumer._committable[TP(topic, p)] == 0 for p in first.assigned[-1])
        await until(lambda: first.assigned[-1] == {0, 1, 2, 3})
        await until(lambda: all(first.batches(p)[-1].current for p in range(4)))


# ------------------------------------------------------------------------------- how a worker process ends

on_embedded = pytest.mark.parametrize("url", ["embedded"], indirect=True)
on_kafka = pytest.mark.parametrize("url", ["kafka"], indirect=True)

WORKER = """
import asyncio, os, sys
from stream.faust_app import faust_app, run
from stream.transport import Seams, Tuning

DOES = os.environ["DOES"]

async def positions(tps):
    if DOES == "positions raise":
        raise ValueError("positions")
    return {}

async def out_of_range(tp, position, log_start, log_end):
    return log_start

async def told(tps):
    pass

seams = Seams(positions, out_of_range, told, told)
member = "same" if DOES == "return" else ""
app = faust_app("ending", os.environ["BROKER"], seams, member=member, tuning=Tuning(stall_s=2))
if member:
    app.conf.broker_request_timeout = app.conf.broker_session_timeout = 120
    app.tuning = Tuning(stall_s=120)

@app.agent(app.raw_topic(os.environ["TOPIC"]))
async def agent(stream):
    async for event in stream.noack().events():
        print("got", len(event.message.value), flush=True)
        event.ack()
        thread = app.consumer._thread
        if DOES == "agent raises":
            raise ValueError("agent")
        if DOES == "fetch loop ends":
            [task.cancel() for task in app._fetcher._futures]
        if DOES == "fetcher ends":
            thread._consumer._fetcher._fetch_task.cancel()
        if DOES == "coordination ends":
            thread._consumer._coordinator._coordination_task.cancel()
        if DOES == "thread ends":
            thread.thread_loop.call_soon_threadsafe(thread.thread_loop.stop)

if __name__ == "__main__":
    sys.exit(run(app))
"""


@pytest.fixture
def worker(url: str, topic: str, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a worker that `does` something when it gets its first batch."""
    (tmp_path / "under_test.py").write_text(WORKER)
    produce(url, topic, {0: 3})
    started: list[subprocess.Popen[str]] = []

    def start(does: str, *command: str) -> subprocess.Popen[str]:
        environment = os.environ | {"BROKER": url, "TOPIC": topic, "DOES": does, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(
            [sys.executable, *(command or ("under_test.py",))],
            env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def got(process: subprocess.Popen[str]) -> bool:
    """Wait for the first batch."""
    return any(line.startswith("got") for line in process.stdout or ())


@on_embedded
def test_an_error_of_an_agent_ends_the_process(worker: Callable[..., subprocess.Popen[str]]) -> None:
    process = worker("agent raises")
    output, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 1
    assert "ValueError: agent" in output


@on_embedded
def test_an_error_of_a_callback_ends_the_process(worker: Callable[..., subprocess.Popen[str]]) -> None:
    process = worker("positions raise")
    output, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 1
    assert "ValueError: positions" in output


@on_embedded
@pytest.mark.parametrize("does", ["fetch loop ends", "fetcher ends", "coordination ends", "thread ends"])
def test_a_consumer_that_stops_in_silence_ends_the_process(
    worker: Callable[..., subprocess.Popen[str]], does: str
) -> None:
    process = worker(does)
    assert got(process)
    process.communicate(timeout=15)
    assert process.returncode == 1


@on_embedded
@pytest.mark.parametrize("command", [(), ("-m", "faust", "-A", "under_test", "-L", "uvloop", "worker", "-l", "warn")])
def test_sigterm_ends_the_process_soon(
    worker: Callable[..., subprocess.Popen[str]], mock_broker: MockBroker, topic: str, command: tuple[str, ...]
) -> None:
    process = worker("nothing", *command)
    if command:
        wait_for_commit(mock_broker.url, topic)
    else:
        assert got(process)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=8)
    assert process.returncode == 0


def wait_for_commit(url: str, topic: str) -> None:
    end = time.monotonic() + DEADLINE_S
    while committed(url, "ending", topic, 1) != [3]:
        assert time.monotonic() < end, "the worker has not committed"


@on_embedded
def test_sigterm_ends_the_process_soon_when_no_broker_answers(
    worker: Callable[..., subprocess.Popen[str]], mock_broker: MockBroker
) -> None:
    process = worker("nothing")
    assert got(process)
    mock_broker.slow(60_000)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=8)
    assert process.returncode == 0


@on_kafka
def test_a_killed_worker_with_a_member_name_gets_its_partitions_back_at_once(
    worker: Callable[..., subprocess.Popen[str]],
) -> None:
    first = worker("return")
    assert got(first)
    first.kill()
    began = time.monotonic()
    assert got(worker("return"))
    assert time.monotonic() - began < 60  # the session lasts 120
