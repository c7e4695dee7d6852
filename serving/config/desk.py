"""The one place where documents are changed: on record first, then in the topic, then here.

```
read (BadDocument) ─▶ revision as expected? (Changed) ─▶ audit (NotWritten) ─▶ config.v1, acknowledged ─▶ it holds here
```
A process changes one document at a time. Two processes that change the same one within the milliseconds in which a
record travels do not see each other: the later record holds, and the audit log has both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from serving.config import BadDocument
from serving.config.documents import Config, Documents, Entry, Kind, encoded
from serving.console.audit import Audit
from serving.console.roles import Role
from serving.sends import Sends
from stream.backpressure import Full
from stream.producer import NotAcknowledged
from stream.topics import TOPICS, partition_of

BUILT_IN = 1
NOWHERE = 0
MADE = 200
SHOWN_S = 2.0
_TOPIC = "config"


class Changed(Exception):
    """Somebody else has changed the document; `revision` is the one that holds."""

    def __init__(self, revision: int) -> None:
        super().__init__(f"revision {revision} holds")
        self.revision = revision


class NotStored(Exception):
    """The broker did not take the change: what held before holds on."""


class Actor(NamedTuple):
    """Who changes: an account with its role, or `key:<name>`, which has none."""

    name: str
    role: Role | None = None


class Desk:
    """Changes documents.

    Parameters
    ----------
    partitions: how many partitions the topic has; 0 while no broker answers.
    clock: now in ms.
    """

    def __init__(
        self,
        config: Config,
        producer: Sends,
        audit: Audit,
        partitions: Callable[[], int],
        clock: Callable[[], float],
    ) -> None:
        self._config, self._producer, self._audit = config, producer, audit
        self._partitions, self._clock = partitions, clock
        self._one = asyncio.Lock()

    def revision(self, kind: Kind[Any], name: str) -> int:
        """The revision that holds: 1 is the built-in document, 0 says that there is none."""
        documents: Documents[Any] = self._config.of(kind)
        entry = documents.entries.get(name)
        if entry is not None:
            return entry.revision
        return BUILT_IN if name in documents.all else NOWHERE

    async def put(self, kind: Kind[Any], name: str, document: Any, actor: Actor, expected: int | None = None) -> None:
        """Let a document hold; with `expected` only if that is the revision that holds now (`Changed`)."""
        documents: Documents[Any] = self._config.of(kind)
        kind.read(document, name, BUILT_IN)
        async with self._one:
            held = self._checked(kind, name, expected)
            if held == NOWHERE and len(documents.all) - len(kind.built_in) >= MADE:
                raise BadDocument("", f"There are {MADE} already; remove one that is no longer used.")
            # a clock makes revisions that also a removed document's next ones go on from
            revision = max(held + 1, int(self._clock()) // 1000)
            entry = Entry(
                kind=kind.name,
                name=name,
                revision=revision,
                changed_at=int(self._clock()),
                changed_by=actor.name,
                document=document,
            )
            await self._write(kind, name, entry, actor)

    async def remove(self, kind: Kind[Any], name: str, actor: Actor, expected: int | None = None) -> None:
        """Let the built-in document hold again, or none; nothing to do where nothing was changed."""
        async with self._one:
            self._checked(kind, name, expected)
            if name in self._config.of(kind).entries:
                await self._write(kind, name, None, actor)

    def _checked(self, kind: Kind[Any], name: str, expected: int | None) -> int:
        held = self.revision(kind, name)
        if expected is not None and expected != held:
            raise Changed(held)
        return held

    async def _write(self, kind: Kind[Any], name: str, entry: Entry | None, actor: Actor) -> None:
        partitions = self._partitions()
        if not partitions:
            raise NotStored("no broker answers, or it does not have the topic yet")
        before = self._config.of(kind).entries.get(name)
        action, thing = f"{kind.name}.{'edit' if entry else 'remove'}", f"{kind.name}:{name}"
        await self._audit.write(
            actor.name,
            actor.role,
            action,
            thing,
            "ok",
            before=before and before.document,
            after=entry and entry.document,
        )
        key = thing.encode()
        partition = partition_of(key, partitions)
        try:
            value = None if entry is None else encoded(entry)
            offset = await self._producer.send(TOPICS[_TOPIC].name, partition, key, value)
        except (Full, NotAcknowledged) as error:
            await self._audit.attempt(actor.name, actor.role, action, "failed", thing)
            raise NotStored(str(error)) from None
        try:
            await asyncio.wait_for(self._config.reached(partition, offset), SHOWN_S)
        except TimeoutError:
            return  # it is acknowledged, and will hold
