"""Quality of the code that serves, on a history of events.

```
line ─▶ gate ─▶ what is known before it ─▶ decide ─▶ a shelf of 20 ─▶ at which place is what came next?
           └──▶ visitor fold ─▶ entries ─▶ item fold ─▶ rows, popularity     (only now is the event learnt)
```
The gate, the folds with their guards, the rows and `decide` are the live system's (`serving/history.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import numpy as np
from msgspec.structs import replace

from serving.assortment import Assortment
from serving.baselines import Baseline
from serving.baselines import baselines as all_baselines
from serving.decide import decide
from serving.decision import Decision
from serving.evaluation.judge import Asked, Before, Judge, stepping
from serving.evaluation.ledger import OURS
from serving.evaluation.protocol import protocol
from serving.history import History
from serving.placement import Placement
from serving.placements import placements
from serving.quality import DEPTH
from serving.ranking.learnt import Chooser
from serving.request import Request, visit
from stream.choice import Choice
from stream.ingest import Accepted, validate
from stream.learners.clicks import Clicks
from stream.replay import BadFile, lines
from stream.signals import session
from stream.strict_json import Rejected

PLACEMENT = placements()["home_for_you"]
BY_TIERS = replace(PLACEMENT, goal=None)
PAGE = placements()["pdp_similar"]
UNLEARNT = "unlearnt"
TAUGHT_EVERY = 3
"""Before the tested part a shelf is decided and chosen from at every third step: more changes little."""
REFRESHED_MS = 10_000
_PROGRESS_EVERY = 500

T = TypeVar("T")


def evaluate(
    events: Path,
    *,
    catalog: Path | None = None,
    last: float = 0.2,
    no_repeats: bool = False,
    static: Path | None = None,
    learn: bool = False,
    baselines: bool = False,
    on_progress: Callable[[float], None] = lambda _: None,
) -> dict[str, Any]:
    """Predict every event of a history from what went before, then learn it; what that comes to over its last part.

    Parameters
    ----------
    events: a history, one event a line, in time order.
    catalog: items, one a line; their categories and titles give more candidates.
    last: the share of the history, by number of events, that is reported.
    no_repeats: the session's own items are neither candidates nor targets.
    static: learn on `events`, then test on all of this file, with `learn` going on learning.
    baselines: also recommenders of the literature, on the same targets.
    on_progress: told the share that is done.

    Returns
    -------
    The JSON of the contract. Raises `BadFile` where there is nothing to read.
    """
    began = time.perf_counter()
    sizes = [sum(1 for _ in lines(path)) for path in (events, static) if path is not None]
    total = sum(sizes)
    tested_from = total - round(total * last) if static is None else sizes[0]
    run = Run(Assortment(catalog), repeats=not no_repeats, baselines=all_baselines() if baselines else [])
    for number, row in enumerate(_rows(events, static)):
        tested = number >= tested_from
        run.play(row, tested=tested, learning=learn or static is None or not tested)
        if number % _PROGRESS_EVERY == 0:
            on_progress(number / total)
    if not run.history.seen:
        raise BadFile(run.why_nothing(events, total))
    on_progress(1.0)
    frozen = static is not None and not learn
    return {
        "protocol": protocol(
            PLACEMENT,
            events=total,
            rejected=run.rejected,
            passed_over=run.passed_over,
            guarded=run.history.guarded,
            catalogue=run.listed,
            tested=total - tested_from,
            no_repeats=no_repeats,
            frozen=frozen,
        ),
        **run.report(),
        "seconds": round(time.perf_counter() - began, 2),
    }


def _rows(events: Path, static: Path | None) -> Iterator[bytes]:
    yield from lines(events)
    if static is not None:
        yield from lines(static)


class Run:
    """One pass over a history: what was asked, and how good the answers were."""

    def __init__(self, assortment: Assortment, *, repeats: bool, baselines: Sequence[Baseline]) -> None:
        self.history = History(assortment.shop)
        self.rejected, self.passed_over, self.listed = 0, 0, assortment.listed
        self._lines, self._first_refusal = 0, ""
        self._assortment, self._shop = assortment, assortment.shop
        self._repeats, self._baselines = repeats, baselines
        self._seconds = {baseline.name: 0.0 for baseline in baselines}
        self._seconds |= {UNLEARNT: 0.0} if baselines else {}
        self._judge = Judge(self._seconds)
        self._most_seen = 1
        self._refreshed_at = 0
        self._rng = Random(0)
        self._steps = 0
        self._chooser = Clicks() if PLACEMENT.goal else None

    def play(self, row: bytes, *, tested: bool, learning: bool) -> None:
        """One line: predict if it is `tested`, then apply it."""
        accepted = validate(row, timestamp=0)
        self._lines += 1
        if isinstance(accepted, Rejected):
            self.rejected += 1
            self._first_refusal = self._first_refusal or f"line {self._lines}: {accepted.detail}"
            return
        self._steps += stepping(accepted)
        teaches = learning and self._chooser is not None and (tested or self._steps % TAUGHT_EVERY == 0)
        decision = self._decide(accepted) if stepping(accepted) and (teaches or tested) else None
        asked = self._ask(accepted, decision) if tested and accepted.name in session.SIGNAL.on else None
        step = self.history.fold(accepted, learning=learning)
        if asked is not None:
            self._compare(asked, accepted)
        self.passed_over += step is None and stepping(accepted)
        if step is not None and learning:  # else without consent, a duplicate, or late: it became part of no session
            self._learn(accepted, step.item_id, decision)

    def why_nothing(self, events: Path, total: int) -> str:
        """What is wrong with a history of which nothing was learnt, and what to do."""
        if not total:
            return f"{events} has no lines; each must be one event as JSON (schemas/event.json)"
        if self.rejected == total:
            return f"none of the {total:,} lines of {events} is an event. {self._first_refusal}"
        none = f"none of the {total:,} events is"
        if self.rejected:
            none = f"{self.rejected:,} of {total:,} lines are no events ({self._first_refusal}), and no other is"
        return (
            f"nothing can be learnt from {events}: {none} a "
            "view_item or add_to_cart of one item whose `consent` (or `consent_default`) grants personalization"
        )

    def report(self) -> dict[str, Any]:
        """The contract's numbers, with the baselines on the same targets."""
        ours, others = self._judge.report(len(self.history.seen.keys() | self._assortment.items))
        for name, seconds in self._seconds.items():
            others[name]["seconds"] = round(seconds, 2)
        new_items = {} if self._shop.vectors is None else {"new_items": self._judge.new_items.report()}
        held = {name: one.report() for name, one in self._judge.reliability.items()}
        if self._chooser is None:  # scores of tiers are no probabilities
            held.pop("probability")
        return ours | held | new_items | {"baselines": others}

    def _learn(self, accepted: Accepted, item_id: str, decision: Decision | None) -> None:
        if self._chooser is not None and decision is not None and decision.choices is not None:
            shelf = _items(decision)
            chosen = shelf.index(item_id) if item_id in shelf else -1
            self._chooser.learn(Choice(decision.choices.features.astype(np.float64), chosen))
        self._assortment.meet(item_id)
        self._most_seen = max(self._most_seen, self.history.seen.get(item_id, 0))
        key, _ = self._session(accepted)
        self._judge.learn(item_id, key, accepted.at)
        for baseline in self._baselines:
            self._timed(baseline, partial(baseline.learn, key, item_id, accepted.at))

    def _session(self, accepted: Accepted) -> tuple[str, session.State]:
        """(key, state) of the session that the event goes on with; empty if it begins one."""
        visitor = self.history.visitor(accepted.event.visitor_id, accepted.at)
        running = session.SIGNAL.of(visitor) if visitor is not None else session.State()
        if not session.continues(running, accepted):
            return "", session.State()
        return f"{accepted.event.visitor_id}\0{running.id}", running

    def _ask(self, accepted: Accepted, decision: Decision | None) -> Asked:
        """What everybody shows before the event; `decision` is ours, if it is made already."""
        key, running = self._session(accepted)
        stranger = not key and self.history.visitor(accepted.event.visitor_id, accepted.at) is None
        before = Before(key, running.events, [step.item_id for step in running.steps], stranger)
        here = frozenset(before.walked)
        targets = self._judge.targets(accepted, before)
        if not self._repeats:
            targets = [item_id for item_id in targets if item_id not in here]
        if not targets:
            return Asked(before, [], frozenset(), {}, {})
        unseen = frozenset(item_id for item_id in targets if item_id not in self.history.seen)
        others = {
            baseline.name: self._timed(
                baseline, partial(baseline.predict, key, before.walked, DEPTH + len(here), accepted.at)
            )
            for baseline in self._baselines
        }
        decision = decision or self._decide(accepted)
        shown = _lists(decision, others, frozenset() if self._repeats else here)
        shown |= self._unlearnt(accepted)
        asked = Asked(before, targets, unseen, shown, {}, shelf=decision.items)
        if not here or here.issuperset(targets):
            return asked
        apart = shown
        if self._repeats:
            apart = _lists(self._decide(accepted, here), others, here) | self._unlearnt(accepted, here)
        asked = replace(asked, apart=apart)
        return replace(asked, new=self._new(asked, accepted)) if self._judge.any_new(asked) else asked

    def _new(self, asked: Asked, accepted: Accepted) -> dict[str, list[str]]:
        """What is shown where a new item came next, here and on the page of the item before; nothing without titles."""
        if self._shop.vectors is None or not stepping(accepted):
            return {}
        *_, last = here = asked.before.walked
        similar = self._decide(accepted, here, PAGE, [last])
        return self._judge.new_items.lists(
            {PLACEMENT.name: asked.apart[OURS], PAGE.name: _items(similar)}, here, accepted.at
        )

    def _unlearnt(self, accepted: Accepted, hidden: Collection[str] | None = None) -> dict[str, list[str]]:
        """What the same generators show in the order of their tiers, with which nothing was learnt of choices."""
        if UNLEARNT not in self._seconds:
            return {}
        began = time.perf_counter()
        found = _items(self._decide(accepted, hidden, BY_TIERS))
        self._seconds[UNLEARNT] += time.perf_counter() - began
        return {UNLEARNT: found}

    def _decide(
        self,
        accepted: Accepted,
        hidden: Collection[str] | None = None,
        placement: Placement = PLACEMENT,
        page: Sequence[str] = (),
    ) -> Decision:
        """What the visitor would be shown just before the event; without `hidden`, or what this run never shows."""
        event, now = accepted.event, accepted.at
        if not 0 <= now - self._refreshed_at < REFRESHED_MS:
            self._shop.refresh(now)
            self._refreshed_at = now
        visitor = self.history.visitor(event.visitor_id, now)
        if hidden is None:
            hidden = () if self._repeats else [step.item_id for step in self._session(accepted)[1].steps]
        request = Request(visitor_id=event.visitor_id, session_id=event.session_id, item_ids=page, n=DEPTH)
        where = replace(visit(request, placement, visitor, now), hidden=dict.fromkeys(hidden, "in_session"))
        snapshot = self.history.snapshot(visitor, where)
        if self._chooser is not None:
            chooser = Chooser(self._chooser.name, 1, self._chooser.scorer())
            snapshot = replace(snapshot, choosers={"clicks": chooser})
        return decide(request, snapshot, placement, "", now, self._rng)

    def _compare(self, asked: Asked, accepted: Accepted) -> None:
        """Hold the lists against the event, if it was applied."""
        key, running = self._session(accepted)
        if key and (key, running.events) != (asked.before.key, asked.before.events):
            self._judge.judge(asked, accepted, key, self.history.seen, self._most_seen)

    def _timed(self, baseline: Baseline, call: Callable[[], T]) -> T:
        began = time.perf_counter()
        done = call()
        self._seconds[baseline.name] += time.perf_counter() - began
        return done


def _lists(decision: Decision, others: Mapping[str, Sequence[str]], hidden: Collection[str]) -> dict[str, list[str]]:
    """By recommender, its list; that of the `others` without the `hidden`, which ours does not have."""
    cut = {name: [item_id for item_id in one if item_id not in hidden][:DEPTH] for name, one in others.items()}
    return {OURS: _items(decision), **cut}


def _items(decision: Decision) -> list[str]:
    return [one.item_id for one in decision.items]
