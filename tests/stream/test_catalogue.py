"""The catalogue in memory: what records add up to, readings anew, and the local copy."""

import asyncio
import json
from pathlib import Path
from typing import Any

from stream.catalogue import KIND, Catalogue, Shelved
from stream.fold import Record
from stream.local_copy import LocalCopy


def record(item_id: str, offset: int, partition: int = 0, *, at: int = 0, **item: Any) -> Record:
    value = json.dumps({"item_id": item_id, **item}).encode() if item else None
    return Record("catalog", partition, offset, at, item_id.encode(), value)


def read(*records: Record, catalogue: Catalogue | None = None) -> Catalogue:
    """A catalogue that has read these records from the log's beginning."""
    found = Catalogue() if catalogue is None else catalogue
    found.restart()
    found.apply(records)
    found.caught_up()
    return found


def titles(catalogue: Catalogue) -> dict[str, str]:
    return {item_id: shelved.item.title for item_id, shelved in catalogue.items.items()}


def test_updates_change_what_they_carry_and_a_tombstone_deletes() -> None:
    catalogue = read(record("a", 0, title="A", brand="B"), record("b", 1, title="B"))
    catalogue.apply([record("a", 2, quantity=0), record("b", 3)])
    assert titles(catalogue) == {"a": "A"}
    assert catalogue.items["a"].item.brand == "B"
    assert not catalogue.items["a"].sellable


def test_an_items_number_stays_the_same() -> None:
    catalogue = read(record("a", 0, title="A"), record("b", 1, title="B"))
    numbers = {item_id: shelved.number for item_id, shelved in catalogue.items.items()}
    catalogue.apply([record("a", 2), record("c", 3, title="C"), record("a", 4, title="A again")])
    assert catalogue.items["a"].number == numbers["a"]
    assert len({shelved.number for shelved in catalogue.items.values()}) == 3


def test_categories_follow_their_items() -> None:
    catalogue = read(*[record(i, n, title=i, category="Pans") for n, i in enumerate("abc")])
    catalogue.apply([record("a", 3), record("b", 4, category="Pots")])
    assert {name: list(members) for name, members in catalogue.categories()} == {"Pans": ["c"], "Pots": ["b"]}
    catalogue.apply([record("b", 5, category=None, title="b"), record("c", 6)])
    assert list(catalogue.of_category("Pans")) == []


def test_a_record_that_is_no_item_is_counted_and_changes_nothing() -> None:
    catalogue = read(record("a", 0, title="A"))
    catalogue.apply(
        [
            Record("catalog", 0, 1, 0, b"a", b"{"),
            Record("catalog", 0, 2, 0, b"other", b'{"item_id": "a", "title": "x"}'),
            Record("catalog", 0, 3, 0, None, b'{"item_id": "a", "title": "x"}'),
            Record("catalog", 0, 4, 0, b"\xff", b'{"item_id": "b", "title": "x"}'),
            record("new", 5, quantity=1),
        ]
    )
    assert titles(catalogue) == {"a": "A"}
    assert (catalogue.refused, catalogue.positions) == (5, {0: 6})


def test_a_reading_anew_shows_nothing_of_the_past_and_drops_what_is_gone() -> None:
    catalogue = read(record("a", 0, title="A", quantity=0), record("b", 1, title="B"))
    told: list[tuple[str, bool, bool]] = []
    catalogue.watch(lambda item_id, before, after: told.append((item_id, before is not None, after is not None)))
    told.clear()
    catalogue.restart()
    catalogue.apply([record("a", 0, title="A", quantity=5)])
    assert not catalogue.items["a"].sellable
    assert told == []
    catalogue.apply([record("a", 1, quantity=0), record("c", 2, title="C")])
    catalogue.caught_up()
    assert titles(catalogue) == {"a": "A", "c": "C"}
    assert sorted(told) == [("b", True, False), ("c", False, True)]


