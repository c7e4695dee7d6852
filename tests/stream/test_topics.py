"""Partitions are Java's murmur2, as Kafka's own client, aiokafka and Faust place a key."""

from __future__ import annotations

import pytest
from aiokafka.partitioner import DefaultPartitioner, murmur2
from hypothesis import given, settings
from hypothesis import strategies as st

from stream import topics
from stream.topics import TOPICS, partition_of

# from Kafka's own UtilsTest.java, signed 32-bit integers as Java prints them
JAVA = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize(("key", "signed"), JAVA.items())
def test_the_hash_is_javas(key: bytes, signed: int) -> None:
    assert topics.murmur2(key) == signed & 0xFFFFFFFF


@settings(max_examples=300)
@given(key=st.binary(max_size=600), partitions=st.integers(1, 1_000))
def test_a_key_lies_where_aiokafka_puts_it(key: bytes, partitions: int) -> None:
    assert topics.murmur2(key) == murmur2(key) & 0xFFFFFFFF
    everywhere = list(range(partitions))
    assert partition_of(key, partitions) == DefaultPartitioner()(key, everywhere, everywhere)


@given(visitor_id=st.text(min_size=1, max_size=128))
def test_a_key_is_the_visitor_id_in_utf_8(visitor_id: str) -> None:
    key = visitor_id.encode("utf-8", "surrogatepass")
    assert 0 <= partition_of(key, 48) < 48


def test_keys_are_spread() -> None:
    counts = [0] * 48
    for n in range(48_000):
        counts[partition_of(f"visitor-{n}".encode(), 48)] += 1
    assert 800 < min(counts) <= max(counts) < 1_200


def test_topics_are_named_by_their_noun() -> None:
    assert {noun: topic.name for noun, topic in TOPICS.items()} == {noun: f"liveshelf.{noun}.v1" for noun in TOPICS}


def test_what_holds_shoppers_data_is_kept_for_at_most_30_days() -> None:
    assert all(topic.compacted or 0 < topic.retention_days <= 30 for topic in TOPICS.values())


def test_compacted_topics_are_those_that_hold_a_newest_value() -> None:
    assert {noun for noun, topic in TOPICS.items() if topic.compacted} == {"catalog", "privacy", "config", "prices"}
