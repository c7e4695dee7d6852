"""librdkafka's messages as our records."""

from __future__ import annotations

from confluent_kafka import KafkaError, Message

from stream.fold import Record

NO_ERROR = 0
PARTITION_END = KafkaError._PARTITION_EOF  # noqa: SLF001  # its public name


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
