"""The gate: what is an event and what is a dead letter. One validator for the HTTP edge and the worker.

Pure: bytes and a time go in, `Accepted` or `Rejected` comes out; nothing raises for bad data, whatever it is.

```
HTTP edge:  the event's own bytes ─▶ stamp ─▶ validate ─▶ verdict, Kafka
worker:     record ─▶ admit (validate, then key and partition) ─▶ fold, or dead letter
```
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import msgspec
import orjson
from msgspec import Struct

from stream.events import EVENT_NAMES, Event, name_of
from stream.fold import Record
from stream.instants import instant_ms
from stream.money import read_money
from stream.strict_json import (
    REASONS,
    Document,
    Reason,
    Rejected,
    decode,
    explained,
    rejected,
    whole_floats_as_integers,
)
from stream.topics import partition_of

__all__ = [
    "EDGE_FORBIDDEN",
    "MAX_EVENT_BYTES",
    "REASONS",
    "Accepted",
    "Reason",
    "Rejected",
    "admit",
    "edge_refusal",
    "event_time_ms",
    "stamp",
    "validate",
]

MAX_EVENT_BYTES = 64 * 1024
SCHEMA_VERSION = 1
LATEST_BEFORE_MS = 24 * 3_600_000
LATEST_AFTER_MS = 5 * 60_000
GPC = "Sec-GPC"
EDGE_FORBIDDEN = frozenset({"erase", "unmerge", "reset", "due"})
"""Control events that only the server itself writes."""

_BLANK = " \t\n\r"
_TIMES = ("occurred_at", "sent_at", "received_at")
_decode_event = msgspec.json.Decoder(Event, dec_hook=read_money).decode


class Accepted(Struct, frozen=True, gc=False):
    """An event that may be folded: `at` is its event time, `received_at` when it arrived, both in ms."""

    event: Event
    name: str
    at: int
    received_at: int


def validate(value: bytes, *, timestamp: int) -> Accepted | Rejected:
    """The event in `value`.

    `timestamp` (ms) stands in for a `received_at` that is not there. Where it is not above 0 there is no such time
    either (Kafka writes -1; a line of a history has none), and the event counts as received when it occurred.
    """
    document = decode(value, max_bytes=MAX_EVENT_BYTES)
    if isinstance(document, Rejected):
        return document
    try:
        event: Event = _decode_event(value)
    except msgspec.ValidationError:
        second = _second_reading(document)
        if isinstance(second, Rejected):
            return second
        event = second
    if event.schema_version not in {None, SCHEMA_VERSION}:
        return _unsupported()
    blank = _blank_id(event)
    if blank is not None:
        return rejected("schema", f"{blank} is blank", "Send the id, or leave an optional one out.", blank)
    return _timed(event, timestamp)


def admit(record: Record, partitions: int) -> Accepted | Rejected:
    """The event of a Kafka record, if it also lies where its visitor's events belong."""
    if record.value is None:
        return rejected("not_json", "the record has no value", "Only compacted topics know deletes; send an event.")
    accepted = validate(record.value, timestamp=record.timestamp)
    if isinstance(accepted, Rejected):
        return accepted
    if record.key != accepted.event.visitor_id.encode():
        fix = "Produce it with the visitor_id in UTF-8 as its key; `liveshelf dead-letters replay` does that."
        return rejected("wrong_key", "the record's key is not its visitor_id", fix)
    if partition_of(record.key, partitions) != record.partition:
        fix = "Let the producer partition by murmur2 (librdkafka: partitioner=murmur2_random)."
        return rejected("wrong_partition", "the record lies in another partition than its key belongs to", fix)
    return accepted


def event_time_ms(occurred: int, sent: int | None, received: int) -> int:
    """When it happened, by the server's clock: the client's clock counts only for how long before sending it was.

    Clamped to the 24 hours before and the 5 minutes after the receipt. All in ms.
    """
    at = occurred if sent is None else received - (sent - occurred)
    return min(max(at, received - LATEST_BEFORE_MS), received + LATEST_AFTER_MS)


