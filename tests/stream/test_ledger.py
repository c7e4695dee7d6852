"""The ledger agent: what the catalogue's records make of prices, and what remains when Redis or the log forgets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import pytest
from msgspec import structs

from stream.fold import Clock, Outbound, Record
from stream.ledger import History, LedgerFold, read_history
from stream.prices import DAY_MS, Price
from stream.rebuild import Report, rebuild
from stream.shard import Shard
from stream.state.keys import Tag
from stream.state.memory import MemoryStore
from stream.topics import TOPICS
from stream.truth import Overtaken, pieces

PARTITIONS = dict.fromkeys(TOPICS, 1)
TAG = Tag("catalog", 0)
NOW = 1_790_000_000_000


def said(offset: int, at: int, item_id: str = "pan", **item: Any) -> Record:
    value = json.dumps({"item_id": item_id, **item}).encode() if item else None
    return Record("catalog", 0, offset, at, item_id.encode(), value)


class Truth:
    """The topics that the agent writes."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.dead: list[dict[str, Any]] = []

    async def send_all(self, records: Sequence[Outbound]) -> None:
        for to in records:
            if to.topic == "prices":
                self.records.append(Record("prices", to.partition, len(self.records), 0, to.key, to.value))
            else:
                self.dead.append(json.loads(to.value or b""))

    def compacted(self) -> list[Record]:
        """What is left once Kafka has kept the newest record of each key only."""
        return list({record.key: record for record in self.records}.values())


async def worked(
    log: Sequence[Record], truth: Truth, store: MemoryStore, *, cut: int = 1, compacted: bool = False
) -> None:
    """A worker starts, takes what it lacks from the truth, and folds the log from its position in batches."""
    shard = Shard(LedgerFold(), 0, "topic", PARTITIONS, store, truth)
    await shard.start()
    taken = shard.state.read("taken") or 0
    for records in pieces(one for one in (truth.compacted() if compacted else truth.records) if one.offset >= taken):
        await shard.restore(records, 0)
    rest = [record for record in log if record.offset >= (shard.next_offset or 0)]
    for start in range(0, len(rest), cut):
        await shard.apply(rest[start : start + cut])
        await shard.flush()


async def history(log: Sequence[Record], item_id: str = "pan", *, cut: int = 1) -> History:
    store = MemoryStore()
    await worked(log, Truth(), store, cut=cut)
    return read_history(store.values[TAG][f"prices:{item_id}"])


def told(found: History) -> list[tuple[int, str | None]]:
    return [(one.from_ms - NOW, one.paid) for one in found.prices]


LOG = [
    said(0, NOW, title="Pan", price="100", currency="EUR"),
    said(1, NOW + 5, item_id="pot", title="Pot", price="7"),
    said(2, NOW + 40 * DAY_MS, quantity=3),
    said(3, NOW + 41 * DAY_MS, sale_price="80"),
    said(4, NOW + 42 * DAY_MS, sale_price="80.00"),
    said(5, NOW + 43 * DAY_MS, item_id="pot"),
]


async def test_every_price_has_its_time() -> None:
    found = await history(LOG)
    assert found.prices == (
        Price(NOW, "100", None, "EUR"),
        Price(NOW + 41 * DAY_MS, "100", "80", "EUR", NOW + 41 * DAY_MS, NOW + 41 * DAY_MS),
        Price(NOW + 42 * DAY_MS, "100", "80.00", "EUR", NOW + 41 * DAY_MS, NOW + 41 * DAY_MS),
    )


@pytest.mark.parametrize("cut", [2, 3, 6])
async def test_batches_change_nothing(cut: int) -> None:
    assert await history(LOG, cut=cut) == await history(LOG)


async def test_a_stock_update_writes_nothing() -> None:
    truth, store = Truth(), MemoryStore()
    await worked(LOG[:3], truth, store)
    assert [record.key for record in truth.records] == [b"pan", b"pot"]


async def test_a_deleted_item_keeps_its_prices_for_their_time() -> None:
    found = await history(LOG, "pot")
    assert told(found) == [(5, "7"), (43 * DAY_MS, None)]
    assert not found.lasts
    again = await history([*LOG, said(6, NOW + 44 * DAY_MS, item_id="pot", title="Pot", price="5")], "pot")
    assert told(again) == [(5, "7"), (43 * DAY_MS, None), (44 * DAY_MS, "5")]
    assert again.lasts


async def test_a_record_that_comes_late_counts_from_a_moment_after_the_one_before() -> None:
    found = await history([LOG[0], said(1, NOW + 20, price="90"), said(2, NOW + 10, price="95")])
    assert told(found) == [(0, "100"), (20, "90"), (21, "95")]


async def test_the_same_record_again_changes_nothing() -> None:
    again = [LOG[0], said(1, NOW + 50, title="Pan", price="100", currency="EUR")]
    assert told(await history(again)) == [(0, "100")]


async def test_hidden_or_not_yet_published_is_not_on_offer() -> None:
    log = [
        said(0, NOW, title="Pan", price="100", published_at=NOW + 50),
        said(1, NOW + 60, hidden=True),
        said(2, NOW + 70, price="90"),
        said(3, NOW + 80, hidden=None),
    ]
    assert told(await history(log)) == [(50, "100"), (60, None), (80, "90")]
    moved = [log[0], said(1, NOW + 10, published_at=NOW + 20)]
    assert told(await history(moved)) == [(20, "100")]


