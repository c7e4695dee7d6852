"""What the API writes of a visitor's privacy: on record in the topic, then into Redis, so that the next read knows it.

The visitor's owner is told by a control event before; what is here is what cannot wait for the owner.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from serving.sends import Sends
from serving.visitors import Visitors
from stream.consent import PURPOSES, Known
from stream.privacy import Privacy, consent_record, erase_records, join, joined, key_of, owner, unpack
from stream.state.store import Store, Unavailable
from stream.topics import TOPICS

_TOPIC = TOPICS["privacy"].name


class Ledger:
    """The privacy topic and its copy in Redis; `store` writes them with patience, `visitors` read with none.

    Everything here raises `Full` or `NotAcknowledged` if it is not on record. With Redis away it is, and then this
    process believes no value of that partition until the worker has brought it level.
    """

    def __init__(self, visitors: Visitors, producer: Sends, store: Store) -> None:
        self._visitors, self._producer, self._store = visitors, producer, store

    async def known(self, visitor_id: str) -> Privacy:
        """What Redis says now; raises `Unavailable`."""
        partition = self._visitors.partition(visitor_id)
        return unpack((await self._store.load(owner(partition), [key_of(self._visitors.pid_of(visitor_id))]))[0])

    async def consent(self, visitor_id: str, said: Known) -> Privacy:
        """Record what was said of some purposes; what is known then."""
        partition, pid = self._visitors.partition(visitor_id), self._visitors.pid_of(visitor_id)
        told = Privacy(partition=partition, consent=said)
        try:
            after = joined(await self.known(visitor_id), told)
        except Unavailable:
            after = told
        made_with = self._visitors.pseudonyms.length
        records = [consent_record(pid, partition, after.epoch, p, after.consent[p], made_with) for p in said]
        return await self._write(partition, pid, records, told)

    async def erase(self, visitor_id: str, epoch: int, at: int) -> Privacy:
        """Leave nothing but the tombstone: pseudonym, the new `epoch`, and the time (ms)."""
        partition, pid = self._visitors.partition(visitor_id), self._visitors.pid_of(visitor_id)
        records = erase_records(pid, partition, epoch, at, self._visitors.pseudonyms.earlier(visitor_id))
        return await self._write(partition, pid, records, Privacy(epoch, at, partition))

    async def _write(
        self, partition: int, pid: str, records: Iterable[tuple[bytes, bytes | None]], told: Privacy
    ) -> Privacy:
        offsets = await asyncio.gather(*[self._producer.send(_TOPIC, partition, *record) for record in records])
        try:
            return (await join(self._store, partition, {key_of(pid): told}))[key_of(pid)]
        except Unavailable:
            self._visitors.level.begin({partition: max(offsets) + 1})
            return joined(Privacy(), told)


def shown(known: Known) -> dict[str, Any]:
    """Each purpose: what holds, since when, and what was said."""
    shown: dict[str, Any] = {}
    for purpose in PURPOSES:
        word = known.get(purpose)
        if word is None:
            shown[purpose] = {"granted": False, "at": None, "history": []}
            continue
        history = [
            {"at": one.at, "kind": one.kind, "source": one.source, "text_version": one.text_version or None}
            for one in reversed(word.said)
        ]
        shown[purpose] = {"granted": word.granted, "at": word.at, "history": history}
    return shown
