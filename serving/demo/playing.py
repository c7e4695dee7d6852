"""The world at any speed: many visits at once, in time order, against whatever answers shelves.

```
Arrivals: who comes next ─▶ Visit ─▶ Ask ─▶ shelves(visit, ask) ─▶ Shelf ─▶ the visit goes on
                                 └─▶ Act ─▶ event of the public contract ─▶ whoever iterates `play`
```
`serving.demo.shoppers` plays the same visits over HTTP; here time is a number.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, Final, NamedTuple

from serving.demo.people import REGULARS, Shopper, person
from serving.demo.visits import Act, Ask, Life, Shelf, Steps, Visit
from serving.demo.world import Boredom, World

PASSERS_BY: Final = 0.5
PASSERS_BY_BITS: Final = 48
AN_HOUR: Final = 60.0

Shelves = Callable[[Visit, Ask], Shelf | None]


class Arrivals:
    """Who comes next: one of the regulars by how often they come, or somebody who never was here.

    Parameters
    ----------
    passers_by: their share of the visits.
    run_id: names this run of the world: passers-by, sessions and event ids of two runs differ, regulars stay the same.
    """

    def __init__(self, world: World, *, passers_by: float = PASSERS_BY, run_id: str = "world") -> None:
        self._world, self._passers_by, self._run_id = world, passers_by, run_id
        self._rng = random.Random(f"{world.seed} {run_id} arrivals")
        self._lives = [Life(Boredom()) for _ in world.regulars]
        self._often = [shopper.activity for shopper in world.regulars]
        self._visits = 0

    def next(self, at: float) -> Visit:
        """The next visit, which begins at `at` (s)."""
        self._visits += 1
        shopper, life = self._somebody()
        return Visit(self._world, shopper, life, f"{self._run_id}-{self._visits}", at)

    def wait_s(self, an_hour: float) -> float:
        """Seconds until the next one comes, where so many come in an hour."""
        return self._rng.expovariate(an_hour / 3_600)

    def _somebody(self) -> tuple[Shopper, Life]:
        if self._rng.random() < self._passers_by:
            return person(self._world.seed, REGULARS + self._rng.getrandbits(PASSERS_BY_BITS)), Life(Boredom())
        number = self._rng.choices(range(len(self._lives)), self._often)[0]
        return self._world.regulars[number], self._lives[number]


class _Turn(NamedTuple):
    """When a visit goes on, or (None) the next one comes; in the order of coming where they meet."""

    at: float
    place: int
    under_way: UnderWay | None


class UnderWay:
    """A visit and its next step; what it does becomes events, named by the visit."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self._steps: Steps = visit.steps()
        self._sent = 0
        self.step: Ask | Act | None = next(self._steps, None)

    def go_on(self, shelf: Shelf | None = None) -> None:
        """On to the next step; None when the visit is over."""
        try:
            self.step = self._steps.send(shelf)
        except StopIteration:
            self.step = None

    def event(self, act: Act, at: float) -> dict[str, Any]:
        """What an act sends at `at` (s)."""
        self._sent += 1
        return {
            "event_id": f"{self.visit.name}-{self._sent}",
            "event": act.event,
            "occurred_at": round(at * 1000),
            "visitor_id": self.visit.visitor_id,
            "session_id": self.visit.session_id,
            "consent": self.visit.consent,
            "context": {"channel": "web"},
            **act.fields,
        }


def play(
    arrivals: Arrivals,
    shelves: Shelves = lambda visit, ask: None,  # noqa: ARG005  # a shop without shelves
    *,
    start_at: float,
    an_hour: float = AN_HOUR,
) -> Iterator[dict[str, Any]]:
    """Events of the world without end, in time order; nothing of people who let nothing be kept.

    Parameters
    ----------
    shelves: answers what people look at; called at the visit's `context.at`, after all earlier events were taken.
    start_at: when the first one comes, in seconds since the epoch; `an_hour` visits begin in an hour.
    """
    turns = [_Turn(start_at, 0, None)]
    for place in count(1):
        at, _, under_way = heapq.heappop(turns)
        if under_way is None:
            under_way = UnderWay(arrivals.next(at))
            heapq.heappush(turns, _Turn(at + arrivals.wait_s(an_hour), 0, None))
        else:
            under_way.visit.context.at = at
            match under_way.step:
                case Ask() as ask:
                    under_way.go_on(shelves(under_way.visit, ask))
                case Act() as act:
                    if under_way.visit.recorded:
                        yield under_way.event(act, at)
                    under_way.go_on()
        if under_way.step is not None:
            heapq.heappush(turns, _Turn(at + under_way.step.after_s, place, under_way))
