"""Which rules act on a request: made once for each change of the documents, asked with each request.

```
documents ─▶ Rules ─▶ by placement ─▶ open in this second? ─▶ whose segment holds? ─▶ Acting
```
Without rules there is nothing to ask (None), and nothing is paid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import UNSET
from msgspec.structs import replace

from serving.candidate import Candidate
from serving.config.documents import Documents
from serving.filters.masks import Together
from serving.filters.rule import Rule as Filter
from serving.rules.boosts import Boosts
from serving.rules.rule import Rule
from serving.rules.schedule import ALWAYS
from serving.rules.segment import Shopper

PINNED = "pinned"
KEPT = 64


class Pinned(NamedTuple):
    """An item that a rule gives a place; `rule` says whether it meets that rule's condition."""

    position: int
    candidate: Candidate
    rule: Rule


class Acting(NamedTuple):
    """The rules that act on a request, in their order, taken apart by what they do.

    `filter` is what they let through together; `bits` are those of `boosts`.
    """

    rules: tuple[Rule, ...]
    filter: Filter | None
    boosts: Boosts
    bits: int
    pins: tuple[Pinned, ...]
    caps: tuple[Rule, ...]

    @property
    def wide(self) -> bool:
        """Whether a shelf needs more candidates than it has places."""
        return bool(self.bits or self.caps)

    @property
    def names(self) -> list[str]:
        return [one.name for one in self.rules]


class RulesHere:
    """The rules of one placement."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(sorted(rules, key=lambda one: one.order))
        self._boosts = Boosts([one for one in self.rules if one.action in {"boost", "bury"}])
        self._second = -1
        self._open: tuple[Rule, ...] = ()
        self._segmented = False
        self._made: dict[tuple[Rule, ...], Acting] = {}

    def acting(self, shopper: Shopper | None, now: int) -> Acting | None:
        """Those that act on a request at `now` (ms) of this shopper; None: of nobody whose state may be used."""
        rules = self._open_at(now // 1000)
        if self._segmented:
            rules = tuple(one for one in rules if one.segment is None or (shopper is not None and one.segment(shopper)))
        if not rules:
            return None
        made = self._made.get(rules)
        if made is None:
            if len(self._made) >= KEPT:
                self._made.clear()
            made = self._made[rules] = self._make(rules)
        return made

    def _open_at(self, second: int) -> tuple[Rule, ...]:
        if second != self._second:
            self._open = tuple(one for one in self.rules if one.schedule.open(second))
            self._segmented = any(one.segment is not None for one in self._open)
            self._second = second
        return self._open

    def _make(self, rules: tuple[Rule, ...]) -> Acting:
        return Acting(
            rules,
            _filter([one for one in rules if one.action == "filter"]),
            self._boosts,
            self._boosts.bits_of(rules),
            _pins([one for one in rules if one.action == "pin"]),
            tuple(one for one in rules if one.action == "cap"),
        )


class Rules:
    """All rules, by placement; follows the documents."""

    def __init__(self, documents: Documents[Rule]) -> None:
        self._documents = documents
        self._of: Mapping[str, Rule] | None = None
        self._here: dict[str, RulesHere | None] = {}

    def of(self, placement: str) -> RulesHere | None:
        """The rules of a placement, None where there are none."""
        documents = self._documents.all  # another mapping after a change
        if not documents:
            return None
        if documents is not self._of:
            self._of, self._here = documents, {}
        if placement not in self._here:
            here = [one for one in documents.values() if one.at(placement)]
            self._here[placement] = RulesHere(here) if here else None
        return self._here[placement]

    def acted(self, names: Sequence[str]) -> RulesHere | None:
        """Rules that acted on a decision of the past, as they are now; they act again, at any time and for anybody."""
        documents = self._documents.all
        found = [replace(documents[name], schedule=ALWAYS, segment=None) for name in names if name in documents]
        return RulesHere(found) if found else None


def _filter(rules: Sequence[Rule]) -> Filter | None:
    """What all filter rules let through, as one filter."""
    if not rules:
        return None
    parts = [(one.condition, one.document.then.filter == "never") for one in rules if one.condition is not None]
    fields = frozenset().union(*(part.fields for part, _ in parts))
    return Filter(b'{"rules":"%b"}' % ",".join(one.name for one in rules).encode(), fields, Together(parts))


def _pins(rules: Sequence[Rule]) -> tuple[Pinned, ...]:
    """Each item once, as the first rule that names it says; a place that is taken gives way to the next free one."""
    found: dict[str, Pinned] = {}
    taken: set[int] = set()
    for rule in rules:
        for pin in () if rule.document.then.pin is UNSET else rule.document.then.pin:
            if pin.item_id in found:
                continue
            position = pin.position
            while position in taken:
                position += 1
            taken.add(position)
            found[pin.item_id] = Pinned(position, Candidate(pin.item_id, 0.0, PINNED, rules=(rule.name,)), rule)
    return tuple(sorted(found.values(), key=lambda one: one.position))
