"""The privacy topic after a migration: nothing stays under an old name, and nothing that was said is lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from stream.consent import PURPOSES, Word
from stream.fold import Outbound, Record
from stream.privacy import Privacy, consent_record, erase_records, joined, read_record
from stream.pseudonyms import Pseudonyms
from stream.renaming import rename

KEYS = (b"first", b"second", b"third")
NOW = Pseudonyms(KEYS)
VISITORS = ("ann", "bob")
Written = Sequence[tuple[bytes, bytes | None]]


class Topic:
    """One partition; `meanwhile` is written by others between a look and the answer to it."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.meanwhile: list[tuple[bytes, bytes | None]] = []

    def append(self, key: bytes, value: bytes | None) -> None:
        self.records.append(Record("privacy", 0, len(self.records), 0, key, value))

    def read(self) -> Iterable[Record]:
        found = list(self.records)
        for record in self.meanwhile:
            self.append(*record)
        self.meanwhile.clear()
        return found

    async def write(self, records: Sequence[Outbound]) -> None:
        for one in records:
            self.append(one.key or b"", one.value)

    def compacted(self) -> dict[bytes, bytes]:
        last = {record.key or b"": record.value for record in self.records}
        return {key: value for key, value in last.items() if value is not None}


def known(values: Iterable[bytes]) -> dict[str, Privacy]:
    found: dict[str, Privacy] = {}
    for value in values:
        pid, told = read_record(value, NOW)
        found[pid] = joined(found.get(pid, Privacy()), told)
    return found


def consent(visitor_id: str, made_with: int, purpose: str, word: Word, epoch: int = 0) -> tuple[bytes, bytes]:
    return consent_record(Pseudonyms(KEYS[:made_with]).of_visitor(visitor_id), 0, epoch, purpose, word, made_with)


def erasure(visitor_id: str, made_with: int, epoch: int, at: int) -> Written:
    by = Pseudonyms(KEYS[:made_with])
    return erase_records(by.of_visitor(visitor_id), 0, epoch, at, by.earlier(visitor_id))


times = st.integers(0, 9)
words = st.builds(Word, withdrawn_at=times, granted_at=times)


def written_by(made_with: st.SearchStrategy[int]) -> st.SearchStrategy[list[Written]]:
    """What processes with so many keys may write, one call at a time."""
    who, purpose, epoch = st.sampled_from(VISITORS), st.sampled_from(PURPOSES), st.integers(1, 3)
    consents = st.builds(consent, who, made_with, purpose, words, epoch).map(lambda record: [record])
    erasures = st.builds(erasure, who, made_with, epoch, st.integers(1, 9))
    return st.lists(st.one_of(consents, consents, erasures), max_size=8)


def filled(written: Iterable[Written]) -> Topic:
    topic = Topic()
    for records in written:
        for record in records:
            topic.append(*record)
    return topic


@settings(max_examples=300, deadline=None)
@given(written=written_by(st.integers(1, 3)), meanwhile=written_by(st.just(3)))
async def test_all_that_is_on_record_is_known_afterwards_by_new_names_alone(
    written: list[Written], meanwhile: list[Written]
) -> None:
    topic = filled(written)
    old = {name: NOW.of_visitor(visitor_id) for visitor_id in VISITORS for name in NOW.earlier(visitor_id)}
    renamed = {old[name] for key in topic.compacted() if (name := name_in(key)) in old}
    topic.meanwhile = [record for records in meanwhile for record in records]
    await rename(topic.read, topic.write, 0, NOW)
    assert not {name_in(key) for key in topic.compacted()} & old.keys()
    everything = known(record.value for record in topic.records if record.value is not None)
    after = known(topic.compacted().values())
    for pid in renamed:
        assert (after[pid].consent, after[pid].epoch, after[pid].erased_at) == (
            everything[pid].consent,
            everything[pid].epoch,
            everything[pid].erased_at,
        )


def name_in(key: bytes) -> str:
    return key.decode().split(":")[1]


async def test_a_second_run_has_nothing_to_do() -> None:
    topic = filled([[consent("ann", 1, "marketing", Word(withdrawn_at=3))], erasure("bob", 2, 1, 5)])
    assert await rename(topic.read, topic.write, 0, NOW) == 2
    assert await rename(topic.read, topic.write, 0, NOW) == 0


async def test_a_word_that_was_overtaken_is_on_record_again() -> None:
    """The API writes a withdrawal under today's name after the topic was read, before the renamed record comes."""
    topic = filled([[consent("ann", 1, "marketing", Word(granted_at=3))]])
    key, withdrawal = consent("ann", 3, "marketing", Word(withdrawn_at=7, granted_at=3))
    topic.meanwhile = [(key, withdrawal)]
    await rename(topic.read, topic.write, 0, NOW)
    (value,) = topic.compacted().values()
    (word,) = read_record(value, NOW)[1].consent.values()
    assert (word.withdrawn_at, word.granted_at) == (7, 3)


async def test_an_old_consent_beside_a_new_tombstone_revives_nothing() -> None:
    by_one = consent("ann", 1, "personalization", Word(granted_at=3))
    topic = filled([[by_one], erasure("ann", 3, 1, 5), [by_one]])  # a process of before the migration comes late
    await rename(topic.read, topic.write, 0, NOW)
    assert [key.partition(b":")[0] for key in topic.compacted()] == [b"erase"]
    (word,) = {*known(topic.compacted().values())[NOW.of_visitor("ann")].consent.values()}
    assert not word.granted


def test_an_erasure_deletes_what_is_on_record_by_every_name() -> None:
    topic = filled(
        [[consent("ann", n, purpose, Word(granted_at=3))] for n in (1, 2, 3) for purpose in PURPOSES]
        + [erasure("ann", 1, 1, 4), erasure("ann", 3, 2, 5)]
    )
    assert list(topic.compacted()) == [f"erase:{NOW.of_visitor('ann')}".encode()]
