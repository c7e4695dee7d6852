"""Decisions on their way into Kafka: from a bounded buffer, never waited for; what finds no room is counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from stream.topics import TOPICS, partition_of

_TOPIC = "decisions"


class Offers(Protocol):
    """Takes records that may be lost; `stream.producer.Producer`, or a list in tests."""

    dropped: int

    def offer(self, topic: str, partition: int, key: bytes | None, value: bytes) -> bool:
        """Whether there was room."""


class DecisionLog:
    """Writes decision records.

    Parameters
    ----------
    partitions: how many partitions the decisions topic has; 0 while that is not known, and then nothing is written.
    """

    def __init__(self, producer: Offers, partitions: Callable[[], int]) -> None:
        self._producer, self._partitions = producer, partitions
        self._name = TOPICS[_TOPIC].name
        self._unplaced = 0

    @property
    def dropped(self) -> int:
        """How many found no room, or no topic, since the process began."""
        return self._producer.dropped + self._unplaced

    def write(self, visitor_id: str, record: bytes) -> None:
        self._write(visitor_id.encode(), visitor_id.encode(), record)

    def write_unnamed(self, nonce: bytes, record: bytes) -> None:
        """Without a key, as it is nobody's: what was shown teaches if its visitor consents in time."""
        self._write(nonce, None, record)

    def _write(self, place: bytes, key: bytes | None, record: bytes) -> None:
        partitions = self._partitions()
        if not partitions:
            self._unplaced += 1
            return
        self._producer.offer(self._name, partition_of(place, partitions), key, record)
