"""The profile agent: which visitors are one customer, and what each of them lets the others know.

Owns ``{profile:q}``. A customer is a map from visitor to that visitor's bounded summary: merging is the union,
un-merging drops one entry. A visitor's entries come in order, from one source; whatever comes between them, the map is
the same (where `VISITORS` or the retention drop somebody: the same as long as nobody parts).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct, field

from stream.derived import DerivedFold, Unreadable
from stream.entries import Merged, ProfileEntry, Summary
from stream.fold import CLOCK, MARKS, Emit, Family, Record, State
from stream.pseudonyms import ONE_KEY, Pseudonyms
from stream.visitor import RETENTION_MS

VISITORS = 20
_pack = msgspec.msgpack.Encoder().encode


class Shared(Struct, array_like=True, frozen=True, gc=False):
    """One visitor of a customer, as of `at` (ms); `partition` and `epoch` say where their privacy is asked for."""

    partition: int
    epoch: int
    at: int
    summary: Summary


class Customer(Struct):
    """`visitors`: visitor's pseudonym → what they share, at most `VISITORS`."""

    visitors: dict[str, Shared] = field(default_factory=dict)


def _renamed(customer: Customer, rename: Callable[[str], str], _: Mapping[str, int]) -> Customer:
    return Customer({rename(pid): shared for pid, shared in customer.visitors.items()})


CUSTOMER = Family(
    "customer",
    Customer,
    "one customer: their visitors' summaries",
    "cid",
    ttl_s=2 * RETENTION_MS // 1000,
    renamed=_renamed,
)


class ProfileFold(DerivedFold[ProfileEntry]):
    """One partition's fold of who is whose; entries of before a migration are read with today's `pseudonyms`."""

    name = "profile"
    topic = "profile"
    families = (CUSTOMER, CLOCK, MARKS)
    ranking: Family | None = None
    entry_type = ProfileEntry

    def __init__(self, pseudonyms: Pseudonyms = ONE_KEY) -> None:
        super().__init__()
        self._continued, self.made_with = pseudonyms.continued, pseudonyms.length

    def decode(self, record: Record) -> Any:
        decoded = super().decode(record)
        if not isinstance(decoded, Unreadable) and decoded.keys != self.made_with:
            decoded.entries = [self._today(entry, decoded.keys) for entry in decoded.entries]
        return decoded

    def _today(self, entry: ProfileEntry, made_with: int) -> ProfileEntry:
        cid, pid = (self._continued(name, made_with) for name in (entry.cid, entry.pid))
        return msgspec.structs.replace(entry, cid=cid, pid=pid)

    def entry_keys(self, entries: Sequence[ProfileEntry]) -> Iterable[str]:
        return (f"customer:{entry.cid}" for entry in entries)

    def apply(self, entry: ProfileEntry, state: State, emit: Emit) -> None:
        key = f"customer:{entry.cid}"
        customer: Customer = state.read(key) or Customer()
        customer.visitors.pop(entry.pid, None)
        if isinstance(entry, Merged):
            customer.visitors[entry.pid] = Shared(entry.partition, entry.epoch, entry.at, entry.summary)
            _forget_old(customer.visitors)
        state.put(key, customer if customer.visitors else None)


def _forget_old(visitors: dict[str, Shared]) -> None:
    """Drop who has not come for as long as visitors are remembered, and beyond `VISITORS` who came longest ago.

    Of two who came in the same moment one goes by what they share, as pseudonyms change with a migration.
    """
    since = max(shared.at for shared in visitors.values()) - RETENTION_MS
    for pid in [pid for pid, shared in visitors.items() if shared.at < since]:
        del visitors[pid]
    while len(visitors) > VISITORS:
        del visitors[min(visitors, key=lambda pid: (visitors[pid].at, _pack(visitors[pid]), pid))]
