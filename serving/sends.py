"""What serving needs of a producer."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol


class Sends(Protocol):
    """Sends records; `stream.producer.Producer`, or a list in tests."""

    def send(self, topic: str, partition: int, key: bytes | None, value: bytes | None) -> Awaitable[int]:
        """The offset, once acknowledged; raises `Full` at once, or `NotAcknowledged` when awaited."""
