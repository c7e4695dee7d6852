"""The store: where partitions' state and positions lie, whole batches at a time.

Position and state are written by one atomic call that first compares the position (the fence, `GUARANTEES.md` §1.3).
A position is ``<topic id>/<partitions>/<next offset>``: another topic of the same name, or another number of
partitions, is another position and is refused. As state is a fold, equal positions mean equal states, whoever
committed them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from stream.fold import Writes
from stream.state.keys import Tag

UNFINISHED = "unfinished"
"""The topic id in the position of a partition that is being copied or deleted: nobody can go on from it."""


class Unavailable(Exception):
    """The store does not answer, or refuses for a reason of its own; nothing is known of the last write."""


class Position(NamedTuple):
    """The next offset to fold, of which topic."""

    topic_id: str
    partitions: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic_id}/{self.partitions}/{self.offset}"

    @classmethod
    def parse(cls, text: str) -> Position:
        topic_id, partitions, offset = text.rsplit("/", 2)
        return cls(topic_id, int(partitions), int(offset))


class Reading(NamedTuple):
    """What one atomic read found: the position, and the values and the ranking as of that position."""

    position: str | None
    values: list[bytes | None]
    ranking: dict[str, float]


class Store(Protocol):
    """Two implementations, one conformance suite: `stream.state.memory`, `stream.state.redis`."""

    async def position(self, tag: Tag) -> str | None:
        """The stored position, None at the beginning."""

    async def read(self, tag: Tag, keys: Sequence[str], *, ranking: bool = False) -> Reading:
        """Position, values of short keys and on demand the ranking, all of one moment.

        An owner folds only what was read at the position that it expects: on values of another owner's later commit it
        would derive entries that no fold of the log gives, and send them before the fence refuses its state.
        """

    async def load(self, tag: Tag, keys: Sequence[str]) -> list[bytes | None]:
        """The values of short keys, in order, for those who only look."""

    async def ranking(self, tag: Tag) -> dict[str, float]:
        """The partition's ranking, member → score."""

    async def score(self, tag: Tag, member: str) -> float | None:
        """One member's score in the partition's ranking, None if it is not in it."""

    async def commit(self, tag: Tag, expected: str | None, new: str, writes: Writes) -> str | None:
        """Write everything and the new position if the stored one is `expected`; else nothing.

        Returns None if written, else the position that was found (empty for none).
        """

    async def swap(self, tag: Tag, changes: Mapping[str, tuple[bytes | None, bytes]]) -> bool:
        """Set short keys to new values if all are still the expected ones (None: not there), else nothing.

        For the few values that several may write (`stream.privacy`); whether they were set.
        """

    def scan(self, tag: Tag) -> AsyncIterator[str]:
        """All short keys of the partition but its position and ranking."""


class WholeStore(Store, Protocol):
    """A store whose partitions can be copied with all that lies in them, and deleted."""

    async def kept_for(self, tag: Tag, keys: Sequence[str]) -> list[int | None]:
        """For how long (ms) the values of short keys are kept; 0: for ever, None: they are not there."""

    async def clear(self, tag: Tag) -> int:
        """Delete the whole partition; how many keys it had. Until that is done its position is `UNFINISHED`."""
