"""What a rule would change on a shelf: one request, one snapshot, decided without and with it; nothing is kept."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Annotated, NamedTuple

import msgspec
from msgspec import UNSET, Meta, Raw, Struct

from serving.decide import decide
from serving.decision import Decision, shelf_items
from serving.placement import Placement
from serving.request import Request
from serving.rules.acting import RulesHere
from serving.rules.rule import Rule
from serving.shop import Shop
from serving.stage import Snapshot

SHELF_ITEM = "#/components/schemas/shelf_item"
_SEED = 1


class Asked(NamedTuple):
    """A request at a time (ms), with what was read for it, and the rules that hold beside the previewed one."""

    request: Request
    placement: Placement
    snapshot: Snapshot
    now: int
    others: Sequence[Rule]


class Move(Struct, frozen=True):
    """An item that stands elsewhere with the rule."""

    item_id: str
    before: int
    after: int


class Side(Struct, frozen=True):
    """One of both shelves: its status, its items as a shelf has them, and the rules that acted."""

    status: str
    items: Annotated[Raw, Meta(extra_json_schema={"type": "array", "items": {"$ref": SHELF_ITEM}})]
    rules: list[str]


class Preview(Struct, frozen=True):
    """What a rule changes; `acts`: whether it acts on this request now. `notes` say in sentences what is odd."""

    placement: str
    rule: str
    acts: bool
    notes: list[str]
    without: Side
    with_: Side = msgspec.field(name="with")
    came: list[str]
    went: list[str]
    moved: list[Move]


def preview(asked: Asked, rule: Rule) -> Preview:
    """Both shelves, and what lies between them; a rule that is switched off is looked at as if it were on."""
    here = not rule.document.placements or asked.placement.name in rule.document.placements
    before = _decided(asked, asked.others)
    after = _decided(asked, [*asked.others, rule]) if here else before
    was, now = ([one.item_id for one in decision.items] for decision in (before, after))
    return Preview(
        placement=asked.placement.name,
        rule=rule.name,
        acts=rule.name in after.rules,
        notes=[*_notes(asked, rule, after), *_emptied(before, after), *warnings(rule, asked.snapshot.shop)],
        without=_side(before, asked),
        with_=_side(after, asked),
        came=[one for one in now if one not in was],
        went=[one for one in was if one not in now],
        moved=moved(was, now),
    )


def warnings(rule: Rule, shop: Shop) -> list[str]:
    """What is odd about a rule in the shop as it is now: the catalogue may still follow."""
    found = [f"The catalogue has no item {one}: its pin waits until there is one." for one in _unknown(rule, shop)]
    if rule.condition is not None and not shop.met(rule.condition).any():
        found.append("The condition `if` matches no item of the catalogue.")
    return found


def _unknown(rule: Rule, shop: Shop) -> list[str]:
    pins = rule.document.then.pin
    return [] if pins is UNSET else [pin.item_id for pin in pins if shop.item(pin.item_id) is None]


def _decided(asked: Asked, rules: Sequence[Rule]) -> Decision:
    """Decided with these rules; the same seed for both, so that only the rule makes the difference."""
    snapshot = msgspec.structs.replace(asked.snapshot, rules=RulesHere(rules) if rules else None)
    return decide(asked.request, snapshot, asked.placement, "", asked.now, Random(_SEED))


def _side(decision: Decision, asked: Asked) -> Side:
    items = shelf_items(decision, asked.snapshot.shop.fragments)
    return Side(decision.status, Raw(items), list(decision.rules))


def moved(was: list[str], now: list[str]) -> list[Move]:
    """The items of both that stand elsewhere."""
    places = {item_id: place for place, item_id in enumerate(was)}
    return [
        Move(item_id, places[item_id], place)
        for place, item_id in enumerate(now)
        if places.get(item_id, place) != place
    ]


def _notes(asked: Asked, rule: Rule, after: Decision) -> list[str]:
    """Why the rule does not act, or why nothing is seen of it."""
    found = [] if asked.placement.enabled else ["The placement is switched off: no rule changes that."]
    if not rule.document.enabled:
        found.append("The rule is switched off; this shows what it would do if it were on.")
    if rule.name in after.rules:
        return found
    if rule.document.placements and asked.placement.name not in rule.document.placements:
        found.append(f"The rule is for other placements: {', '.join(rule.document.placements)}.")
    elif not rule.schedule.open(asked.now // 1000):
        found.append("The rule does not act at this time: its schedule says so. `at` previews another.")
    elif asked.snapshot.visitor is None:
        found.append("The rule is for a segment, and of this visitor nothing may be known, so it does not act.")
    else:
        found.append("The rule does not act: this visitor is not in its segment.")
    return found


def _emptied(before: Decision, after: Decision) -> list[str]:
    if before.items and not after.items:
        return [f"The rule empties this shelf: without it there are {len(before.items)} items, with it none."]
    return []