def stamp(
    value: bytes,
    *,
    received_at: int,
    edge: Mapping[str, object],
    consent_default: Mapping[str, object] | None,
    objects: bool = False,
) -> bytes:
    """The event as the HTTP edge passes it on: what only the server may say is overwritten, all else kept.

    `objects`: the browser says that its user objects to profiling (Global Privacy Control), whatever the page says.
    Bytes that are not an acceptable JSON object come back as they are; `validate` then says what is wrong with them.
    """
    document = decode(value, max_bytes=MAX_EVENT_BYTES)
    if isinstance(document, Rejected):
        return value
    document["received_at"] = received_at
    document["edge"] = dict(edge)
    document.pop("consent_default", None)
    if consent_default is not None:
        document["consent_default"] = dict(consent_default)
    said = document.get("consent")
    if objects and (said is None or isinstance(said, dict)):
        document["consent"] = {**(said or {}), "personalization": False, "text_version": GPC}
    return orjson.dumps(document)


def edge_refusal(name: str) -> Rejected | None:
    """Why an event of this name is not taken over HTTP, if so."""
    if name not in EDGE_FORBIDDEN:
        return None
    fix = "Use the API's route for it (consent, export, erasure)."
    return rejected("unknown_event", f"`{name}` is a control event that only the server writes", fix)


def _second_reading(document: Document) -> Event | Rejected:
    """What the fast decoder did not take: find the reason, or the event if it only wrote integers as `2.0`.

    The version comes first, because another version may mean other names and shapes.
    """
    version = document.get("schema_version")
    if isinstance(version, int | float) and not isinstance(version, bool) and version != SCHEMA_VERSION:
        return _unsupported()
    name = document.get("event")
    if isinstance(name, str) and name not in EVENT_NAMES:
        fix = f"The names are {', '.join(sorted(EVENT_NAMES - EDGE_FORBIDDEN))}."
        return rejected("unknown_event", "there is no event of this name", fix)
    try:
        return cast("Event", msgspec.convert(whole_floats_as_integers(document), Event, dec_hook=read_money))
    except msgspec.ValidationError as error:
        return explained(error)


def _unsupported() -> Rejected:
    fix = f"Send version {SCHEMA_VERSION}, or leave the field out."
    return rejected("unsupported_version", "its schema_version is not known here", fix)


def _blank_id(event: Event) -> str | None:
    """The first id that is nothing but white space (the types have refused empty ones)."""
    for name in ("event_id", "visitor_id", "customer_id", "session_id"):
        id_ = getattr(event, name)
        if id_ is not None and not id_.strip(_BLANK):
            return name
    for number, item in enumerate(event.items):
        if not item.item_id.strip(_BLANK):
            return f"items[{number}].item_id"
    promotion = event.promotion
    blank = promotion is not None and not promotion.promotion_id.strip(_BLANK)
    return "promotion.promotion_id" if blank else None


def _is_instant(value: float | str | None) -> bool:
    try:
        instant_ms(0 if value is None else value)
    except ValueError:
        return False
    return True


def _timed(event: Event, timestamp: int) -> Accepted | Rejected:
    try:
        occurred = instant_ms(event.occurred_at)
        sent = None if event.sent_at is None else instant_ms(event.sent_at)
        received = None if event.received_at is None else instant_ms(event.received_at)
    except ValueError:
        name = next(name for name in _TIMES if not _is_instant(getattr(event, name)))
        fix = 'Send epoch milliseconds or text such as "2026-01-31T12:00:00.000Z".'
        return rejected("schema", f"{name} is not an RFC 3339 instant with an offset", fix, name)
    if received is None:
        received = timestamp
        if received <= 0:
            sent = received = occurred
    return Accepted(event, name_of(event), event_time_ms(occurred, sent, received), received)
