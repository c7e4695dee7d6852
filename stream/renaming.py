"""Rewrites the privacy topic after a migration, so that nothing in it stays under a name by fewer keys.

Consents and erasures are kept for ever, so the old names would be, too. Each visitor with such a record gets the join
of all that is on record under today's name, and then the old ones are deleted. Whoever writes at the same time may be
overtaken by that; so the topic is read again until the last record under each name says everything.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from stream.consent import Word
from stream.fold import Outbound, Record
from stream.privacy import Privacy, consent_record, erase_record, joined, read_record
from stream.pseudonyms import Pseudonyms

AT_ONCE = 5_000


class Overdue(NamedTuple):
    """What has to be written, by key, and then which keys to delete."""

    records: dict[bytes, bytes]
    deletes: list[bytes]


async def rename(
    read: Callable[[], Iterable[Record]],
    write: Callable[[Sequence[Outbound]], Awaitable[None]],
    partition: int,
    pseudonyms: Pseudonyms,
) -> int:
    """Rewrite one partition; how many records were under old names. `read` gives all of it, `write` awaits the broker.

    An interrupted run is simply run again.
    """
    visitors: set[str] = set()
    renamed = 0
    while True:
        overdue = find(read(), partition, pseudonyms, visitors)
        if not overdue.records and not overdue.deletes:
            return renamed
        # the new ones first: whatever ends this in between leaves both
        for some in (list(overdue.records.items()), [(key, None) for key in overdue.deletes]):
            for at in range(0, len(some), AT_ONCE):
                await write([Outbound("privacy", partition, *record) for record in some[at : at + AT_ONCE]])
        renamed += len(overdue.deletes)


def find(records: Iterable[Record], partition: int, pseudonyms: Pseudonyms, visitors: set[str]) -> Overdue:
    """What these records, a whole partition, leave to do for `visitors` and those it finds under old names."""
    last: dict[bytes, bytes | None] = {}
    known: dict[str, Privacy] = {}
    old: dict[bytes, str] = {}
    for record in records:
        key = record.key or b""
        last[key] = record.value
        if record.value is None or (read := _read(record.value, pseudonyms)) is None:
            continue
        pid, told = read
        known[pid] = joined(known.get(pid, Privacy()), told)
        if key.split(b":")[1:2] != [pid.encode()]:
            old[key] = pid
    deletes = [key for key in old if last[key] is not None]
    visitors |= {old[key] for key in deletes}
    wanted = {key: value for pid in visitors for key, value in _records(pid, partition, known[pid], pseudonyms.length)}
    return Overdue({key: value for key, value in wanted.items() if last.get(key) != value}, deletes)


def _read(value: bytes, pseudonyms: Pseudonyms) -> tuple[str, Privacy] | None:
    try:
        return read_record(value, pseudonyms)
    except msgspec.MsgspecError:
        return None  # nobody's: workers leave it out, too


def _records(pid: str, partition: int, privacy: Privacy, pid_keys: int) -> Iterator[tuple[bytes, bytes]]:
    """Everything that is known of a visitor, as it goes on record."""
    if privacy.erased_at:
        yield erase_record(pid, partition, privacy.epoch, privacy.erased_at, pid_keys)
    for purpose, word in privacy.consent.items():
        if word != Word(withdrawn_at=privacy.erased_at or -1):  # the erasure says that already
            yield consent_record(pid, partition, privacy.epoch, purpose, word, pid_keys)