def test_watchers_hear_of_what_is_there_and_of_every_change() -> None:
    catalogue = read(record("a", 0, title="A"))
    told: list[tuple[str, str | None, str | None]] = []

    def title(shelved: Shelved | None) -> str | None:
        return shelved.item.title if shelved else None

    catalogue.watch(lambda item_id, before, after: told.append((item_id, title(before), title(after))))
    catalogue.apply([record("a", 1, title="A"), record("a", 2, title="Z"), record("a", 3)])
    assert told == [("a", None, "A"), ("a", "A", "Z"), ("a", "Z", None)]


async def test_waiting_for_a_record_ends_when_it_is_applied() -> None:
    catalogue = read(record("a", 0, title="A"))
    await catalogue.reached({0: 0})
    waiting = asyncio.create_task(catalogue.reached({0: 1, 1: 0}))
    await asyncio.sleep(0)
    catalogue.apply([record("a", 1, title="B")])
    await asyncio.sleep(0)
    assert not waiting.done()
    catalogue.apply([record("b", 0, 1, title="C")])
    await waiting


async def test_the_local_copy_starts_the_next_process(tmp_path: Path) -> None:
    copy = LocalCopy(tmp_path / "catalogue", KIND)
    catalogue = read(*[record(f"i{n}", n, title=f"T{n}", own=n) for n in range(600)], catalogue=Catalogue(copy))
    await catalogue.save({"events": 48})
    again = Catalogue(copy)
    assert again.load()
    assert again.ready.is_set()
    assert again.partitions == {"events": 48}
    assert {i: (s.raw, s.sellable) for i, s in again.items.items()} == {
        i: (s.raw, s.sellable) for i, s in catalogue.items.items()
    }


async def test_an_unchanged_catalogue_is_not_written_again(tmp_path: Path) -> None:
    copy = LocalCopy(tmp_path / "catalogue", KIND)
    catalogue = read(record("a", 0, title="A"), catalogue=Catalogue(copy))
    await catalogue.save({})
    copy.path.unlink()
    await catalogue.save({})
    assert not copy.path.exists()
    catalogue.apply([record("a", 1, title="B")])
    await catalogue.save({})
    assert copy.path.exists()


async def test_a_copy_of_another_run_of_the_embedded_broker_is_worth_nothing(tmp_path: Path) -> None:
    copy = LocalCopy(tmp_path / "catalogue", KIND)
    await read(record("a", 0, title="A"), catalogue=Catalogue(copy, "run 1")).save({})
    assert not Catalogue(copy, "run 2").load()
    assert Catalogue(copy, "run 1").load()


async def test_before_anything_was_read_nothing_is_written(tmp_path: Path) -> None:
    copy = LocalCopy(tmp_path / "catalogue", KIND)
    await Catalogue(copy).save({})
    assert not copy.path.exists()
    assert not Catalogue(copy).load()


async def test_an_item_is_known_since_its_first_record_also_when_the_log_has_forgotten_it(tmp_path: Path) -> None:
    copy = LocalCopy(tmp_path / "catalogue", KIND)
    catalogue = read(record("a", 0, at=5_000, title="A"), catalogue=Catalogue(copy))
    catalogue.apply([record("a", 1, at=9_000, title="A again")])
    assert catalogue.items["a"].since_ms == 5_000
    await catalogue.save({})
    again = Catalogue(copy)
    assert again.load()
    read(record("a", 1, at=9_000, title="A again"), record("b", 2, at=9_500, title="B"), catalogue=again)
    assert {item_id: one.since_ms for item_id, one in again.items.items()} == {"a": 5_000, "b": 9_500}


def test_an_item_that_says_when_it_was_published_is_known_since_then() -> None:
    catalogue = read(record("a", 0, at=5_000, title="A", published_at=1_000))
    assert (catalogue.items["a"].since_ms, catalogue.items["a"].from_ms) == (1_000, 1_000)


async def test_a_copy_of_the_format_before_is_not_read_as_this_one(tmp_path: Path) -> None:
    old = LocalCopy(tmp_path / "catalogue", "catalogue 1")
    await old.write([{"run_id": "", "partitions": {}}, [("a", b'{"item_id":"a","title":"A"}')]])
    assert not Catalogue(LocalCopy(old.path, KIND)).load()
