"""What a marketer's rule is: a document as `schemas/rule.json` says, checked and compiled.

```
when (schedule, segment) ─▶ if (a condition on items) ─▶ then: filter | boost | bury | pin | cap
```
It is data: nothing in it is evaluated. Rules act in one order, by priority (the highest first) and then by name.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from serving.config import BadDocument, read
from serving.config.documents import Kind
from serving.filters.fields import CHOICES, field_of
from serving.filters.rule import BadFilter
from serving.filters.rule import Rule as Filter
from serving.filters.rule import compiled as filter_of
from serving.placement import MOST_ITEMS, ItemId, Name
from serving.rules import schedule, segment
from serving.rules.schedule import DAYS, Schedule, When
from serving.rules.segment import Holds
from serving.shop import Shop

PINS = 20
PLACEMENTS = 50
Factor: TypeAlias = Annotated[float, Meta(gt=1, le=10)]
Action: TypeAlias = Literal["filter", "boost", "bury", "pin", "cap"]


class Timely(When, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """When, and for whom."""

    segment: dict[str, Any] | UnsetType = UNSET


class Pin(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An item, and its place on the shelf, from 0."""

    item_id: ItemId
    position: Annotated[int, Meta(ge=0, lt=MOST_ITEMS)]


class Cap(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At most so many items of a shelf that say the same in a field."""

    by: Annotated[str, Meta(min_length=1, max_length=220)]
    most: Annotated[int, Meta(ge=1, le=MOST_ITEMS)]


class Then(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a rule does: one of these."""

    filter: Literal["only", "never"] | UnsetType = UNSET
    boost: Factor | UnsetType = UNSET
    bury: Factor | UnsetType = UNSET
    pin: Annotated[tuple[Pin, ...], Meta(min_length=1, max_length=PINS)] | UnsetType = UNSET
    cap: Cap | UnsetType = UNSET


class Document(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What can be said of a rule.

    Parameters
    ----------
    name: what answers call it; `explain` one sentence for marketers and shoppers.
    enabled: false does nothing.
    placements: where it holds; none named: everywhere.
    priority: who comes first where two rules want one place.
    when: its schedule and whom it is for; left out: always, everybody.
    if_: which items it is about (`schemas/filter.json`); left out: all.
    then: what it does to them.
    """

    name: Name
    explain: Annotated[str, Meta(min_length=1, max_length=1_000)]
    enabled: bool = True
    placements: Annotated[tuple[Name, ...], Meta(max_length=PLACEMENTS)] = ()
    priority: Annotated[int, Meta(ge=-100, le=100)] = 0
    when: Timely = Timely()
    if_: dict[str, Any] | UnsetType = msgspec.field(name="if", default=UNSET)
    then: Then


class Rule(Struct, frozen=True, eq=False):
    """A rule in force.

    Attributes
    ----------
    document: what was said; `version` its revision.
    action: which of `Then`'s fields it is.
    schedule, segment: when and for whom; a segment of None is everybody.
    condition: which items; None: all.
    """

    document: Document
    version: int
    action: Action
    schedule: Schedule
    segment: Holds | None
    condition: Filter | None

    @property
    def name(self) -> str:
        return self.document.name

    @property
    def order(self) -> tuple[int, str]:
        """Rules act in ascending order of this."""
        return -self.document.priority, self.document.name

    def about(self, item_id: str, shop: Shop) -> bool:
        """Whether the item meets its condition now."""
        if self.condition is None:
            return True
        code = shop.codes.known(item_id)
        return code is not None and bool(shop.met(self.condition)[code])

    def at(self, placement: str) -> bool:
        """Whether it is on, and for this placement."""
        document = self.document
        return document.enabled and (not document.placements or placement in document.placements)


def rule(document: Any, name: str, version: int = 1) -> Rule:
    """The rule that a JSON document of this name says; raises `BadDocument`."""
    try:
        said = read(document, Document, name)
    except BadDocument as error:
        raise _refusal(error) from None
    action = _action(said)
    whom = said.when.segment
    return Rule(
        document=said,
        version=version,
        action=action,
        schedule=schedule.compiled(said.when),
        segment=None if whom is UNSET else segment.compiled(whom),
        condition=_condition(said.if_),
    )


KIND: Final[Kind[Rule]] = Kind("rule", rule, MappingProxyType({}))
"""Rules as a kind of document that marketers edit; none is built in."""


def _refusal(error: BadDocument) -> BadDocument:
    """Where, and what instead; of a closed set of words all of them."""
    pointer, detail = error.pointer, error.detail
    words = next((words for name, words in _WORDS.items() if name in pointer.split("/")[-2:]), ())
    return BadDocument(pointer, f"{detail} There are {', '.join(words)}." if words else detail)


def _action(document: Document) -> Action:
    """What the rule does, if that makes sense."""
    chosen: list[Action] = [one for one in _ACTIONS if getattr(document.then, one) is not UNSET]
    if len(chosen) != 1:
        raise BadDocument(
            "/then", f"A rule does one thing: write one of {', '.join(_ACTIONS)}; make two rules for two."
        )
    if chosen[0] in _CONDITIONAL and document.if_ is UNSET:
        raise BadDocument("/if", f"Which items are meant? A rule that does `{chosen[0]}` needs a condition.")
    _check(document.then)
    return chosen[0]


def _check(then: Then) -> None:
    """Refuse what the types cannot."""
    if then.cap is not UNSET and field_of(then.cap.by) is None:
        raise BadDocument("/then/cap/by", f"There is no field of this name; there are {', '.join(CHOICES)}.")
    item_ids = [] if then.pin is UNSET else [one.item_id for one in then.pin]
    for place, item_id in enumerate(item_ids):
        if item_id in item_ids[:place]:
            raise BadDocument(f"/then/pin/{place}/item_id", "This item is pinned twice by this rule.")


def _condition(document: dict[str, Any] | UnsetType) -> Filter | None:
    try:
        return None if document is UNSET else filter_of(document)
    except BadFilter as error:
        raise BadDocument(f"/if{error.pointer}", error.detail) from None


_ACTIONS: tuple[Action, ...] = ("filter", "boost", "bury", "pin", "cap")
_WORDS = {"filter": ("only", "never"), "weekdays": DAYS, "then": _ACTIONS}
_CONDITIONAL = frozenset({"filter", "boost", "bury"})
