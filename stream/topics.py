"""The topics, how they are keyed, and Kafka's own partitioner.

`partition_of` is Java's murmur2 as Kafka's client, aiokafka and Faust use it (KIP-480 keeps it for keyed records).
librdkafka's default is CRC32: a producer on it sets ``partitioner=murmur2_random``.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import NamedTuple

_M = 0x5BD1E995
_SEED = 0x9747B28C
_MASK = 0xFFFFFFFF


class Topic(NamedTuple):
    """One Kafka topic: its short noun, what its records are keyed by, and how long they are kept.

    `partitions`: a number of its own, 0 = as many as keyed topics have.
    """

    noun: str
    key: str
    compacted: bool
    retention_days: int
    internal: bool
    partitions: int = 0

    @property
    def name(self) -> str:
        return f"liveshelf.{self.noun}.v1"


TOPICS: dict[str, Topic] = {
    topic.noun: topic
    for topic in (
        Topic("events", "visitor_id", compacted=False, retention_days=30, internal=False),
        Topic("catalog", "item_id", compacted=True, retention_days=0, internal=False),
        Topic("prices", "item_id", compacted=True, retention_days=0, internal=True),
        Topic("decisions", "visitor_id", compacted=False, retention_days=30, internal=False),
        Topic("dead_letters", "the record's own key", compacted=False, retention_days=30, internal=False),
        Topic("privacy", "erase:<pid> or consent:<pid>:<purpose>", compacted=True, retention_days=0, internal=True),
        Topic("pairs", "item_id", compacted=False, retention_days=7, internal=True),
        Topic("profile", "customer", compacted=False, retention_days=7, internal=True),
        Topic("feedback", "model", compacted=False, retention_days=30, internal=True),
        Topic("queries", "the query's digest", compacted=False, retention_days=7, internal=True),
        Topic("audit", "the account's name", compacted=False, retention_days=30, internal=True),
        Topic("config", "<kind>:<name>", compacted=True, retention_days=0, internal=True, partitions=1),
    )
}


def murmur2(data: bytes) -> int:
    """Java's `Utils.murmur2` of `data` as an unsigned 32-bit integer."""
    length = len(data)
    h = _SEED ^ length
    whole = length // 4
    for word in struct.unpack_from(f"<{whole}I", data):
        k = (word * _M) & _MASK
        k ^= k >> 24
        h = ((h * _M) & _MASK) ^ ((k * _M) & _MASK)
    tail = data[whole * 4 :]
    if tail:
        h = ((h ^ int.from_bytes(tail, "little")) * _M) & _MASK
    h ^= h >> 13
    h = (h * _M) & _MASK
    return h ^ (h >> 15)


@lru_cache(maxsize=131_072)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition of `key` among `partitions`: ``toPositive(murmur2(key)) % partitions``."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
