"""What a feed changes in the catalogue, and whether that can be meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from stream import catalog_item
from stream.catalogue import Shelved
from stream.strict_json import Rejected

MOST_LOST = 0.2
FEW_LOST = 10


class Refused(Exception):
    """The feed is readable and yet not believed; nothing was sent."""


class Change(Struct, frozen=True):
    """One record of the catalogue: an item's new value (None: it is gone), and whether it was and is for sale."""

    item_id: str
    value: bytes | None
    new: bool = False
    was_sellable: bool = False
    is_sellable: bool = False


class Plan(Struct):
    """What would be sent. `live` items are for sale now, `lost` of them would no longer be."""

    new: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    live: int = 0
    lost: int = 0

    @property
    def records(self) -> int:
        return self.new + self.changed + self.removed

    def count(self, change: Change | None) -> None:
        """Add one item's change; None: it stays as it is."""
        if change is None:
            self.unchanged += 1
            return
        self.new += change.new
        self.removed += change.value is None
        self.changed += change.value is not None and not change.new
        self.lost += change.was_sellable and not change.is_sellable


def compared(item_id: str, update: bytes, before: Shelved | None) -> Change | Rejected | None:
    """What an update makes of an item: the record to send, why it cannot be, or None if nothing changes."""
    known = before.raw if before else None
    whole = catalog_item.fold(known, update)
    if whole is None or isinstance(whole, Rejected):
        return whole
    if known == whole:
        return None
    sellable = catalog_item.read_item(whole).sellable
    value = catalog_item.record_of(known, whole)
    return Change(item_id, value, before is None, before is not None and before.sellable, sellable)


def changes(
    updates: Iterable[tuple[str, bytes]], gone: Iterable[str], known: Mapping[str, Shelved]
) -> Iterator[Change]:
    """The records that take the catalogue from `known` to what the feed says; nothing for what stays as it is."""
    for item_id, update in updates:
        found = compared(item_id, update, known.get(item_id))
        if isinstance(found, Change):
            yield found
    for item_id in gone:
        before = known.get(item_id)
        if before is not None:
            yield Change(item_id, None, was_sellable=before.sellable)


def refuse_shrinking(plan: Plan) -> None:
    """Raises `Refused` if over a fifth of the items for sale (and more than ten), or all of them, would be lost."""
    many = plan.lost > FEW_LOST and plan.lost > MOST_LOST * plan.live
    if many or (plan.lost and plan.lost == plan.live and not plan.new):
        raise Refused(
            f"{plan.lost} of {plan.live} items for sale would be removed or sold out, nothing was sent. Look whether "
            f"the feed is whole; if that is meant, say --allow-shrink. (More than {MOST_LOST:.0%} and {FEW_LOST} items "
            "is too many.)"
        )
