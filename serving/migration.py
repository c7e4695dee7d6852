"""`liveshelf migrate` against a real Kafka and Redis: all state under another pseudonym key, and the end of the old."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import chain

from stream.cluster import Cluster
from stream.fold import Record
from stream.keyring import pseudonyms
from stream.migrate import CannotMigrate, Renaming, count, delete, move, refuse, refuse_delete, tags
from stream.producer import Producer
from stream.pseudonyms import Pseudonyms
from stream.renaming import rename
from stream.settings import Settings
from stream.state.keys import Keys
from stream.state.pipe import Pipe
from stream.state.redis import RedisStore


async def migrate(settings: Settings, key: bytes, prefix: str, *, write: bool) -> dict[str, int]:
    """Copy all state to `prefix` under names by one more key; what is (or would be) copied, by family.

    `settings` are those of the workers, which are stopped. Raises `CannotMigrate`, `BrokerAway` or `Unavailable`.
    """
    await _refuse_workers(settings, settings.key_prefix, prefix)
    if prefix == settings.key_prefix:
        raise CannotMigrate(f"the state lies under {prefix} already: choose another --prefix.")
    made_by, longer, cluster = pseudonyms(settings), _longer(settings, key), Cluster(settings)
    partitions = cluster.partitions()
    ends = {place: log.end for place, log in cluster.offsets(tags(partitions)).items()}
    async with _opened(settings, settings.key_prefix) as source, _opened(settings, prefix) as target:
        await refuse(source, target, cluster.topic_ids(), partitions, ends, made_by)
        found = await count(source, partitions)
        if write:
            await move(source, target, Renaming(longer, made_by.length, partitions), partitions)
    return dict(sorted(found.items()))


async def end(settings: Settings, old_prefix: str, *, write: bool) -> dict[str, int]:
    """Delete what lies under `old_prefix`, and rename what is on record; how much of each.

    `settings` are the new ones. Raises `CannotMigrate`, `BrokerAway`, `NotAcknowledged` or `Unavailable`.
    """
    await _refuse_workers(settings, old_prefix)
    if old_prefix == settings.key_prefix:
        raise CannotMigrate(f"{old_prefix} is LIVESHELF_KEY_PREFIX: set the settings that the migration named first.")
    made_by, cluster = pseudonyms(settings), Cluster(settings)
    partitions = cluster.partitions()
    async with _opened(settings, old_prefix) as old, _opened(settings, settings.key_prefix) as current:
        await refuse_delete(old, current, partitions, made_by)
        if not write:
            return {"keys": sum((await count(old, partitions)).values())}
        renamed = await _rename(settings, cluster, partitions["privacy"])
        return {"keys": await delete(old, partitions), "records": renamed}


def _longer(settings: Settings, key: bytes) -> Pseudonyms:
    try:
        return pseudonyms(settings).and_another(key)
    except ValueError as error:
        raise CannotMigrate(f"{error}: make a new one, such as with `openssl rand -hex 32`.") from None


async def _rename(settings: Settings, cluster: Cluster, partitions: int) -> int:
    """Rewrite what is on record under names by fewer keys; how many records that were."""
    producer = Producer.of(settings)
    try:
        return sum(
            [
                await rename(lambda p=p: _records(cluster, p), producer.send_all, p, pseudonyms(settings))  # type: ignore[misc]
                for p in range(partitions)
            ]
        )
    finally:
        producer.close()


def _records(cluster: Cluster, partition: int) -> Iterator[Record]:
    place = "privacy", partition
    start, end_ = cluster.offsets([place])[place]
    return chain.from_iterable(cluster.read(*place, start, end_))


async def _refuse_workers(settings: Settings, *prefixes: str) -> None:
    """Raise `CannotMigrate` while a worker's heartbeat is younger than 10 s."""
    reader = Pipe(settings.redis_url, budget_s=1)
    try:
        for prefix in prefixes:
            if beats := await reader.find(Keys(prefix).worker("*")):
                names = ", ".join(sorted(beat.rpartition(":")[2] for beat in beats))
                raise CannotMigrate(
                    f"a worker runs on {prefix} ({names}): it would write where the copy has been already. Stop all "
                    "workers, wait for 10 s, and run it again. The API may go on: it answers from the old state, and "
                    "what it accepts waits in Kafka."
                )
    finally:
        await reader.close()


@asynccontextmanager
async def _opened(settings: Settings, prefix: str) -> AsyncIterator[RedisStore]:
    store = RedisStore(settings.redis_url, Keys(prefix))
    try:
        yield store
    finally:
        await store.close()
