"""The simulator can fail: each of these workers breaks one rule of `GUARANTEES.md` §1, and the machine finds it out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from stream.fold import Emit, Outbound, Record, State
from stream.item import ItemFold
from stream.producer import NotAcknowledged
from stream.runner import Runner
from stream.shard import Shard
from tests.simulator.machine import Shop
from tests.simulator.world import Owner, Parts

EXAMPLES = 2_000
"""At most; each of them is found out within some hundreds."""

pytestmark = pytest.mark.timeout(600)


class WithoutMarks(ItemFold):
    """Applies every entry that comes, also those that came before (§1.5)."""

    def fold(self, record: Record, decoded: Any, state: State, emit: Emit) -> None:
        state.put("marks", {})
        super().fold(record, decoded, state, emit)


class MarksWholeRecords(ItemFold):
    """Drops a whole record when its first entry is known, though it may be cut differently (§1.5)."""

    def fold(self, record: Record, decoded: Any, state: State, emit: Emit) -> None:
        entries = getattr(decoded, "entries", [])
        if entries:
            mark = (state.read("marks") or {}).get(f"{decoded.source[0]}:{decoded.source[1]}", (-1, -1))
            if (entries[0].offset, entries[0].seq) <= tuple(mark):
                entries.clear()
        super().fold(record, decoded, state, emit)


class DoesNotWait(Shard):
    """Commits although the derived records may not be in the log (§1.5)."""

    async def _send(self) -> None:
        for round_ in self._emit.drain():
            try:
                await self._sender.send_all(round_)
            except NotAcknowledged:
                continue


class SendsAfterCommit(Shard):
    """Commits first; killed in between, the derived records are never sent (§1.5)."""

    async def flush(self) -> None:
        rounds = self._emit.drain()
        await super().flush()
        for round_ in rounds:
            await self._patiently(lambda sent=round_: self._sender.send_all(sent))  # type: ignore[misc]


class WithoutFence(Shard):
    """Writes over whatever position it finds (§1.3)."""

    async def flush(self) -> None:
        if self.unflushed:
            self._stored = await self._patiently(lambda: self._store.position(self.tag))
        await super().flush()


class ReadsWithoutFence(Shard):
    """Loads values of another owner's later commit, and sends what it derives from them (`Store.read`)."""

    async def _load(self, keys: Iterable[str]) -> None:
        missing = self.state.missing(keys)
        found = await self._patiently(lambda: self._store.load(self.tag, missing))
        for key, packed in zip(missing, found, strict=True):
            self.state.load(key, packed)


class TrustsTheGroup(Shard):
    """Starts where Kafka's group says, not where the state says (§1.4)."""

    async def start(self) -> int | None:
        stored = await super().start()
        owner = cast("Owner", self._store)
        self.next_offset = owner.world.acked[owner.place] or stored
        return self.next_offset


class AcksFirst(Runner):
    """Lets the group's offset pass what is not committed yet (§1.7)."""

    async def _commit(self) -> None:
        while self._folded:
            self._folded.popleft().ack()
        await super()._commit()


class KeepsGoing(Shard):
    """Stays after it was refused, and goes on from its own memory (§1.3)."""

    async def flush(self) -> None:
        unflushed, self.unflushed = self.unflushed, 0
        if unflushed:
            await self._send()
            writes, new = self._writes(), f"sim/2/{self.next_offset}"
            await self._patiently(lambda: self._store.commit(self.tag, self._stored, new, writes))
            self.state.settle()
            self._stored = new


def one_round(emit: Emit) -> list[list[Outbound]]:
    """All records of a batch at once, though one of them may arrive without the one before it."""
    rounds = _drain(emit, 120)
    return [[record for round_ in rounds for record in round_]] if rounds else []


_drain = Emit.drain

BROKEN = {
    "no marks": Parts(item_fold=WithoutMarks),
    "marks for whole records": Parts(item_fold=MarksWholeRecords),
    "acknowledgements not awaited": Parts(shard=DoesNotWait),
    "sent after the commit": Parts(shard=SendsAfterCommit),
    "no fence": Parts(shard=WithoutFence),
    "reads not fenced": Parts(shard=ReadsWithoutFence),
    "the group's offset wins": Parts(shard=TrustsTheGroup),
    "acknowledged before the commit": Parts(runner=AcksFirst),
    "goes on after a refusal": Parts(shard=KeepsGoing),
}


def found_out(parts: Parts) -> BaseException | None:
    """What the machine says of a worker made of these parts."""
    shop = type("BrokenShop", (Shop,), {"parts": parts})
    limits = settings(
        max_examples=EXAMPLES,
        stateful_step_count=40,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(shop, settings=limits)
    except Exception as error:  # noqa: BLE001  # whatever it is: the worker was found out
        return error
    return None


@pytest.mark.parametrize("rule", BROKEN)
def test_a_worker_that_breaks_a_rule_is_found_out(rule: str) -> None:
    assert found_out(BROKEN[rule]) is not None


def test_a_worker_that_sends_a_batch_in_one_round_is_found_out() -> None:
    with patch("tests.simulator.machine.partialmethod", lambda *_: one_round):
        assert found_out(Parts()) is not None
