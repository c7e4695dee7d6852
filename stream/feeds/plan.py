"""The second pass: what a feed changes, before anything is sent, and whether that can be meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from stream import catalog_item
from stream.catalogue import Shelved
from stream.feeds.check import Checked
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


def changes(
    updates: Iterable[tuple[str, bytes]], gone: Iterable[str], known: Mapping[str, Shelved]
) -> Iterator[Change]:
    """The records that take the catalogue from `known` to what the feed says; nothing for what stays as it is."""
    for item_id, update in updates:
        before = known.get(item_id)
        whole = catalog_item.fold(before.raw if before else None, update)
        if whole is None or isinstance(whole, Rejected) or (before is not None and before.raw == whole):
            continue
        value = catalog_item.record_of(before.raw if before else None, whole)
        sellable = catalog_item.read_item(whole).sellable
        yield Change(item_id, value, before is None, before is not None and before.sellable, sellable)
    for item_id in gone:
        before = known.get(item_id)
        if before is not None:
            yield Change(item_id, None, was_sellable=before.sellable)


def gone(checked: Checked, known: Mapping[str, Shelved]) -> list[str]:
    """Items that a feed of the whole assortment no longer has.

    A row that is wrong keeps its item as it was. If a row's id cannot be read, nobody knows which item that is, and
    none is removed.
    """
    return [] if checked.nameless else [item_id for item_id in known if item_id not in checked.ids]


def planned(found: Iterable[Change], valid: int, known: Mapping[str, Shelved]) -> Plan:
    """The changes, counted."""
    plan = Plan(live=sum(one.sellable for one in known.values()))
    for change in found:
        plan.new += change.new
        plan.removed += change.value is None
        plan.changed += change.value is not None and not change.new
        plan.lost += change.was_sellable and not change.is_sellable
    plan.unchanged = valid - plan.new - plan.changed
    return plan


def refuse_broken(checked: Checked) -> None:
    """Raises `Refused` for a feed without rows, or with fewer than half of them valid."""
    if not checked.rows:
        raise Refused("the feed has no rows, nothing was sent. Export it again; an empty feed is never meant.")
    if checked.valid * 2 < checked.rows:
        raise Refused(
            f"only {checked.valid} of {checked.rows} rows are valid, less than half: nothing was sent. Mend what is "
            "listed above; most of it has one cause."
        )


def refuse_shrinking(plan: Plan) -> None:
    """Raises `Refused` if over a fifth of the items for sale (and more than ten), or all of them, would be lost."""
    many = plan.lost > FEW_LOST and plan.lost > MOST_LOST * plan.live
    if many or (plan.lost and plan.lost == plan.live and not plan.new):
        raise Refused(
            f"{plan.lost} of {plan.live} items for sale would be removed or sold out, nothing was sent. Look whether "
            f"the feed is whole; if that is meant, say --allow-shrink. (More than {MOST_LOST:.0%} and {FEW_LOST} items "
            "is too many.)"
        )
