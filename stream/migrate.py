"""Moves all state under names by one more key, partition by partition, without knowing any id.

```
old prefix ─▶ every key: family → its id renamed, its value renamed by its own struct ─▶ new prefix ("unfinished")
                                                    all of them there ─▶ the positions, by which workers go on
```
The old prefix is only read, so it is valid until somebody deletes it. Until the positions are written, a worker that
starts under the new prefix halts; a second run starts over. Nothing is asked of the logs: events carry ids, and what
the agents have said to each other says with how many keys it was named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from stream.fold import Family, Writes
from stream.privacy import FAMILY, MARK
from stream.pseudonyms import STORED, Pseudonyms
from stream.state.keys import Tag
from stream.state.store import UNFINISHED, Position, Store, WholeStore
from stream.state.table import FOLDS

AT_ONCE = 500
PSEUDONYMS = frozenset({"pid", "cid"})
BESIDE = (Family(FAMILY, bytes, "", "pid"), Family(MARK, bytes, ""), Family(STORED, bytes, ""))
"""Values beside the visitors' that no fold owns."""
FAMILIES: dict[str, dict[str, Family]] = {fold.topic: {one.name: one for one in fold.families} for fold in FOLDS}
FAMILIES["events"] |= {family.name: family for family in BESIDE}
RANKINGS = {fold.topic: fold.ranking for fold in FOLDS if fold.ranking is not None}

_PART = str(Position(UNFINISHED, 0, 0))
_pack = msgspec.msgpack.Encoder().encode


class CannotMigrate(Exception):
    """The state cannot be moved or deleted now; the message says why and what to do."""


class Renaming:
    """What every key, value and member becomes under the chain `to`, made by `made_with` of its keys so far."""

    def __init__(self, to: Pseudonyms, made_with: int, partitions: Mapping[str, int]) -> None:
        self.to = to
        self._name: Callable[[str], str] = lru_cache(maxsize=65_536)(lambda name: to.continued(name, made_with))
        self._partitions = partitions

    def entry(self, tag: Tag, key: str, packed: bytes) -> tuple[str, bytes]:
        """A value and its short key; raises `CannotMigrate` where nobody knows what is in it."""
        name, _, id_ = key.partition(":")
        family = FAMILIES[tag.topic].get(name)
        if family is None:
            raise CannotMigrate(
                f"{tag} holds a value of the family {name!r}, which this release does not know: nobody can say whether "
                "it carries pseudonyms. Migrate with the release that wrote it."
            )
        if family.id in PSEUDONYMS:
            key = f"{name}:{self._name(id_)}"
        return key, packed if family.renamed is None else self._value(family, packed)

    def _value(self, family: Family, packed: bytes) -> bytes:
        assert family.renamed is not None
        value: Any = msgspec.msgpack.decode(packed, type=family.type)
        return _pack(family.renamed(value, self._name, self._partitions))

    def ranked(self, tag: Tag, ranking: Mapping[str, float]) -> dict[str, float]:
        """A partition's ranking."""
        family = RANKINGS.get(tag.topic)
        if family is None or family.id not in PSEUDONYMS:
            return dict(ranking)
        return {self._name(member): score for member, score in ranking.items()}


async def refuse(
    source: Store,
    target: Store,
    topic_ids: Mapping[str, str],
    partitions: Mapping[str, int],
    ends: Mapping[tuple[str, int], int],
    made_by: Pseudonyms,
) -> None:
    """Raise `CannotMigrate` unless `source` is whole, of these topics and by these keys, and `target` nobody's state.

    `ends`: the next offset of each log.
    """
    whole = False
    for tag in tags(partitions):
        found = await source.position(tag)
        if found is not None:
            whole = True
            _refuse_position(tag, Position.parse(found), topic_ids[tag.topic], partitions[tag.topic], ends[tag])
        there = await target.position(tag)
        if there not in (None, _PART, found):
            raise CannotMigrate(
                f"under the new key prefix lies a state already ({tag} is at {there}). Choose another --prefix; if it "
                "is of a migration that was given up, delete it first with --delete."
            )
    if not whole:
        raise CannotMigrate(
            "under LIVESHELF_KEY_PREFIX lies no state: set it as the workers have it, and let them fold the log first."
        )
    await refuse_other_keys(source, partitions, made_by)


def _refuse_position(tag: Tag, position: Position, topic_id: str, partitions: int, end: int) -> None:
    if position.topic_id == UNFINISHED:
        raise CannotMigrate(
            f"the state of {tag} under LIVESHELF_KEY_PREFIX is itself what an interrupted migration left. Set "
            "LIVESHELF_KEY_PREFIX and the keys of before, and migrate from there."
        )
    if position[:2] != (topic_id, partitions):
        raise CannotMigrate(
            f"the state of {tag} was made from another topic ({position.topic_id}, {position.partitions} partitions; "
            f"the broker has {topic_id}, {partitions}). Point LIVESHELF_BROKER_URL at the state's broker."
        )
    if position.offset > end:
        raise CannotMigrate(
            f"the state of {tag} is at {position.offset}, its log ends at {end}: the log was cut. Restore the broker's "
            "data first; no worker could go on from there either."
        )


