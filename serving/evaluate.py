"""Quality of the code that serves, on a history of events.

```
line ─▶ gate ─▶ what is known before it ─▶ decide ─▶ a shelf of 20 ─▶ at which place is what came next?
           └──▶ visitor fold ─▶ entries ─▶ item fold ─▶ rows, popularity     (only now is the event learnt)
```
The gate, the folds with their guards, the rows and `decide` are the live system's (`serving/history.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from serving.assortment import Assortment
from serving.baselines import Baseline
from serving.baselines import baselines as all_baselines
from serving.decide import decide
from serving.decision import Decision
from serving.history import History
from serving.placements import placements
from serving.quality import DEPTH, Quality
from serving.ranking.learnt import Chooser
from serving.request import Request, visit
from stream.choice import Choice
from stream.ingest import Accepted, validate
from stream.learners.clicks import Clicks
from stream.replay import BadFile, lines
from stream.signals import session
from stream.strict_json import Rejected

PLACEMENT = replace(placements()["home_for_you"], explore=None)  # what was best is asked for, not what is not known yet
STEPS = frozenset({"view_item", "add_to_cart"})
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
        raise BadFile(
            f"nothing can be learnt from {events}: {run.rejected} of {total} lines are not events, and no other is a "
            "view_item or add_to_cart of one item whose `consent` (or `consent_default`) grants personalization"
        )
    on_progress(1.0)
    frozen = static is not None and not learn
    return {
        "protocol": _protocol(run, total, total - tested_from, no_repeats=no_repeats, frozen=frozen),
        **run.report(),
        "seconds": round(time.perf_counter() - began, 2),
        "baselines": run.compared(),
    }


def _protocol(run: Run, total: int, tested: int, *, no_repeats: bool, frozen: bool) -> dict[str, Any]:
    without = ", without those that were in their session before" if no_repeats else ""
    return {
        "events": total,
        "events_rejected": run.rejected,
        "events_tested": tested,
        "learning": "before the tested events only" if frozen else "after every event",
        "targets": f"the items of view_item and add_to_cart events with one item{without}",
        "candidates": f"all items known so far, the session's own {'not' if no_repeats else 'too'}",
        "exclusions_off": ["out_of_stock", "hidden", "in_cart", "bought", "dismissed"],
        "guards": {
            "times_a_pair_counts_in_a_session": 1,
            "pairs_in_a_session": session.PAIRS,
            "items_in_a_session": session.ITEMS,
            "sessions_of_a_visitor_a_day": session.SESSIONS_A_DAY,
            "floods": "not learnt",
        },
        "placement": PLACEMENT.name,
        "recommenders": [*PLACEMENT.recommenders, "popular"],
        "ranking": "table score; what it leaves free is filled by the other recommenders in this order",
        "coverage": "share of all items known in the end that were in a tested list of 20",
        "popularity": "mean over these lists of an item's number of steps / that of the most seen item",
    }


def _rows(events: Path, static: Path | None) -> Iterator[bytes]:
    yield from lines(events)
    if static is not None:
        yield from lines(static)


class Asked(Struct, frozen=True):
    """A prediction before its event: the target, the items of the session so far, and everybody's lists."""

    item_id: str
    unseen: bool
    here: frozenset[str]
    listed: list[str]
    others: dict[str, list[str]]


