"""The audit log: who changed what, and who signed in, in `liveshelf.audit.v1` (`schemas/audit.json`).

```
await audit.write(session.name, session.role, "rule.edit", "rule:12", "ok", before=old, after=new)
```
comes before the change itself: what cannot be written is not done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal

import msgspec
import structlog
from msgspec import Meta, Struct

from serving.console.roles import Role
from serving.sends import Sends
from stream.backpressure import Full
from stream.producer import NotAcknowledged
from stream.topics import TOPICS, partition_of

NOBODY = "-"
PATIENCE_S = 5.0
TRY_S = 1.0
NEVER = frozenset({"password", "token", "secret", "visitor_id", "customer_id", "session_id", "pid", "email"})
_TOPIC = "audit"
log = structlog.get_logger()

Outcome = Literal["ok", "refused", "failed"]
Actor = Annotated[str, Meta(pattern=r"^(-|(key:)?[a-z0-9][a-z0-9._-]{0,63})\Z")]
Action = Annotated[str, Meta(pattern=r"^[a-z_]{1,32}\.[a-z_]{1,32}\Z")]
Thing = Annotated[str, Meta(min_length=1, max_length=200)]


class Entry(Struct, frozen=True):
    """One record; `at` in ms. The actor is an account, `key:` and an API key's name, or `-`: nobody's name."""

    at: Annotated[int, Meta(ge=0)]
    actor: Actor
    role: Role | None
    action: Action
    object: Thing | None
    outcome: Outcome
    before: Any = None
    after: Any = None


class NotWritten(Exception):
    """The audit log took nothing: what was to be recorded must not be done."""


class Audit:
    """Writes the audit log.

    Parameters
    ----------
    partitions: how many partitions the topic has; 0 while no broker answers.
    clock: now in ms.
    """

    def __init__(self, producer: Sends, partitions: Callable[[], int], clock: Callable[[], float]) -> None:
        self._producer, self._partitions, self._clock = producer, partitions, clock

    async def write(
        self,
        actor: str,
        role: Role | None,
        action: str,
        object: str | None,  # noqa: A002  # the record's own word
        outcome: Outcome,
        before: Any = None,
        after: Any = None,
    ) -> None:
        """Return once the broker has acknowledged the record; raises `NotWritten`."""
        record = encoded(Entry(int(self._clock()), actor, role, action, object, outcome, before, after))
        partitions, key = self._partitions(), actor.encode()
        if not partitions:
            raise NotWritten("no broker answers")
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._producer.send(TOPICS[_TOPIC].name, partition_of(key, partitions), key, record)
        except (Full, NotAcknowledged, TimeoutError) as error:
            raise NotWritten(str(error) or "no acknowledgement in time") from None

    async def attempt(
        self,
        actor: str,
        role: Role | None,
        action: str,
        outcome: Outcome,
        object: str | None = None,  # noqa: A002
    ) -> None:
        """Write what happened anyway; if that fails it is in the process's log."""
        try:
            async with asyncio.timeout(TRY_S):
                await self.write(actor, role, action, object, outcome)
        except (NotWritten, TimeoutError) as error:
            log.warning("audit_not_written", actor=actor, action=action, outcome=outcome, reason=str(error))


def encoded(entry: Entry) -> bytes:
    """The record as bytes; ValueError if it is not what the schema says, or names what must never be in it."""
    record = msgspec.json.encode(entry)
    whole = msgspec.json.decode(record, type=Entry)
    named = NEVER.intersection(_names([whole.before, whole.after]))
    if named:
        raise ValueError(f"an audit record never holds {', '.join(sorted(named))}")
    return record


def decoded(record: bytes | None) -> Entry | None:
    """The entry of a record, None if it is none."""
    try:
        return msgspec.json.decode(record or b"", type=Entry)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _names(part: Any) -> Iterator[str]:
    """All names of all objects within."""
    if isinstance(part, dict):
        yield from part
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list | tuple) else ():
        yield from _names(inner)