async def refuse_other_keys(store: Store, partitions: Mapping[str, int], made_by: Pseudonyms) -> None:
    """Raise `CannotMigrate` if the state says that other keys made its pseudonyms."""
    for partition in range(partitions["events"]):
        (keys,) = await store.load(Tag("events", partition), [STORED])
        if keys not in (None, made_by.fingerprint):
            raise CannotMigrate(
                "the state was made with other pseudonym keys than the ones that are set. Set LIVESHELF_PSEUDONYM_KEY, "
                "LIVESHELF_LATER_PSEUDONYM_KEYS and LIVESHELF_KEY_PREFIX as the workers have them."
            )


def tags(partitions: Mapping[str, int]) -> Iterator[Tag]:
    """Every partition that an agent owns."""
    for fold in FOLDS:
        yield from (Tag(fold.topic, partition) for partition in range(partitions[fold.topic]))


async def count(store: Store, partitions: Mapping[str, int]) -> Counter[str]:
    """How many keys of each family there are, and members of rankings, by ``<topic>.<family>``."""
    found: Counter[str] = Counter()
    for tag in tags(partitions):
        async for key in store.scan(tag):
            found[f"{tag.topic}.{key.partition(':')[0]}"] += 1
        if ranked := len(await store.ranking(tag)):
            found[f"{tag.topic}.ranking"] += ranked
    return found


async def move(source: WholeStore, target: WholeStore, renaming: Renaming, partitions: Mapping[str, int]) -> None:
    """Copy everything into `target` under its new names; raises `CannotMigrate` if `source` moves on meanwhile."""
    places = list(tags(partitions))
    positions = {tag: found for tag in places if (found := await source.position(tag)) is not None}
    for tag in places:
        await target.clear(tag)
    for tag in positions:
        await target.commit(tag, None, _PART, Writes())
    for tag in places:
        await _copy(source, target, tag, renaming, begun=tag in positions)
    for tag, position in positions.items():
        if await source.position(tag) != position:
            raise CannotMigrate(
                f"{tag} moved on while it was copied: a worker runs. Stop all workers, and run it again."
            )
    for tag, position in positions.items():
        await target.commit(tag, _PART, position, Writes())


async def _copy(source: WholeStore, target: WholeStore, tag: Tag, renaming: Renaming, *, begun: bool) -> None:
    """One partition's values and ranking; where no event was folded yet there may be consents all the same."""
    if tag.topic == "events":
        await target.swap(tag, {STORED: (None, renaming.to.fingerprint)})
    async for values in _values(source, tag):
        renamed = {}
        for key, (packed, ttl_ms) in values.items():
            new_key, value = renaming.entry(tag, key, packed)
            renamed[new_key] = value, ttl_ms
        if begun:
            await target.commit(tag, _PART, _PART, Writes(renamed))
        else:
            await target.swap(tag, {key: (None, value) for key, (value, _) in renamed.items()})
    ranked = list(renaming.ranked(tag, await source.ranking(tag)).items())
    for at in range(0, len(ranked), AT_ONCE):
        await target.commit(tag, _PART, _PART, Writes(ranked=dict(ranked[at : at + AT_ONCE])))


async def _values(store: WholeStore, tag: Tag) -> AsyncIterator[dict[str, tuple[bytes, int]]]:
    """All values of a partition with their time to live (ms), some at once.

    The mark comes first: what the API writes meanwhile lies above it in the privacy topic, and is read from there.
    """
    keys = sorted({key async for key in store.scan(tag)} - {STORED}, key=lambda key: (key != MARK, key))
    for at in range(0, len(keys), AT_ONCE):
        yield await _some(store, tag, keys[at : at + AT_ONCE])


async def _some(store: WholeStore, tag: Tag, keys: Sequence[str]) -> dict[str, tuple[bytes, int]]:
    found = zip(keys, await store.load(tag, keys), await store.kept_for(tag, keys), strict=True)
    return {key: (packed, ttl_ms) for key, packed, ttl_ms in found if packed is not None and ttl_ms is not None}


async def refuse_delete(old: Store, current: Store, partitions: Mapping[str, int], made_by: Pseudonyms) -> None:
    """Raise `CannotMigrate` unless `current` has gone on from all that `old` holds, or from where it was unfinished."""
    await refuse_other_keys(current, partitions, made_by)
    for tag in tags(partitions):
        gone, here = await old.position(tag), await current.position(tag)
        if gone is None or gone == _PART:
            continue
        if here is None or here == _PART or Position.parse(here).offset < Position.parse(gone).offset:
            raise CannotMigrate(
                f"{tag} is at {gone} under the prefix to delete, and at {here or 'the beginning'} under "
                "LIVESHELF_KEY_PREFIX: what would be deleted is not all there. Set the settings that the migration "
                "named."
            )


async def delete(store: WholeStore, partitions: Mapping[str, int]) -> int:
    """Delete everything; how many keys it was."""
    return sum([await store.clear(tag) for tag in tags(partitions)])
