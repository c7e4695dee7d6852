"""The store in a dictionary: for evaluation, rebuilding and the simulator."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence

from stream.fold import Writes
from stream.state.keys import Tag
from stream.state.store import Reading


class MemoryStore:
    """Same promises as Redis but for durability and expiry (garbage collection, which folds do not rely on)."""

    def __init__(self) -> None:
        self.positions: dict[Tag, str] = {}
        self.values: defaultdict[Tag, dict[str, bytes]] = defaultdict(dict)
        self.rankings: defaultdict[Tag, dict[str, float]] = defaultdict(dict)

    async def position(self, tag: Tag) -> str | None:
        return self.positions.get(tag)

    async def read(self, tag: Tag, keys: Sequence[str], *, ranking: bool = False) -> Reading:
        ranked = dict(self.rankings[tag]) if ranking else {}
        return Reading(self.positions.get(tag), await self.load(tag, keys), ranked)

    async def load(self, tag: Tag, keys: Sequence[str]) -> list[bytes | None]:
        values = self.values[tag]
        return [values.get(key) for key in keys]

    async def ranking(self, tag: Tag) -> dict[str, float]:
        return dict(self.rankings[tag])

    async def score(self, tag: Tag, member: str) -> float | None:
        return self.rankings[tag].get(member)

    async def commit(self, tag: Tag, expected: str | None, new: str, writes: Writes) -> str | None:
        stored = self.positions.get(tag)
        if stored != expected:
            return stored or ""
        values, ranking = self.values[tag], self.rankings[tag]
        values.update((key, packed) for key, (packed, _) in writes.values.items())
        for key in writes.deleted:
            values.pop(key, None)
        ranking.update(writes.ranked)
        for member in writes.unranked:
            ranking.pop(member, None)
        self.positions[tag] = new
        return None

    async def swap(self, tag: Tag, changes: Mapping[str, tuple[bytes | None, bytes]]) -> bool:
        values = self.values[tag]
        if any(values.get(key) != expected for key, (expected, _) in changes.items()):
            return False
        values.update((key, new) for key, (_, new) in changes.items())
        return True

    async def kept_for(self, tag: Tag, keys: Sequence[str]) -> list[int | None]:
        return [0 if key in self.values[tag] else None for key in keys]

    async def clear(self, tag: Tag) -> int:
        gone = len(self.values.pop(tag, {})) + bool(self.rankings.pop(tag, {}))
        return gone + (self.positions.pop(tag, None) is not None)

    async def scan(self, tag: Tag) -> AsyncIterator[str]:
        for key in sorted(self.values[tag]):
            yield key
