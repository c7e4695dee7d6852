"""Reading a log by librdkafka: consumers that belong to no group, and its messages as our records."""

from __future__ import annotations

from confluent_kafka import Consumer, KafkaError, Message

from stream.fold import Record
from stream.producer import Quiet

NO_ERROR = 0
PARTITION_END = KafkaError._PARTITION_EOF  # noqa: SLF001  # its public name


def reader(broker_url: str, *, wait_ms: int, **more: str | int | bool) -> Consumer:
    """A consumer that reads what it assigns to itself, and says where a log ends.

    A fetch waits `wait_ms` for records; `more` are librdkafka's settings, with underscores for their dots.
    """
    settings = {
        "bootstrap_servers": broker_url,
        "group_id": "liveshelf-reader",  # librdkafka wants a name; nothing joins or commits
        "enable_auto_commit": False,
        "enable_partition_eof": True,
        "auto_offset_reset": "earliest",
        "fetch_wait_max_ms": wait_ms,
        "log_connection_close": False,
    }
    return Consumer({name.replace("_", "."): value for name, value in (settings | more).items()}, logger=Quiet())


def error_code(message: Message) -> int:
    """Librdkafka's error code of a message, 0 for a record."""
    error = message.error()
    return NO_ERROR if error is None else error.code()


def record_of(noun: str, message: Message) -> Record:
    """The record of a message without an error; `noun` names its topic."""
    partition, offset = message.partition(), message.offset()
    if partition is None or offset is None:
        raise ValueError("a message that came from no log")
    value, key = message.value(), message.key()
    return Record(noun, partition, offset, message.timestamp()[1], _bytes(key), _bytes(value))


def _bytes(part: bytes | str | None) -> bytes | None:
    return part.encode() if isinstance(part, str) else part
