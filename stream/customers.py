"""A visitor's tie to a customer: who is whom, and what the visitor's other devices are told.

A visitor belongs to at most one customer, named by a pseudonym (cid), whose entries lie in one partition for good, also
when a migration changes the name. A customer id counts only straight from Kafka or where the edge checked it, or a
public key could read anyone's history (`GUARANTEES.md` §4). Other devices are told at once of what hides items, at most
once a minute of the rest, and of all of it when the session is over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, TypeVar

import msgspec

from stream.entries import Merged, Parted, Summary, Touch
from stream.fold import Emit
from stream.ingest import Accepted
from stream.signals import bought, dismissed, session, viewed
from stream.topics import partition_of

T = TypeVar("T")
_pack = msgspec.msgpack.Encoder().encode
EVERY_MS = 60_000
VIEWED, VIEWED_BYTES = 20, 1_536
BOUGHT, BOUGHT_BYTES = 30, 1_920
DISMISSED, DISMISSED_BYTES = 20, 512
_TOLD_AT_ONCE = frozenset({"purchase", "refund", "dismiss"})
_OF_SERVERS = frozenset({"unmerge", "erase", "reset", "due"})


def named(accepted: Accepted) -> str | None:
    """The customer id that an event ties its visitor to; None without one, or where nobody checked it."""
    event = accepted.event
    if accepted.name in _OF_SERVERS or not (event.edge is None or event.edge.signed):
        return None
    return event.customer_id


def unmerge(pid: str, visitor: Any, accepted: Accepted, cid_of: Callable[[str], str], emit: Emit) -> bool:
    """Whether an ``unmerge`` undid the visitor's tie; one that names another customer undoes nothing."""
    if accepted.name != "unmerge" or visitor.customer != cid_of(accepted.event.customer_id or ""):
        return False
    return part(pid, visitor, emit)


def tie(pid: str, visitor: Any, cid: str, partition: int, emit: Emit) -> None:
    """The visitor is this customer from now on, and no other; the customer's entries go to this partition."""
    if cid != visitor.customer:
        part(pid, visitor, emit)
        visitor.customer, visitor.customer_partition = cid, partition


def partition_of_customer(visitor: Any, partitions: Mapping[str, int]) -> int:
    """The partition of the profile topic in which the visitor's customer lies, whatever the pseudonym has become."""
    known: int = visitor.customer_partition
    return known if known >= 0 else partition_of(visitor.customer.encode(), partitions["profile"])


def part(pid: str, visitor: Any, emit: Emit) -> bool:
    """The visitor is nobody's from now on; whether they were somebody's."""
    if not visitor.customer:
        return False
    emit.entry_at("profile", partition_of_customer(visitor, emit.partitions), Parted, visitor.customer, pid)
    visitor.customer, visitor.customer_partition, visitor.shared_at = "", -1, 0
    return True


def tell(pid: str, visitor: Any, accepted: Accepted, emit: Emit) -> None:
    """Tell the other devices after an event, if it is time; a flood tells nothing."""
    if not visitor.customer:
        return
    running = session.SIGNAL.of(visitor)
    due = accepted.name in _TOLD_AT_ONCE or visitor.last_at - visitor.shared_at >= EVERY_MS
    if due and running.in_minute <= session.FLOOD_A_MINUTE:
        share(pid, visitor, emit)


def share(pid: str, visitor: Any, emit: Emit) -> None:
    """Tell the customer's other devices what there is to know."""
    visitor.shared_at = visitor.last_at
    fields = pid, emit.source[1], visitor.epoch, visitor.last_at, summary(visitor)
    emit.entry_at("profile", partition_of_customer(visitor, emit.partitions), Merged, visitor.customer, *fields)


def summary(visitor: Any) -> Summary:
    """The newest of what a visitor viewed, bought and dismissed, less than 4 KiB."""
    seen = (Touch(one.item_id, one.at, one.event_id) for one in viewed.SIGNAL.of(visitor).items)
    purchases = reversed(bought.SIGNAL.of(visitor).items.items())
    orders = (Touch(item_id, one.at, one.event_id) for item_id, one in purchases)
    return Summary(
        viewed=_first(seen, VIEWED, VIEWED_BYTES),
        bought=_first(orders, BOUGHT, BOUGHT_BYTES),
        dismissed=_first(reversed(dismissed.SIGNAL.of(visitor).items.items()), DISMISSED, DISMISSED_BYTES),
    )


def _first(entries: Iterable[T], most: int, most_bytes: int) -> list[T]:
    """The first entries, as many as fit."""
    kept = []
    for entry in islice(entries, most):
        most_bytes -= len(_pack(entry))
        if most_bytes < 0:
            break
        kept.append(entry)
    return kept
