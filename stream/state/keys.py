"""Every Redis key is made here.

A partition's keys share the hash tag ``{topic:partition}``, so that one atomic script can touch all of them, on Redis
Cluster too (`GUARANTEES.md` §1.1).
"""

from __future__ import annotations

from typing import NamedTuple


class Tag(NamedTuple):
    """A partition of a topic as the owner of state."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}"


class Keys(NamedTuple):
    """Makes full keys from a tag and a short key such as ``visitor:<pid>``."""

    prefix: str = "ls"

    def root(self, tag: Tag) -> str:
        return f"{self.prefix}:{{{tag}}}:"

    def position(self, tag: Tag) -> str:
        return self.root(tag) + "position"

    def ranking(self, tag: Tag) -> str:
        return self.root(tag) + "ranking"

    def value(self, tag: Tag, key: str) -> str:
        return self.root(tag) + key

    def worker(self, name: str) -> str:
        """A worker's heartbeat with its counters, outside every partition's state."""
        return f"{self.prefix}:worker:{name}"