class Run:
    """One pass over a history: what was asked, and how good the answers were."""

    def __init__(self, assortment: Assortment, *, repeats: bool, baselines: Sequence[Baseline]) -> None:
        self.history = History(assortment.shop)
        self.rejected = 0
        self._assortment, self._shop = assortment, assortment.shop
        self._repeats, self._baselines = repeats, baselines
        self._next, self._first, self._new = Quality(), Quality(), Quality()
        self._others = {baseline.name: (Quality(), Quality()) for baseline in baselines}
        self._seconds = dict.fromkeys(self._others, 0.0)
        self._unseen = 0
        self._listed: set[str] = set()
        self._popularity, self._places = 0.0, 0
        self._most_seen = 1
        self._refreshed_at = 0
        self._rng = Random(0)
        self._chooser = Clicks() if PLACEMENT.goal else None

    def play(self, row: bytes, *, tested: bool, learning: bool) -> None:
        """One line: predict if it is `tested`, then apply it."""
        accepted = validate(row, timestamp=0)
        if isinstance(accepted, Rejected):
            self.rejected += 1
            return
        stepping = accepted.name in STEPS and len(accepted.event.items) == 1
        teaches = stepping and learning and self._chooser is not None
        decision = self._decide(accepted) if teaches or (tested and stepping) else None
        asked = self._ask(accepted, accepted.event.items[0].item_id, decision) if tested and decision else None
        step = self.history.fold(accepted, learning=learning)
        if step is None:  # without consent, a duplicate, or late: it became part of no session
            return
        if asked is not None and (self._repeats or step.item_id not in asked.here):
            self._judge(asked)
        if learning:
            self._learn(accepted, step.item_id, decision)

    def report(self) -> dict[str, Any]:
        tested = self._next.n + self._first.n
        return {
            "next": self._next.as_dict(),
            "first": self._first.as_dict(),
            "new_in_session": self._new.as_dict(),
            "unseen_share": round(self._unseen / max(1, tested), 5),
            "coverage@20": round(len(self._listed) / max(1, len(self.history.seen)), 5),
            "popularity@20": round(self._popularity / max(1, self._places), 5),
        }

    def compared(self) -> dict[str, Any]:
        """The baselines: quality on the same next events, and on first ones."""
        return {
            name: {**following.as_dict(), "first": first.as_dict(), "seconds": round(self._seconds[name], 2)}
            for name, (following, first) in self._others.items()
        }

    def _learn(self, accepted: Accepted, item_id: str, decision: Decision | None) -> None:
        if self._chooser is not None and decision is not None and decision.choices is not None:
            shelf = [one.item_id for one in decision.items]
            chosen = shelf.index(item_id) if item_id in shelf else -1
            self._chooser.learn(Choice(decision.choices.features.astype(np.float64), chosen))
        self._assortment.meet(item_id)
        self._most_seen = max(self._most_seen, self.history.seen.get(item_id, 0))
        key = self._session(accepted)[0]
        for baseline in self._baselines:
            self._timed(baseline, partial(baseline.learn, key, item_id))

    def _session(self, accepted: Accepted) -> tuple[str, Sequence[session.Step]]:
        """(key, steps) of the session that the event goes on with; empty if it begins one."""
        visitor = self.history.visitor(accepted.event.visitor_id, accepted.at)
        running = session.SIGNAL.of(visitor) if visitor is not None else session.State()
        if not session.continues(running, accepted):
            return "", ()
        return f"{accepted.event.visitor_id}\0{running.id}", running.steps

    def _ask(self, accepted: Accepted, item_id: str, decision: Decision) -> Asked:
        key, steps = self._session(accepted)
        walked = [step.item_id for step in steps]
        here = frozenset(walked)
        hidden = frozenset() if self._repeats else here
        others = {
            baseline.name: self._timed(baseline, partial(baseline.predict, key, walked, DEPTH + len(hidden)))
            for baseline in self._baselines
        }
        return Asked(
            item_id,
            item_id not in self.history.seen,
            here,
            [one.item_id for one in decision.items],
            {name: _first(other, hidden) for name, other in others.items()},
        )

    def _decide(self, accepted: Accepted) -> Decision:
        """What the visitor would be shown just before the event."""
        event, now = accepted.event, accepted.at
        if not 0 <= now - self._refreshed_at < REFRESHED_MS:
            self._shop.refresh(now)
            self._refreshed_at = now
        visitor = self.history.visitor(event.visitor_id, now)
        hidden = () if self._repeats else [step.item_id for step in self._session(accepted)[1]]
        request = Request(visitor_id=event.visitor_id, session_id=event.session_id, n=DEPTH)
        where = replace(visit(request, PLACEMENT, visitor, now), hidden=dict.fromkeys(hidden, "in_session"))
        snapshot = self.history.snapshot(visitor, where)
        if self._chooser is not None:
            chooser = Chooser(self._chooser.name, 1, self._chooser.scorer())
            snapshot = replace(snapshot, choosers={"clicks": chooser})
        return decide(request, snapshot, PLACEMENT, "", now, self._rng)

    def _judge(self, asked: Asked) -> None:
        place = _place(asked.listed, asked.item_id)
        (self._next if asked.here else self._first).add(place)
        if asked.here and asked.item_id not in asked.here:
            self._new.add(place)
        for name, listed in asked.others.items():
            following, first = self._others[name]
            (following if asked.here else first).add(_place(listed, asked.item_id))
        self._unseen += asked.unseen
        self._listed.update(asked.listed)
        self._places += len(asked.listed)
        self._popularity += sum(self.history.seen.get(item_id, 0) for item_id in asked.listed) / self._most_seen

    def _timed(self, baseline: Baseline, call: Callable[[], T]) -> T:
        began = time.perf_counter()
        done = call()
        self._seconds[baseline.name] += time.perf_counter() - began
        return done


def _first(listed: Sequence[str], hidden: Collection[str]) -> list[str]:
    return [item_id for item_id in listed if item_id not in hidden][:DEPTH]


def _place(listed: Sequence[str], item_id: str) -> int | None:
    return listed.index(item_id) if item_id in listed else None
