"""What is known of a visitor's privacy outside the fold: its Redis value, and the records that it is a copy of.

The truth lies in the compacted topic ``privacy``, one record for each purpose (``consent:<pid>:<purpose>``) and one for
an erasure (``erase:<pid>``), each with its whole value. `Privacy` is the join of all of them, so it does not matter in
which order or how often they are read, nor who writes the Redis value (``{events:p}:privacy:<pid>``): the API at once,
the worker from the topic. A visitor's records lie in the partition that its events lie in.

What an event only assumed (its own yes, where nothing was known) is not on record: the visitor's value proves it, and
it ends with that.

Compaction leaves a record alone for a day, so that a record that was overtaken by another writer's is still read and
joined by workers that are less than a day behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct, field

from stream.consent import PURPOSES, Known, Said, Word, all_joined, withdrawn
from stream.pseudonyms import ONE_KEY, Pseudonyms
from stream.state.keys import Tag
from stream.state.store import Store

FAMILY = "privacy"
MARK = "privacy_mark"
SETTLED_AFTER_S = 86_400


class Privacy(Struct, frozen=True):
    """One visitor: the pseudonym's epoch, when it began by an erasure (ms; 0 = never), the partition, the consents."""

    epoch: int = 0
    erased_at: int = 0
    partition: int = 0
    consent: Known = field(default_factory=dict)


class ConsentRecord(Struct, frozen=True, tag_field="kind", tag="consent", omit_defaults=True):
    """One purpose of one visitor, whole; times in ms, 0 = never. `pid_keys`: with how many keys `pid` was made."""

    pid: str
    partition: int
    epoch: int
    purpose: str
    granted: bool
    withdrawn_at: int
    granted_at: int
    assumed_at: int
    history: list[dict[str, Any]]
    pid_keys: int = 1


class EraseRecord(Struct, frozen=True, tag_field="kind", tag="erase", omit_defaults=True):
    """The tombstone of an erased visitor: what came before `erased_at` (ms) is gone, `epoch` is the new one."""

    pid: str
    partition: int
    epoch: int
    erased_at: int
    pid_keys: int = 1


_decode = msgspec.json.Decoder(ConsentRecord | EraseRecord).decode
_encode = msgspec.json.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Privacy).decode
_pack = msgspec.msgpack.Encoder().encode


def joined(one: Privacy, other: Privacy) -> Privacy:
    """What both know together; commutative, associative, idempotent."""
    erased_at = max(one.erased_at, other.erased_at)
    consent = all_joined(one.consent, other.consent)
    if erased_at:
        consent = {purpose: _since(word, erased_at) for purpose, word in (withdrawn(erased_at) | consent).items()}
    return Privacy(max(one.epoch, other.epoch), erased_at, max(one.partition, other.partition), consent)


def _since(word: Word, erased_at: int) -> Word:
    """A word without what was said before an erasure, which withdraws everything: nothing is assumed after it."""
    return Word(
        withdrawn_at=max(word.withdrawn_at, erased_at),
        granted_at=word.granted_at if word.granted_at > erased_at else 0,
        said=tuple(said for said in word.said if said.at > erased_at and said.kind != "assumed"),
    )


def key_of(pid: str) -> str:
    """The short key of a visitor's value."""
    return f"{FAMILY}:{pid}"


def owner(partition: int) -> Tag:
    """Where the values of a partition's visitors lie."""
    return Tag("events", partition)


def read_mark(packed: bytes | None) -> int:
    """The offset after the last one that a partition's values hold; 0 where there is none."""
    return int(packed) if packed else 0


async def join(store: Store, partition: int, said: Mapping[str, Privacy], mark: int = 0) -> dict[str, Privacy]:
    """Join these into the values under their short keys, all at once, and raise the partition's mark to `mark`.

    What they are now; raises `Unavailable`.
    """
    tag = owner(partition)
    while True:
        found = dict(zip((MARK, *said), await store.load(tag, [MARK, *said]), strict=True))
        after = {key: joined(unpack(found[key]), told) for key, told in said.items()}
        changes = {key: (found[key], new) for key, one in after.items() if (new := pack(one)) != found[key]}
        if mark > read_mark(found[MARK]):
            changes[MARK] = (found[MARK], str(mark).encode())
        if not changes or await store.swap(tag, changes):
            return after


def unpack(packed: bytes | None) -> Privacy:
    """The value as it lies in Redis; raises `msgspec.MsgspecError`."""
    return Privacy() if packed is None else _unpack(packed)


def pack(privacy: Privacy) -> bytes:
    """The value for Redis."""
    return _pack(privacy)


def consent_record(
    pid: str, partition: int, epoch: int, purpose: str, word: Word, pid_keys: int = 1
) -> tuple[bytes, bytes]:
    """Key and value of a purpose's record."""
    history = [
        {"at": said.at, "kind": said.kind, "source": said.source, "text_version": said.text_version}
        for said in word.said
    ]
    record = ConsentRecord(
        pid, partition, epoch, purpose, word.granted, word.withdrawn_at, word.granted_at, word.assumed_at, history,
        pid_keys,
    )  # fmt: skip
    return f"consent:{pid}:{purpose}".encode(), _encode(record)


def erase_records(
    pid: str, partition: int, epoch: int, erased_at: int, earlier: Sequence[str] = ()
) -> list[tuple[bytes, bytes | None]]:
    """Keys and values of a tombstone, and of the deletes of what was on record before it.

    `earlier`: the visitor's pseudonyms by fewer keys, for each migration one.
    """
    gone = [f"erase:{name}" for name in earlier]
    gone += [f"consent:{name}:{purpose}" for name in (pid, *earlier) for purpose in PURPOSES]
    return [erase_record(pid, partition, epoch, erased_at, len(earlier) + 1), *((key.encode(), None) for key in gone)]


def erase_record(pid: str, partition: int, epoch: int, erased_at: int, pid_keys: int) -> tuple[bytes, bytes]:
    """Key and value of a tombstone."""
    return f"erase:{pid}".encode(), _encode(EraseRecord(pid, partition, epoch, erased_at, pid_keys))


def read_record(value: bytes, pseudonyms: Pseudonyms = ONE_KEY) -> tuple[str, Privacy]:
    """(today's pid, what one record says); raises `msgspec.MsgspecError`, or `TooFewKeys`."""
    record = _decode(value)
    pid = pseudonyms.continued(record.pid, record.pid_keys)
    if isinstance(record, EraseRecord):
        return pid, joined(Privacy(), Privacy(record.epoch, record.erased_at, record.partition))
    said = tuple(msgspec.convert((s["at"], s["kind"], s["source"], s["text_version"]), Said) for s in record.history)
    word = Word(record.withdrawn_at, record.granted_at, record.assumed_at, said)
    return pid, Privacy(record.epoch, 0, record.partition, {record.purpose: word})