async def test_what_the_catalogue_refuses_is_a_dead_letter() -> None:
    truth, store = Truth(), MemoryStore()
    log = [
        said(0, NOW, price="5"),
        said(1, NOW, title="Pan", price="100"),
        said(2, NOW, title=None, price="1"),
        said(3, NOW, price="-1"),
        Record("catalog", 0, 4, NOW, b"pan", b"{"),
        Record("catalog", 0, 5, NOW, b"other", b'{"item_id": "pan", "price": "2"}'),
        Record("catalog", 0, 6, NOW, b"\xff", b'{"item_id": "pan", "price": "2"}'),
    ]
    await worked(log, truth, store, cut=7)
    assert [letter["reason"] for letter in truth.dead] == [
        "schema", "schema", "range", "not_json", "wrong_key", "wrong_key",
    ]  # fmt: skip
    assert told(read_history(store.values[TAG]["prices:pan"])) == [(0, "100")]
    clock = msgspec.msgpack.decode(store.values[TAG]["clock"], type=Clock)
    assert (clock.applied, clock.dead) == (1, 6)


# the truth


def left_by_compaction(log: Sequence[Record]) -> list[Record]:
    return sorted({record.key: record for record in log}.values(), key=lambda record: record.offset)


async def test_an_empty_redis_takes_the_histories_that_the_log_no_longer_gives() -> None:
    truth, store = Truth(), MemoryStore()
    log = [
        *LOG,
        said(6, NOW + 50 * DAY_MS, title="Pan", price="120", currency="EUR", sale_price=None),
        said(7, NOW + 51 * DAY_MS, title="Pan", price="120", currency="EUR", quantity=1),
    ]
    await worked(log, truth, store)
    fresh = MemoryStore()
    await worked(left_by_compaction(log), truth, fresh, compacted=True)
    assert fresh.values[TAG]["prices:pan"] == store.values[TAG]["prices:pan"]
    assert fresh.values[TAG]["prices:pot"] == store.values[TAG]["prices:pot"]


async def test_a_redis_that_came_back_older_takes_the_tail_from_the_truth() -> None:
    truth, store = Truth(), MemoryStore()
    await worked(LOG[:2], truth, store)
    older = MemoryStore()
    older.values[TAG], older.positions[TAG] = dict(store.values[TAG]), store.positions[TAG]
    await worked(LOG, truth, store)
    written = len(truth.records)
    await worked([record for record in LOG if record.offset != 3], truth, older)
    assert older.values[TAG]["prices:pan"] == store.values[TAG]["prices:pan"]
    assert len(truth.records) == written, "nothing that the truth knows is written again"


async def test_the_truth_is_read_from_where_redis_holds_it() -> None:
    truth, store = Truth(), MemoryStore()
    await worked(LOG, truth, store)
    await worked(LOG, truth, store)
    assert msgspec.msgpack.decode(store.values[TAG]["taken"]) == len(truth.records)


async def test_what_a_stalled_owner_wrote_late_is_written_over_again() -> None:
    truth = Truth()
    await worked(LOG, truth, MemoryStore())
    newest = truth.compacted()
    late = structs.replace(truth.records[0], offset=len(truth.records))
    shard = Shard(LedgerFold(), 0, "topic", PARTITIONS, MemoryStore(), truth)
    overtaken = Overtaken(shard)
    overtaken.see([*truth.records, late])
    assert [record.value for record in overtaken.records] == [newest[0].value]
    overtaken.see(overtaken.records)
    assert overtaken.records == []


async def rebuilt(log: Sequence[Record], truth: Iterable[Record], store: MemoryStore) -> Report:
    return await rebuild(
        LedgerFold, 0, store, lambda start, end: [[r for r in log if start <= r.offset < end]], PARTITIONS,
        truth=[list(truth)],
    )  # fmt: skip


async def test_rebuild_compares_with_the_truth_although_the_log_was_compacted() -> None:
    truth, store = Truth(), MemoryStore()
    await worked(LOG, truth, store)
    report = await rebuilt(left_by_compaction(LOG), truth.compacted(), store)
    assert report.compared == {"prices": 2}
    assert report.different == []
    packed = store.values[TAG]["prices:pan"]
    store.values[TAG]["prices:pan"] = packed[:-1] + bytes([packed[-1] ^ 1])
    report = await rebuilt(left_by_compaction(LOG), truth.compacted(), store)
    assert [one.key for one in report.different] == ["prices:pan"]


async def test_rebuild_does_not_compare_what_the_truth_is_ahead_in() -> None:
    truth, store = Truth(), MemoryStore()
    await worked(LOG[:3], truth, store)
    later = MemoryStore()
    later.values[TAG], later.positions[TAG] = dict(store.values[TAG]), store.positions[TAG]
    await worked(LOG, truth, later)
    report = await rebuilt(LOG, truth.compacted(), store)
    assert report.compared == {}
    assert report.different == []
