"""Targets, places and exposures of a run: the answers that were asked before an event meet what it turned out to be."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from serving.decision import Shown
from serving.evaluation.exposure import Exposure
from serving.evaluation.ledger import OURS, STEPS, Ledger, Target
from serving.evaluation.new_items import NewItems
from serving.evaluation.reliability import reliabilities
from serving.evaluation.report import Report
from serving.evaluation.sittings import Newcomers, Sitting, Sittings
from serving.quality import place
from stream.ingest import Accepted

COLD_SESSIONS = 5
_COUNTED = -1


class Before(Struct, frozen=True):
    """A visitor's running session just before an event.

    Attributes
    ----------
    key: names the session; empty if the event begins one.
    events: how many it had.
    walked: the items of its steps, oldest first.
    stranger: nothing is known of the visitor.
    """

    key: str
    events: int
    walked: list[str]
    stranger: bool


class Asked(Struct, frozen=True):
    """What everybody would have shown before an event whose items are `targets`.

    `unseen` are those of the targets that nobody had seen; `shown` and `apart` (without the session's own items; empty
    where nobody was asked) are by recommender; `new` are the lists of `NewItems`, empty where no
    target is such an item; `shelf` is what serves of `shown`, with its evidence.
    """

    before: Before
    targets: list[str]
    unseen: frozenset[str]
    shown: Mapping[str, list[str]]
    apart: Mapping[str, list[str]]
    new: Mapping[str, list[str]] = {}
    shelf: Sequence[Shown] = ()


def stepping(accepted: Accepted) -> bool:
    """Whether the event is a step of a session: a view or cart of one item."""
    return accepted.name in STEPS and len(accepted.event.items) == 1


def _buying(accepted: Accepted) -> bool:
    edge = accepted.event.edge
    return accepted.name == "purchase" and (edge is None or edge.purchase_confirmed)


class Judge:
    """What comes out of a run.

    Parameters
    ----------
    names: the recommenders of the literature that are compared.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._ledger = Ledger([OURS, *names])
        self._exposures = {name: Exposure() for name in self._ledger.names}
        self._sittings, self._newcomers = Sittings(), Newcomers(COLD_SESSIONS)
        self.new_items, self.reliability = NewItems(), reliabilities()
        self._numbers: dict[str, int] = {}

    def targets(self, accepted: Accepted, before: Before) -> list[str]:
        """The items of the event that are to be predicted: a step's, else those that the session has not had."""
        items = [item.item_id for item in accepted.event.items]
        if stepping(accepted):
            return items
        if accepted.name not in STEPS and not _buying(accepted):
            return []
        sitting = self._sittings.of(accepted.event.visitor_id, before.key)
        if before.key and sitting is None:
            return []
        known = () if sitting is None else sitting.rows
        return [item_id for item_id in dict.fromkeys(items) if item_id not in known]

    def judge(self, asked: Asked, accepted: Accepted, key: str, seen: Mapping[str, int], most_seen: int) -> None:
        """The event was applied; `key` names its session now, `seen` are the steps that each item had."""
        before, visitor_id = asked.before, accepted.event.visitor_id
        sitting = (
            self._sittings.of(visitor_id, key)
            if before.key
            else self._sittings.begin(visitor_id, key, stranger=before.stranger)
        )
        for item_id in asked.targets:
            row = self._add(item_id, asked, accepted, key, sitting)
            if sitting is not None:
                sitting.rows.setdefault(item_id, row)
        if asked.targets and stepping(accepted):
            for name, listed in asked.shown.items():
                self._exposures[name].add(listed, seen, most_seen)
            if before.walked:
                for one in self.reliability.values():
                    one.add(self._numbers[key], asked.shelf, asked.targets[0])
        if sitting is not None and _buying(accepted):
            self._buy(sitting, {item.item_id for item in accepted.event.items})

    def any_new(self, asked: Asked) -> bool:
        """Whether a target is new in its session, and came up in the tested part (or does now)."""
        here = asked.before.walked
        return bool(here) and any(
            one not in here and (one in asked.unseen or one in self._newcomers) for one in asked.targets
        )

    def learn(self, item_id: str, key: str, at: int) -> None:
        """A step of the session `key` at `at` (ms) was learnt."""
        self._newcomers.learn(item_id, key)
        self.new_items.learn(item_id, key, at)

    def report(self, known: int) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """The numbers of what serves, and by name those of the others; `known` is the number of items."""
        told, exposed = Report(self._ledger), {name: one.as_dict(known) for name, one in self._exposures.items()}
        others = {name: told.compared(name) | exposed[name] for name in exposed if name != OURS}
        return told.ours() | exposed[OURS], others

    def _add(self, item_id: str, asked: Asked, accepted: Accepted, key: str, sitting: Sitting | None) -> int:
        if item_id in asked.unseen:
            self._newcomers.meet(item_id)
        target = Target(
            session=self._numbers.setdefault(key, len(self._numbers)),
            length=len(asked.before.walked),
            event=accepted.name if stepping(accepted) else "",
            unseen=item_id in asked.unseen,
            cold=self._newcomers.cold(item_id, key),
            repeated=item_id in asked.before.walked,
            stranger=sitting is not None and sitting.stranger,
        )
        if asked.new and not target.repeated and item_id in self._newcomers:
            self.new_items.add(item_id, target, asked.new)
        places = {name: place(listed, item_id) for name, listed in asked.shown.items()}
        return self._ledger.add(target, places, {name: place(one, item_id) for name, one in asked.apart.items()})

    def _buy(self, sitting: Sitting, items: Collection[str]) -> None:
        for item_id in sorted(items):
            row = sitting.rows.get(item_id, _COUNTED)
            if row != _COUNTED:
                self._ledger.buy(row)
                sitting.rows[item_id] = _COUNTED
